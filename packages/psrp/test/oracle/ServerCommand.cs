using System.Management.Automation;
using System.Reflection;

namespace Oracle;

/// <summary>
/// The real server on standard streams, which is what `pwsh -s` runs. The first argument, if any, is script text
/// run in each new runspace, e.g. to take its language away.
/// </summary>
public static class ServerCommand
{
    public static int Run(string[] args)
    {
        var mediator = typeof(PSObject).Assembly.GetType("System.Management.Automation.Remoting.Server.StdIOProcessMediator", throwOnError: true)!;
        var run = mediator.GetMethod("Run", BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)!;
        var values = run.GetParameters().Select(parameter => parameter.Name switch
        {
            "initialCommand" => args.Length > 0 ? args[0] : null,
            "combineErrOutStream" => (object)false,
            _ => null,
        });
        run.Invoke(null, values.ToArray());
        return 0;
    }
}
