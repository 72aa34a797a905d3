using System.Collections;
using System.Globalization;
using System.Management.Automation;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace Microsoft.PowerShell.Commands;

/// <summary>Newtonsoft.Json underneath, as in PowerShell 7: dates in text become DateTime, whole numbers Int64.</summary>
[Cmdlet(VerbsData.ConvertFrom, "Json")]
public sealed class ConvertFromJsonCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true), AllowEmptyString]
    public string InputObject { get; set; } = "";

    [Parameter] public SwitchParameter AsHashtable { get; set; }
    [Parameter, ValidateRange(1, int.MaxValue)] public int Depth { get; set; } = 1024;
    [Parameter] public SwitchParameter NoEnumerate { get; set; }

    readonly List<string> held = [];

    protected override void ProcessRecord() => held.Add(InputObject);

    protected override void EndProcessing()
    {
        if (held.Count > 1 && IsWhole(held[0])) foreach (var one in held) Emit(one);
        else Emit(string.Join(Environment.NewLine, held));
    }

    static bool IsWhole(string text)
    {
        try
        {
            return text.Trim().Length > 0 && JToken.Parse(text) is not null;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    void Emit(string text)
    {
        if (string.IsNullOrWhiteSpace(text)) return;
        try
        {
            var settings = new JsonSerializerSettings { TypeNameHandling = TypeNameHandling.None, MetadataPropertyHandling = MetadataPropertyHandling.Ignore, MaxDepth = Depth };
            WriteObject(Of(JsonConvert.DeserializeObject(text, settings) is var one && one is JToken token ? token : one), !NoEnumerate);
        }
        catch (JsonException error)
        {
            var failure = new ArgumentException($"Conversion from JSON failed with error: {error.Message}", error);
            ThrowTerminatingError(new ErrorRecord(failure, failure.GetType().FullName, ErrorCategory.NotSpecified, null));
        }
    }

    object? Of(object? one) => one switch
    {
        JObject table when AsHashtable => Table(table),
        JObject record => Record(record),
        JArray list => list.Select(Of).ToArray(),
        JValue { Value: System.Numerics.BigInteger big } => big,
        JValue value => value.Value,
        _ => one,
    };

    Hashtable Table(JObject source)
    {
        var table = new Hashtable(StringComparer.Ordinal);
        foreach (var (name, value) in source) table[name] = Of(value);
        return table;
    }

    PSObject Record(JObject source)
    {
        var record = new PSObject(source.Count);
        foreach (var (name, value) in source)
        {
            if (name.Length == 0) Refuse("The provided JSON includes a property whose name is an empty string, this is only supported using the -AsHashTable switch.", "EmptyKeyInJsonString");
            if (record.Properties[name] is { } same) Refuse($"Cannot convert the JSON string because it contains keys with different casing. Please use the -AsHashTable switch instead. The key that was attempted to be added to the existing key '{same.Name}' was '{name}'.", "KeysWithDifferentCasingInJsonString");
            record.Properties.Add(new PSNoteProperty(name, Of(value)));
        }
        return record;
    }

    void Refuse(string message, string id) => ThrowTerminatingError(new ErrorRecord(new InvalidOperationException(message), id, ErrorCategory.InvalidOperation, null));
}

[Cmdlet(VerbsData.ConvertTo, "Json")]
public sealed class ConvertToJsonCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true), AllowNull] public object? InputObject { get; set; }
    [Parameter, ValidateRange(0, 100)] public int Depth { get; set; } = 2;
    [Parameter] public SwitchParameter Compress { get; set; }
    [Parameter] public SwitchParameter EnumsAsStrings { get; set; }
    [Parameter] public SwitchParameter AsArray { get; set; }

    readonly List<object?> held = [];
    bool truncated;

    protected override void ProcessRecord() => held.Add(InputObject);

    protected override void EndProcessing()
    {
        if (held.Count == 0) return;
        var token = Token(held.Count > 1 || AsArray ? held : held[0], 0);
        if (truncated) WriteWarning($"Resulting JSON is truncated as serialization has exceeded the set depth of {Depth}.");
        WriteObject(token.ToString(Compress ? Formatting.None : Formatting.Indented));
    }

    JToken Token(object? value, int depth)
    {
        var inner = value is PSObject wrapped ? wrapped.BaseObject : value;
        switch (inner)
        {
            case null or DBNull:
                return JValue.CreateNull();
            case string or bool or int or long or short or byte or sbyte or ushort or uint or ulong or double or float or decimal or DateTime or DateTimeOffset or Guid or Uri or System.Numerics.BigInteger:
                return inner is Guid or Uri ? new JValue(inner.ToString()) : JToken.FromObject(inner);
            case char one:
                return new JValue(one.ToString());
            case Enum one:
                return EnumsAsStrings ? new JValue(one.ToString()) : new JValue(Convert.ToInt64(one, CultureInfo.InvariantCulture));
        }
        if (depth > Depth)
        {
            truncated = true;
            return new JValue(LanguagePrimitives.ConvertTo<string>(value));
        }
        if (inner is IDictionary table)
        {
            var made = new JObject();
            foreach (DictionaryEntry entry in table) made[LanguagePrimitives.ConvertTo<string>(entry.Key)] = Token(entry.Value, depth + 1);
            return made;
        }
        if (inner is IEnumerable list) return new JArray(list.Cast<object?>().Select(one => Token(one, depth + 1)));
        var record = new JObject();
        foreach (var property in PSObject.AsPSObject(value).Properties)
        {
            object? member;
            try
            {
                member = property.Value;
            }
            catch (GetValueException)
            {
                member = null;
            }
            record[property.Name] = Token(member, depth + 1);
        }
        return record;
    }
}
