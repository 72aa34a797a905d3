// Stands in for `pwsh` where that program cannot be had: PowerShell's own engine, started as `pwsh` starts it, for
// the arguments that this project uses. What the engine alone lacks is in ./cmdlets and ./Modules.
using System.Management.Automation.Remoting;
using TestHost;

// Found by name when first used, as the modules of the same names in a whole PowerShell.
var modules = Path.Combine(AppContext.BaseDirectory, "Modules");
var existing = Environment.GetEnvironmentVariable("PSModulePath");
Environment.SetEnvironmentVariable("PSModulePath", string.IsNullOrEmpty(existing) ? modules : modules + Path.PathSeparator + existing);
// The engine writes what it learns of modules beside the user's own files otherwise.
Environment.SetEnvironmentVariable("PSModuleAnalysisCachePath", Path.Combine(AppContext.BaseDirectory, "module-analysis-cache"));

if (args is ["check-script", .. var scripts]) return ScriptCheck.Run(scripts);

var line = CommandLine.Parse(args);
if (line.Problem is not null)
{
    Console.Error.WriteLine(line.Problem);
    return CommandLine.BadParameterExitCode;
}
if (line.Version)
{
    Console.Out.WriteLine("PowerShell " + typeof(System.Management.Automation.PSObject).Assembly.GetName().Version!.ToString(3));
    return 0;
}
if (line.CustomPipeName is not null) RemoteSessionNamedPipeServer.CreateCustomNamedPipeServer(line.CustomPipeName);
return line.ServerMode ? ServerMode.Run() : ScriptRun.Run(line);
