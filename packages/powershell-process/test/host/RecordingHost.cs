using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace TestHost;

/// <summary>A host that keeps the lines that formatting gives it: for Out-String and Out-File.</summary>
public sealed class RecordingHost : PSHost
{
    readonly Recorder recorder = new();

    public List<string> Lines => recorder.Taken;
    public override CultureInfo CurrentCulture => CultureInfo.CurrentCulture;
    public override CultureInfo CurrentUICulture => CultureInfo.CurrentUICulture;
    public override Guid InstanceId { get; } = Guid.NewGuid();
    public override string Name => "RecordingHost";
    public override PSHostUserInterface UI => recorder;
    public override Version Version => new(1, 0);
    public override void EnterNestedPrompt() { }
    public override void ExitNestedPrompt() { }
    public override void NotifyBeginApplication() { }
    public override void NotifyEndApplication() { }
    public override void SetShouldExit(int exitCode) { }

    sealed class Recorder : PSHostUserInterface
    {
        public List<string> Taken { get; } = [];
        public override PSHostRawUserInterface? RawUI => null;
        public override void Write(string value) => Taken.Add(GetOutputString(value, supportsVirtualTerminal: false));
        public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) => Taken.Add(GetOutputString(value, supportsVirtualTerminal: false));
        public override void WriteLine(string value) => Taken.Add(GetOutputString(value, supportsVirtualTerminal: false));
        public override void WriteErrorLine(string value) => Taken.Add(GetOutputString(value, supportsVirtualTerminal: false));
        public override void WriteDebugLine(string message) { }
        public override void WriteVerboseLine(string message) { }
        public override void WriteWarningLine(string message) { }
        public override void WriteProgress(long sourceId, ProgressRecord record) { }
        public override string ReadLine() => throw new PSInvalidOperationException("nobody is asked");
        public override SecureString ReadLineAsSecureString() => throw new PSInvalidOperationException("nobody is asked");
        public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions) => throw new PSInvalidOperationException("nobody is asked");
        public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice) => throw new PSInvalidOperationException("nobody is asked");
        public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) => throw new PSInvalidOperationException("nobody is asked");
        public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options) => throw new PSInvalidOperationException("nobody is asked");
    }
}
