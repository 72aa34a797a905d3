using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace TestHost;

/// <summary>
/// Output, Write-Host, warnings, verbose and debug lines on standard output, errors on standard error, as `pwsh`
/// does where its streams are redirected. Progress is not printed there.
/// </summary>
public sealed class ConsoleInterface(bool nonInteractive) : PSHostUserInterface
{
    const string Refusal = "PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.";

    public override PSHostRawUserInterface RawUI { get; } = new WideScreen();
    public override bool SupportsVirtualTerminal => false;

    public override void Write(string value) => Console.Out.Write(Plain(value));
    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) => Console.Out.Write(Plain(value));
    public override void WriteLine(string value) => Console.Out.WriteLine(Plain(value));
    public override void WriteErrorLine(string value) => Console.Error.WriteLine(Plain(value));
    public override void WriteDebugLine(string message) => Console.Out.WriteLine("DEBUG: " + message);
    public override void WriteVerboseLine(string message) => Console.Out.WriteLine("VERBOSE: " + message);
    public override void WriteWarningLine(string message) => Console.Out.WriteLine("WARNING: " + message);
    public override void WriteProgress(long sourceId, ProgressRecord record) { }

    /// <summary>The host takes the colours of formatted text away, where its streams are redirected.</summary>
    static string Plain(string text) => GetOutputString(text, supportsVirtualTerminal: false);

    public override string ReadLine()
    {
        RefuseWithoutPerson();
        return Console.In.ReadLine() ?? "";
    }

    public override SecureString ReadLineAsSecureString()
    {
        var secret = new SecureString();
        foreach (var one in ReadLine()) secret.AppendChar(one);
        return secret;
    }

    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions)
    {
        RefuseWithoutPerson();
        return descriptions.ToDictionary(one => one.Name, one => PSObject.AsPSObject(Ask(one)));
    }

    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        RefuseWithoutPerson();
        throw new NotSupportedException("this host offers no choices");
    }

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName)
    {
        RefuseWithoutPerson();
        throw new NotSupportedException("this host asks for no credential");
    }

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options) =>
        PromptForCredential(caption, message, userName, targetName);

    string Ask(FieldDescription field)
    {
        Console.Out.Write(field.Name + ": ");
        return ReadLine();
    }

    void RefuseWithoutPerson()
    {
        if (nonInteractive) throw new PSInvalidOperationException(Refusal);
    }

    /// <summary>Wide enough that formatted text is not cut; a redirected `pwsh` has 120 columns at least.</summary>
    sealed class WideScreen : PSHostRawUserInterface
    {
        public override ConsoleColor BackgroundColor { get; set; } = ConsoleColor.Black;
        public override ConsoleColor ForegroundColor { get; set; } = ConsoleColor.Gray;
        public override Size BufferSize { get; set; } = new(120, 50);
        public override Coordinates CursorPosition { get; set; }
        public override int CursorSize { get; set; } = 25;
        public override bool KeyAvailable => false;
        public override Size MaxPhysicalWindowSize => new(120, 50);
        public override Size MaxWindowSize => new(120, 50);
        public override Coordinates WindowPosition { get; set; }
        public override Size WindowSize { get; set; } = new(120, 50);
        public override string WindowTitle { get; set; } = "";
        public override void FlushInputBuffer() { }
        public override BufferCell[,] GetBufferContents(Rectangle rectangle) => throw new NotSupportedException();
        public override KeyInfo ReadKey(ReadKeyOptions options) => throw new PSInvalidOperationException(Refusal);
        public override void ScrollBufferContents(Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) => throw new NotSupportedException();
        public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) => throw new NotSupportedException();
        public override void SetBufferContents(Rectangle rectangle, BufferCell fill) => throw new NotSupportedException();
    }
}
