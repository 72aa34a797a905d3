using System.Management.Automation;
using System.Text;

namespace Microsoft.PowerShell.Commands;

[Cmdlet(VerbsCommon.Get, "Content")]
public sealed class GetContentCommand : PSCmdlet
{
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)] public string[] Path { get; set; } = [];
    [Parameter(ValueFromPipelineByPropertyName = true), Alias("PSPath", "LP")] public string[] LiteralPath { get; set; } = [];
    [Parameter] public SwitchParameter Raw { get; set; }
    [Parameter] public object? Encoding { get; set; }
    [Parameter, Alias("First", "Head")] public long TotalCount { get; set; } = -1;
    [Parameter, Alias("Last")] public int Tail { get; set; } = -1;
    [Parameter] public long ReadCount { get; set; } = 1;
    [Parameter] public SwitchParameter Force { get; set; }
    [Parameter] public SwitchParameter AsByteStream { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var file in FilePath.AllOf(this, Path, LiteralPath))
        {
            if (AsByteStream)
            {
                WriteObject(File.ReadAllBytes(file), !Raw);
                continue;
            }
            using var reader = FilePath.Reader(this, file, Encoding);
            if (reader is null) continue;
            if (Raw) WriteObject(Noted(reader.ReadToEnd(), file, 1));
            else Emit(reader, file);
        }
    }

    void Emit(StreamReader reader, string file)
    {
        var last = new Queue<(string Line, long Number)>();
        var number = 0L;
        while (number != TotalCount && reader.ReadLine() is { } line)
        {
            number++;
            if (Tail < 0) WriteObject(Noted(line, file, number));
            else last.Enqueue((line, number));
            if (Tail >= 0 && last.Count > Tail) last.Dequeue();
        }
        foreach (var one in last) WriteObject(Noted(one.Line, file, one.Number));
    }

    /// <summary>A line carries where it came from; it travels as a string with notes.</summary>
    PSObject Noted(string text, string file, long number)
    {
        var noted = new PSObject(text);
        noted.Properties.Add(new PSNoteProperty("PSPath", "Microsoft.PowerShell.Core\\FileSystem::" + file));
        noted.Properties.Add(new PSNoteProperty("PSParentPath", "Microsoft.PowerShell.Core\\FileSystem::" + System.IO.Path.GetDirectoryName(file)));
        noted.Properties.Add(new PSNoteProperty("PSChildName", System.IO.Path.GetFileName(file)));
        noted.Properties.Add(new PSNoteProperty("PSDrive", SessionState.Drive.Current));
        noted.Properties.Add(new PSNoteProperty("PSProvider", SessionState.Drive.Current.Provider));
        noted.Properties.Add(new PSNoteProperty("ReadCount", number));
        return noted;
    }
}

/// <summary>Values as text, one to a line; the file is opened at once, so that it exists even when nothing comes.</summary>
public abstract class ContentWriterCommand : PSCmdlet
{
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)] public string[] Path { get; set; } = [];
    [Parameter(ValueFromPipelineByPropertyName = true), Alias("PSPath", "LP")] public string[] LiteralPath { get; set; } = [];
    [Parameter(Position = 1, Mandatory = true, ValueFromPipeline = true), AllowNull, AllowEmptyCollection] public object?[]? Value { get; set; }
    [Parameter] public object? Encoding { get; set; }
    [Parameter] public SwitchParameter NoNewline { get; set; }
    [Parameter] public SwitchParameter Force { get; set; }
    [Parameter] public SwitchParameter PassThru { get; set; }

    readonly List<StreamWriter> writers = [];

    protected abstract bool Appends { get; }

    protected override void BeginProcessing()
    {
        foreach (var path in Path.Concat(LiteralPath))
        {
            var file = FilePath.OneOf(this, path, LiteralPath.Contains(path));
            try
            {
                writers.Add(new StreamWriter(file, Appends, TextEncoding.Of(this, Encoding)));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                var denied = error is UnauthorizedAccessException;
                WriteError(new ErrorRecord(error, denied ? "GetContentWriterUnauthorizedAccessError" : "GetContentWriterIOError", denied ? ErrorCategory.PermissionDenied : ErrorCategory.WriteError, file));
            }
        }
    }

    protected override void ProcessRecord()
    {
        foreach (var one in Value ?? [])
        {
            foreach (var writer in writers) writer.Write(LanguagePrimitives.ConvertTo<string>(one) + (NoNewline ? "" : Environment.NewLine));
            if (PassThru) WriteObject(one);
        }
    }

    protected override void EndProcessing() => Close();

    protected override void StopProcessing() => Close();

    void Close()
    {
        foreach (var writer in writers) writer.Dispose();
        writers.Clear();
    }
}

[Cmdlet(VerbsCommon.Set, "Content", SupportsShouldProcess = true)]
public sealed class SetContentCommand : ContentWriterCommand
{
    protected override bool Appends => false;
}

[Cmdlet(VerbsCommon.Add, "Content", SupportsShouldProcess = true)]
public sealed class AddContentCommand : ContentWriterCommand
{
    protected override bool Appends => true;
}

[Cmdlet(VerbsCommon.Clear, "Content", SupportsShouldProcess = true)]
public sealed class ClearContentCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true)] public string[] Path { get; set; } = [];

    protected override void ProcessRecord()
    {
        foreach (var file in FilePath.AllOf(this, Path, [])) File.WriteAllText(file, "");
    }
}

[Cmdlet(VerbsData.Out, "File", SupportsShouldProcess = true)]
public sealed class OutFileCommand : PSCmdlet
{
    [Parameter(ValueFromPipeline = true)] public PSObject? InputObject { get; set; }
    [Parameter(Position = 0), Alias("Path")] public string? FilePath { get; set; }
    [Parameter, Alias("PSPath", "LP")] public string? LiteralPath { get; set; }
    [Parameter(Position = 1)] public object? Encoding { get; set; }
    [Parameter] public SwitchParameter Append { get; set; }
    [Parameter] public SwitchParameter Force { get; set; }
    [Parameter, Alias("NoOverwrite")] public SwitchParameter NoClobber { get; set; }
    [Parameter] public int Width { get; set; } = 120;
    [Parameter] public SwitchParameter NoNewline { get; set; }

    readonly List<PSObject?> held = [];

    protected override void ProcessRecord()
    {
        if (InputObject is not null) held.Add(InputObject);
    }

    protected override void EndProcessing()
    {
        var given = LiteralPath ?? FilePath ?? throw new PSArgumentException("Out-File wants a path.");
        var file = Commands.FilePath.OneOf(this, given, LiteralPath is not null);
        if (NoClobber && File.Exists(file)) Commands.FilePath.Refuse(this, new IOException($"The file '{file}' already exists."), "NoClobber", ErrorCategory.ResourceExists, given);
        try
        {
            using var writer = new StreamWriter(file, Append, TextEncoding.Of(this, Encoding));
            foreach (var line in FormattedText.LinesOf(held)) writer.Write(line + (NoNewline ? "" : Environment.NewLine));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Commands.FilePath.Refuse(this, error, "FileOpenFailure", ErrorCategory.OpenError, given);
        }
    }
}
