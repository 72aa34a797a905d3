using System.Management.Automation;
using System.Text;

namespace Microsoft.PowerShell.Commands;

/// <summary>Every field in quotes, null as nothing at all, the columns of the first object: about Export-Csv.</summary>
public abstract class CsvWriterCommand : PSCmdlet
{
    [Parameter(Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)] public PSObject? InputObject { get; set; }
    [Parameter(Position = 1)] public char Delimiter { get; set; } = ',';
    [Parameter, Alias("NTI")] public SwitchParameter NoTypeInformation { get; set; }
    [Parameter, Alias("ITI")] public SwitchParameter IncludeTypeInformation { get; set; }
    [Parameter] public SwitchParameter NoHeader { get; set; }
    [Parameter, ValidateSet("Never", "Always", "AsNeeded")] public string UseQuotes { get; set; } = "Always";

    protected string[]? Columns { get; set; }
    protected bool HeaderWritten { get; set; }

    protected abstract void WriteRow(string line);

    protected override void ProcessRecord()
    {
        if (InputObject is null) return;
        Columns ??= InputObject.BaseObject is System.Collections.IDictionary table
            ? table.Keys.Cast<object>().Select(key => key.ToString()!).ToArray()
            : InputObject.Properties.Select(one => one.Name).ToArray();
        if (!HeaderWritten)
        {
            if (IncludeTypeInformation) WriteRow("#TYPE " + InputObject.TypeNames[0]);
            if (!NoHeader) WriteRow(string.Join(Delimiter, Columns.Select(Quoted)));
            HeaderWritten = true;
        }
        WriteRow(string.Join(Delimiter, Columns.Select(name => TextOf(name) is { } text ? Quoted(text) : "")));
    }

    string? TextOf(string name)
    {
        if (InputObject!.BaseObject is System.Collections.IDictionary table) return table[name]?.ToString();
        try
        {
            return InputObject.Properties[name]?.Value?.ToString();
        }
        catch (GetValueException)
        {
            return null;
        }
    }

    string Quoted(string text)
    {
        var needed = text.Contains(Delimiter) || text.Contains('"') || text.Contains('\n') || text.Contains('\r');
        return UseQuotes == "Always" || (UseQuotes == "AsNeeded" && needed) ? "\"" + text.Replace("\"", "\"\"") + "\"" : text;
    }
}

[Cmdlet(VerbsData.ConvertTo, "Csv")]
public sealed class ConvertToCsvCommand : CsvWriterCommand
{
    protected override void WriteRow(string line) => WriteObject(line);
}

[Cmdlet(VerbsData.Export, "Csv", SupportsShouldProcess = true)]
public sealed class ExportCsvCommand : CsvWriterCommand
{
    [Parameter(Position = 0)] public string? Path { get; set; }
    [Parameter, Alias("PSPath", "LP")] public string? LiteralPath { get; set; }
    [Parameter] public SwitchParameter Append { get; set; }
    [Parameter] public SwitchParameter Force { get; set; }
    [Parameter, Alias("NoOverwrite")] public SwitchParameter NoClobber { get; set; }
    [Parameter] public object? Encoding { get; set; }

    StreamWriter? writer;

    protected override void BeginProcessing()
    {
        var given = LiteralPath ?? Path ?? throw new PSArgumentException("You must specify either the -Path or -LiteralPath parameters, but not both.");
        var file = FilePath.OneOf(this, given, LiteralPath is not null);
        if (NoClobber && File.Exists(file)) FilePath.Refuse(this, new IOException($"The file '{file}' already exists."), "NoClobber", ErrorCategory.ResourceExists, given);
        try
        {
            if (Append && File.Exists(file) && new FileInfo(file).Length > 0)
            {
                using var reader = new StreamReader(file);
                Columns = new CsvReader(reader, Delimiter).Next()?.Select(name => name ?? "").ToArray();
                HeaderWritten = Columns is not null;
            }
            writer = new StreamWriter(file, Append, TextEncoding.Of(this, Encoding));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            FilePath.Refuse(this, error, "FileOpenFailure", ErrorCategory.OpenError, given);
        }
    }

    protected override void WriteRow(string line) => writer!.WriteLine(line);

    protected override void EndProcessing() => writer?.Dispose();

    protected override void StopProcessing() => writer?.Dispose();
}

/// <summary>Fields of records: quotes double within quotes, and records may span lines.</summary>
public sealed class CsvReader(TextReader reader, char delimiter)
{
    public List<string?>? Next()
    {
        if (reader.Peek() < 0) return null;
        var fields = new List<string?>();
        var field = new StringBuilder();
        var quoted = false;
        var inQuotes = false;
        for (; ; )
        {
            var next = reader.Read();
            if (inQuotes && next == '"' && reader.Peek() == '"')
            {
                field.Append('"');
                reader.Read();
            }
            else if (inQuotes && next == '"') inQuotes = false;
            else if (inQuotes && next >= 0) field.Append((char)next);
            else if (next == '"' && field.ToString().Trim().Length == 0 && !quoted)
            {
                field.Clear();
                quoted = inQuotes = true;
            }
            else if (next == delimiter || next < 0 || next is '\n' or '\r')
            {
                if (next == '\r' && reader.Peek() == '\n') reader.Read();
                fields.Add(field.Length == 0 && !quoted ? (fields.Count > 0 || next == delimiter ? "" : null) : field.ToString());
                field.Clear();
                quoted = inQuotes = false;
                if (next != delimiter) return fields;
            }
            else field.Append((char)next);
        }
    }
}

public abstract class CsvReaderCommand : PSCmdlet
{
    [Parameter] public string[]? Header { get; set; }
    [Parameter(Position = 1)] public char Delimiter { get; set; } = ',';

    protected void Emit(TextReader text)
    {
        var reader = new CsvReader(text, Delimiter);
        var names = Header;
        while (reader.Next() is { } fields)
        {
            if (fields is [null]) continue; // a blank line
            if (names is null && fields[0]!.StartsWith("#TYPE ", StringComparison.Ordinal)) continue;
            if (names is null)
            {
                names = fields.Select((name, at) => string.IsNullOrEmpty(name) ? "H" + (at + 1) : name).ToArray();
                if (names.GroupBy(name => name, StringComparer.OrdinalIgnoreCase).FirstOrDefault(group => group.Count() > 1) is { } twice)
                    FilePath.Refuse(this, new ExtendedTypeSystemException($"The member \"{twice.Key}\" is already present."), "AlreadyPresentPSMemberInfoInternalCollectionAdd", ErrorCategory.NotSpecified, null);
                continue;
            }
            var row = new PSObject();
            for (var at = 0; at < names.Length; at++) row.Properties.Add(new PSNoteProperty(names[at], at < fields.Count ? fields[at] : null));
            WriteObject(row);
        }
    }
}

[Cmdlet(VerbsData.Import, "Csv")]
public sealed class ImportCsvCommand : CsvReaderCommand
{
    [Parameter(Position = 0, ValueFromPipeline = true)] public string[] Path { get; set; } = [];
    [Parameter, Alias("PSPath", "LP")] public string[] LiteralPath { get; set; } = [];
    [Parameter] public object? Encoding { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var file in FilePath.AllOf(this, Path, LiteralPath))
        {
            using var reader = FilePath.Reader(this, file, Encoding);
            if (reader is not null) Emit(reader);
        }
    }
}

[Cmdlet(VerbsData.ConvertFrom, "Csv")]
public sealed class ConvertFromCsvCommand : CsvReaderCommand
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true), AllowEmptyString] public string[] InputObject { get; set; } = [];

    readonly StringBuilder held = new();

    protected override void ProcessRecord()
    {
        foreach (var line in InputObject) held.Append(line).Append('\n');
    }

    protected override void EndProcessing() => Emit(new StringReader(held.ToString()));
}
