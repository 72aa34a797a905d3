using System.Globalization;
using System.Management.Automation.Host;

namespace TestHost;

/// <summary>A host on the process's own streams: no window, no colours.</summary>
public sealed class ConsoleHost(bool nonInteractive) : PSHost
{
    readonly ConsoleInterface surface = new(nonInteractive);

    public int? ExitCode { get; private set; }
    public override CultureInfo CurrentCulture => CultureInfo.CurrentCulture;
    public override CultureInfo CurrentUICulture => CultureInfo.CurrentUICulture;
    public override Guid InstanceId { get; } = Guid.NewGuid();
    public override string Name => "ConsoleHost";
    public override PSHostUserInterface UI => surface;
    public override Version Version => typeof(PSHost).Assembly.GetName().Version!;
    public override void EnterNestedPrompt() => throw new NotSupportedException("there is no prompt to nest");
    public override void ExitNestedPrompt() => throw new NotSupportedException("there is no prompt to leave");
    public override void NotifyBeginApplication() { }
    public override void NotifyEndApplication() { }
    public override void SetShouldExit(int exitCode) => ExitCode = exitCode;
}
