using System.Management.Automation.Remoting;

namespace Oracle;

/// <summary>
/// The real server on a named pipe (on Unix the socket CoreFxPipe_NAME in the temporary folder), which is what
/// `pwsh -CustomPipeName NAME` runs. It says `ready` when it listens, and ends with its standard input.
/// </summary>
public static class PipeCommand
{
    public static int Run(string[] args)
    {
        RemoteSessionNamedPipeServer.CreateCustomNamedPipeServer(args[0]);
        Console.Out.WriteLine("ready");
        Console.Out.Flush();
        Console.In.ReadToEnd();
        return 0;
    }
}
