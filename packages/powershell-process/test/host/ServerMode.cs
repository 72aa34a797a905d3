using System.Management.Automation;
using System.Reflection;

namespace TestHost;

/// <summary>`pwsh -s`: the engine's own server on the standard streams.</summary>
public static class ServerMode
{
    public static int Run()
    {
        var mediator = typeof(PSObject).Assembly.GetType("System.Management.Automation.Remoting.Server.StdIOProcessMediator", throwOnError: true)!;
        var run = mediator.GetMethod("Run", BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)!;
        var values = run.GetParameters().Select(parameter => parameter.Name switch
        {
            "initialCommand" => ExchangeStandIns.Import,
            "combineErrOutStream" => (object)false,
            _ => null,
        });
        run.Invoke(null, values.ToArray());
        return 0;
    }
}
