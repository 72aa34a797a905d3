using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;
using System.Reflection;
using System.Runtime.InteropServices;

namespace TestHost;

/// <summary>
/// `pwsh -File` and `pwsh -Command`: one pipeline ending in Out-Default with the errors merged into it, so that the
/// engine's own formatting prints them. Exit code: what `exit` said; 1 when an error ended the script; else 0 — for
/// -Command also 1 when its last statement failed.
/// </summary>
public static class ScriptRun
{
    const BindingFlags Inside = BindingFlags.Instance | BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public;

    public static int Run(CommandLine line)
    {
        var host = new ConsoleHost(line.NonInteractive);
        using var runspace = RunspaceFactory.CreateRunspace(host, InitialSessionState.CreateDefault2());
        runspace.Open();
        PSStyle.Instance.OutputRendering = OutputRendering.PlainText; // what a redirected pwsh comes to
        Runspace.DefaultRunspace = runspace;
        LetExitThrough(runspace);
        if (ExchangeStandIns.Import is { } import) PowerShell.Create(runspace).AddScript(import).Invoke();
        using var pipeline = runspace.CreatePipeline();
        pipeline.Commands.Add(CommandOf(line));
        pipeline.Commands[0].MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output);
        pipeline.Commands.Add(new Command("Out-Default"));
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = true;
            pipeline.StopAsync();
        });
        try
        {
            pipeline.Invoke(InputOf(line));
        }
        catch (RuntimeException error) when (ExitCodeOf(error) is { } code)
        {
            return code;
        }
        catch (RuntimeException error)
        {
            Report(runspace, error);
            return 1;
        }
        if (host.ExitCode is { } asked) return asked;
        return line.Command is not null && !LastSucceeded(runspace) ? 1 : 0;
    }

    static Command CommandOf(CommandLine line)
    {
        if (line.File is null) return new Command(line.Command!, isScript: true, useLocalScope: false);
        var command = new Command(line.File, isScript: false, useLocalScope: false);
        foreach (var argument in line.Arguments) command.Parameters.Add(argument);
        return command;
    }

    /// <summary>A script that names `$input` is given the lines of standard input; any other may read them itself.</summary>
    static System.Collections.IEnumerable? InputOf(CommandLine line)
    {
        if (line.File is null || !Console.IsInputRedirected) return null;
        var ast = Parser.ParseFile(line.File, out _, out _);
        var names = ast.Find(one => one is VariableExpressionAst { VariablePath.UserPath: var path } && path.Equals("input", StringComparison.OrdinalIgnoreCase), false);
        return names is null ? null : Lines();
    }

    static IEnumerable<string> Lines()
    {
        while (Console.In.ReadLine() is { } text) yield return text;
    }

    /// <summary>`exit` in a script file otherwise only sets $LASTEXITCODE; `pwsh` sets this same switch.</summary>
    static void LetExitThrough(Runspace runspace)
    {
        var context = typeof(Runspace).GetProperty("ExecutionContext", Inside)!.GetValue(runspace)!;
        context.GetType().GetProperty("ScriptCommandProcessorShouldRethrowExit", Inside)!.SetValue(context, true);
    }

    static bool LastSucceeded(Runspace runspace)
    {
        var context = typeof(Runspace).GetProperty("ExecutionContext", Inside)!.GetValue(runspace)!;
        return (bool)context.GetType().GetProperty("QuestionMarkVariableValue", Inside)!.GetValue(context)!;
    }

    static int? ExitCodeOf(RuntimeException error)
    {
        if (error.GetType().Name != "ExitException") return null;
        var argument = error.GetType().GetProperty("Argument", Inside)!.GetValue(error);
        return LanguagePrimitives.TryConvertTo(argument, out int code) ? code : 0;
    }

    /// <summary>As an error of any statement is printed: through Out-Default, to standard error.</summary>
    static void Report(Runspace runspace, RuntimeException error)
    {
        var record = new PSObject(new ErrorRecord(error.ErrorRecord, error));
        var stream = typeof(PSObject).GetProperty("WriteStream", Inside)!;
        stream.SetValue(record, Enum.Parse(stream.PropertyType, "Error"));
        using var pipeline = runspace.CreatePipeline();
        pipeline.Commands.Add("Out-Default");
        pipeline.Invoke(new[] { record });
    }
}
