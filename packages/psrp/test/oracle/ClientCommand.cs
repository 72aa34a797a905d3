using System.Collections;
using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Security;
using System.Text.Json.Nodes;

namespace Oracle;

/// <summary>
/// The real client against whatever listens at the named pipe (on Unix the socket CoreFxPipe_NAME in the temporary
/// folder). It runs a fixed list of scenarios and says what it saw of each, one JSON line a scenario.
/// </summary>
public static class ClientCommand
{
    public static int Run(string[] args)
    {
        var connection = new NamedPipeConnectionInfo(args[0]) { OpenTimeout = 20_000 };
        using var runspace = RunspaceFactory.CreateRunspace(connection);
        runspace.Open();
        Tell(new JsonObject { ["scenario"] = "open", ["state"] = runspace.RunspaceStateInfo.State.ToString() });
        Invoke(runspace, "echo", shell => shell.AddCommand("Echo-Arguments")
            .AddParameter("Text", "a\n_x000A_ \u2028 \U0001F600")
            .AddParameter("Switch")
            .AddParameter("No", false)
            .AddParameter("Number", 42)
            .AddParameter("Long", 1L << 40)
            .AddParameter("Double", 0.5)
            .AddParameter("Nothing", null)
            .AddParameter("Array", new object[] { 1, "two", null! })
            .AddParameter("Table", new Hashtable { ["Add"] = "smtp:a@b" })
            .AddArgument("positional"));
        Invoke(runspace, "two commands", shell => shell.AddCommand("First").AddCommand("Second").AddParameter("Property", new[] { "Name" }));
        Invoke(runspace, "two statements", shell => shell.AddCommand("First").AddStatement().AddCommand("Second"));
        Invoke(runspace, "streams", shell => shell.AddCommand("Write-Streams"));
        Invoke(runspace, "failure", shell => shell.AddCommand("Fail-Terminating"));
        Invoke(runspace, "big", shell => shell.AddCommand("Get-Big").AddParameter("Length", 300_000), lengthOnly: true);
        Invoke(runspace, "nothing", shell => shell.AddCommand("Get-Null"));
        Invoke(runspace, "input", shell => shell.AddCommand("Sum-Input"), input: Enumerable.Range(1, 2000).Cast<object>());
        var secret = new SecureString();
        foreach (var unit in "pässwörd") secret.AppendChar(unit);
        Invoke(runspace, "secure string", shell => shell.AddCommand("Reveal-Secret").AddParameter("Secret", secret));
        Invoke(runspace, "secure string back", shell => shell.AddCommand("Get-Secret"));
        Stop(runspace);
        runspace.Close();
        Tell(new JsonObject { ["scenario"] = "close", ["state"] = runspace.RunspaceStateInfo.State.ToString() });
        return 0;
    }

    static void Tell(JsonNode node)
    {
        Console.Out.WriteLine(node.ToJsonString());
        Console.Out.Flush();
    }

    static void Invoke(Runspace runspace, string scenario, Func<PowerShell, PowerShell> build, IEnumerable<object>? input = null, bool lengthOnly = false)
    {
        using var shell = PowerShell.Create();
        shell.Runspace = runspace;
        build(shell);
        var output = new Collection<PSObject>();
        ErrorRecord? failure = null;
        try
        {
            output = input is null ? shell.Invoke() : shell.Invoke(input);
        }
        catch (RuntimeException error)
        {
            failure = error.ErrorRecord;
        }
        Tell(new JsonObject
        {
            ["scenario"] = scenario,
            ["state"] = shell.InvocationStateInfo.State.ToString(),
            ["output"] = new JsonArray(output.Select(one => lengthOnly ? JsonValue.Create(one.ToString().Length) : Text(one)).ToArray()),
            ["errors"] = new JsonArray(shell.Streams.Error.Select(Error).ToArray()),
            ["warnings"] = new JsonArray(shell.Streams.Warning.Select(one => (JsonNode)one.Message).ToArray()),
            ["verbose"] = new JsonArray(shell.Streams.Verbose.Select(one => (JsonNode)one.Message).ToArray()),
            ["debug"] = new JsonArray(shell.Streams.Debug.Select(one => (JsonNode)one.Message).ToArray()),
            ["information"] = new JsonArray(shell.Streams.Information.Select(one => (JsonNode)$"{one.Source}: {one.MessageData} [{string.Join(",", one.Tags)}]").ToArray()),
            ["progress"] = new JsonArray(shell.Streams.Progress.Select(one => (JsonNode)$"{one.Activity}: {one.StatusDescription} {one.PercentComplete} {one.RecordType}").ToArray()),
            ["failure"] = failure is null ? null : Error(failure),
        });
    }

    static JsonNode? Text(PSObject? one)
    {
        if (one is null) return null;
        if (one.BaseObject is SecureString secret) return "secret:" + new System.Net.NetworkCredential("", secret).Password;
        return one.ToString();
    }

    static JsonNode Error(ErrorRecord record) => new JsonObject
    {
        ["message"] = record.Exception.Message,
        ["id"] = record.FullyQualifiedErrorId,
        ["category"] = record.CategoryInfo.ToString(),
        ["details"] = record.ErrorDetails?.Message,
    };

    static void Stop(Runspace runspace)
    {
        using var shell = PowerShell.Create();
        shell.Runspace = runspace;
        shell.AddCommand("Wait-Forever");
        var output = new PSDataCollection<PSObject>();
        using var seen = new ManualResetEventSlim();
        output.DataAdded += (_, _) => seen.Set();
        shell.BeginInvoke<PSObject, PSObject>(null, output);
        if (!seen.Wait(20_000)) throw new TimeoutException("the first output did not come");
        shell.Stop();
        Tell(new JsonObject { ["scenario"] = "stop", ["state"] = shell.InvocationStateInfo.State.ToString() });
    }
}
