using System.Management.Automation.Runspaces;

namespace TestHost;

/// <summary>
/// The command line of `pwsh`, read as its about_Pwsh page and its source (CommandLineParameterParser) say:
/// everything after `-File` belongs to the script; `-name value` binds by name, `-name:true` is a Boolean, and a
/// `-name` alone is a switch or takes the next argument, as the script's parameters decide.
/// </summary>
public sealed class CommandLine
{
    /// <summary>EX_USAGE on Unix, 0xFFFD0000 on Windows.</summary>
    public static int BadParameterExitCode => OperatingSystem.IsWindows() ? unchecked((int)0xFFFD0000) : 64;

    public bool ServerMode { get; private set; }
    public bool NonInteractive { get; private set; }
    public bool Version { get; private set; }
    public string? CustomPipeName { get; private set; }
    public string? File { get; private set; }
    public string? Command { get; private set; }
    public string? Problem { get; private set; }
    public List<CommandParameter> Arguments { get; } = [];

    public static CommandLine Parse(string[] args)
    {
        var line = new CommandLine();
        for (var at = 0; at < args.Length && line.Problem is null; at++) at = line.Take(args, at);
        if (!line.ServerMode && !line.Version && line is { File: null, Command: null, Problem: null })
            line.Problem = "This stand-in for pwsh has no prompt: give it -s, -File or -Command.";
        return line;
    }

    int Take(string[] args, int at)
    {
        var name = args[at].TrimStart('-').ToLowerInvariant();
        switch (name)
        {
            case "s" or "servermode":
                ServerMode = true;
                return at;
            case "nologo" or "nol" or "noprofile" or "nop" or "mta" or "sta":
                return at;
            case "noninteractive" or "noni":
                NonInteractive = true;
                return at;
            case "version" or "v":
                Version = true;
                return at;
            case "executionpolicy" or "ep" or "ex" or "inputformat" or "outputformat" or "workingdirectory" or "wd" or "custompipename":
                if (at + 1 >= args.Length)
                {
                    Problem = $"The parameter {args[at]} wants a value.";
                    return at;
                }
                if (name is "workingdirectory" or "wd") Directory.SetCurrentDirectory(args[at + 1]);
                if (name == "custompipename") CustomPipeName = args[at + 1];
                return at + 1;
            case "command" or "c":
                Command = string.Join(' ', args[(at + 1)..]);
                return args.Length;
            case "file" or "f":
                TakeFile(args, at + 1);
                return args.Length;
            default:
                if (args[at].StartsWith('-')) Problem = $"{args[at]} is not a parameter that this stand-in for pwsh knows.";
                else TakeFile(args, at);
                return args.Length;
        }
    }

    void TakeFile(string[] args, int at)
    {
        if (at >= args.Length)
        {
            Problem = "The -File parameter requires a file path to be specified.";
            return;
        }
        var path = Path.GetFullPath(args[at]);
        if (OperatingSystem.IsWindows() && !path.EndsWith(".ps1", StringComparison.OrdinalIgnoreCase))
            Problem = $"Processing -File '{args[at]}' failed because the file does not have a '.ps1' extension. Specify a valid PowerShell script file name, and then try again.";
        else if (!System.IO.File.Exists(path))
            Problem = $"The argument '{args[at]}' is not recognized as the name of a script file. Check the spelling of the name, or if a path was included, verify that the path is correct and try again.";
        File = path;
        Collect(args, at + 1);
    }

    void Collect(string[] args, int at)
    {
        string? pending = null;
        for (; at < args.Length; at++)
        {
            var arg = args[at];
            if (pending is not null)
            {
                Arguments.Add(new CommandParameter(pending, arg));
                pending = null;
            }
            else if (arg.Length > 1 && IsDash(arg[0]))
            {
                var colon = arg.IndexOf(':');
                if (colon < 0) Arguments.Add(new CommandParameter(arg));
                else if (colon == arg.Length - 1) pending = arg.TrimEnd(':');
                else Arguments.Add(new CommandParameter(arg[..colon], BooleanIfPossible(arg[(colon + 1)..])));
            }
            else
            {
                Arguments.Add(new CommandParameter(null, arg));
            }
        }
    }

    static bool IsDash(char one) => one is '-' or '\u2013' or '\u2014' or '\u2015';

    static object BooleanIfPossible(string text) =>
        bool.TryParse(text.StartsWith('$') ? text[1..] : text, out var flag) ? flag : text;
}
