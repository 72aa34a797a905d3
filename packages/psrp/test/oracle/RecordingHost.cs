using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace Oracle;

/// <summary>A host that answers what it is asked, always the same, and tells each call as a line of text.</summary>
public sealed class RecordingHost : PSHost
{
    public List<string> Calls { get; } = [];
    public override CultureInfo CurrentCulture => CultureInfo.InvariantCulture;
    public override CultureInfo CurrentUICulture => CultureInfo.InvariantCulture;
    public override Guid InstanceId { get; } = Guid.NewGuid();
    public override string Name => "Recording";
    public override Version Version => new(1, 0);
    public override PSHostUserInterface UI { get; }

    public RecordingHost() => UI = new RecordingInterface(Calls);

    public override void SetShouldExit(int exitCode) => Calls.Add($"SetShouldExit {exitCode}");
    public override void EnterNestedPrompt() => Calls.Add("EnterNestedPrompt");
    public override void ExitNestedPrompt() => Calls.Add("ExitNestedPrompt");
    public override void NotifyBeginApplication() => Calls.Add("NotifyBeginApplication");
    public override void NotifyEndApplication() => Calls.Add("NotifyEndApplication");

    sealed class RecordingInterface(List<string> calls) : PSHostUserInterface
    {
        public override PSHostRawUserInterface RawUI { get; } = new RecordingRawInterface(calls);

        public override string ReadLine()
        {
            calls.Add("ReadLine");
            return "the line";
        }

        public override SecureString ReadLineAsSecureString()
        {
            calls.Add("ReadLineAsSecureString");
            var secret = new SecureString();
            foreach (var unit in "the secret") secret.AppendChar(unit);
            return secret;
        }

        public override void Write(string value) => calls.Add($"Write {value}");
        public override void Write(ConsoleColor foreground, ConsoleColor background, string value) => calls.Add($"Write {foreground} {background} {value}");
        public override void WriteLine(string value) => calls.Add($"WriteLine {value}");
        public override void WriteErrorLine(string value) => calls.Add($"WriteErrorLine {value}");
        public override void WriteDebugLine(string message) => calls.Add($"WriteDebugLine {message}");
        public override void WriteVerboseLine(string message) => calls.Add($"WriteVerboseLine {message}");
        public override void WriteWarningLine(string message) => calls.Add($"WriteWarningLine {message}");
        public override void WriteProgress(long sourceId, ProgressRecord record) => calls.Add($"WriteProgress {record.Activity} {record.PercentComplete} {record.RecordType}");

        public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions)
        {
            calls.Add($"Prompt {caption} {message} {string.Join(",", descriptions.Select(one => $"{one.Name}:{one.ParameterTypeName}"))}");
            return descriptions.ToDictionary(one => one.Name, one => new PSObject($"answer to {one.Name}"));
        }

        public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
        {
            calls.Add($"PromptForChoice {caption} {message} {string.Join(",", choices.Select(one => $"{one.Label}:{one.HelpMessage}"))} {defaultChoice}");
            return 1;
        }

        public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName)
        {
            calls.Add($"PromptForCredential {caption} {message} {userName} {targetName}");
            return new PSCredential("someone", ReadLineAsSecureString());
        }

        public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName, PSCredentialTypes types, PSCredentialUIOptions options)
            => PromptForCredential(caption, message, userName, targetName);
    }

    sealed class RecordingRawInterface(List<string> calls) : PSHostRawUserInterface
    {
        public override ConsoleColor BackgroundColor { get; set; } = ConsoleColor.Black;
        public override ConsoleColor ForegroundColor { get; set; } = ConsoleColor.Gray;
        public override Size BufferSize { get; set; } = new(80, 24);
        public override Coordinates CursorPosition { get; set; } = new(0, 0);
        public override int CursorSize { get; set; } = 25;
        public override bool KeyAvailable => false;
        public override Size MaxPhysicalWindowSize => new(80, 24);
        public override Size MaxWindowSize => new(80, 24);
        public override Coordinates WindowPosition { get; set; } = new(0, 0);
        public override Size WindowSize { get; set; } = new(80, 24);
        public override string WindowTitle { get; set; } = "recording";
        public override void FlushInputBuffer() => calls.Add("FlushInputBuffer");
        public override BufferCell[,] GetBufferContents(Rectangle rectangle) => throw new NotSupportedException();
        public override KeyInfo ReadKey(ReadKeyOptions options) => new(65, 'A', 0, true);
        public override void ScrollBufferContents(Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) => calls.Add("ScrollBufferContents");
        public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) => calls.Add("SetBufferContents");
        public override void SetBufferContents(Rectangle rectangle, BufferCell fill) => calls.Add("SetBufferContents");
    }
}
