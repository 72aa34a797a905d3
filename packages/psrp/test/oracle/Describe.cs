using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Reflection;
using System.Security;
using System.Text.Json.Nodes;
using System.Xml;

namespace Oracle;

/// <summary>
/// Says in JSON what an object is, without CLIXML: so that a reader under test can be compared with the
/// real one by value. Text is given as hexadecimal UTF-16, because JSON cannot carry a lone surrogate.
/// </summary>
public static class Describe
{
    public static string Hex(string text)
    {
        var bytes = new byte[text.Length * 2];
        for (var i = 0; i < text.Length; i++)
        {
            bytes[2 * i] = (byte)(text[i] >> 8);
            bytes[2 * i + 1] = (byte)text[i];
        }
        return Convert.ToHexStringLower(bytes);
    }

    // Internal: what came as <Props> and what came as <MS>, apart from the .NET properties of what is wrapped.
    static readonly PropertyInfo Adapted = typeof(PSObject).GetProperty("AdaptedMembers", BindingFlags.Instance | BindingFlags.NonPublic)!;
    static readonly PropertyInfo Extended = typeof(PSObject).GetProperty("InstanceMembers", BindingFlags.Instance | BindingFlags.NonPublic)!;

    static JsonArray Members(object? collection, List<object> enclosing)
    {
        var members = new JsonArray();
        if (collection is IEnumerable all)
            foreach (var member in all.Cast<PSMemberInfo>().OfType<PSPropertyInfo>())
                // Asked for its type names an object grows a member of that name.
                if (member is PSNoteProperty or PSProperty)
                    members.Add(new JsonObject { ["name"] = Hex(member.Name), ["value"] = Value(member.Value, enclosing) });
        return members;
    }

    /// <summary>Objects repeated by reference are told again each time: some graphs would never end.</summary>
    public const int MostNodes = 100_000;

    static int nodes;

    public static JsonNode Whole(object? value)
    {
        nodes = 0;
        try
        {
            return Value(value, []);
        }
        catch (OverflowException)
        {
            return new JsonObject { ["kind"] = "too many" };
        }
    }

    /// <param name="enclosing">What encloses the value, outermost first: a cycle is told as its height.</param>
    static JsonNode Value(object? value, List<object> enclosing)
    {
        if (++nodes > MostNodes) throw new OverflowException();
        if (value is null) return new JsonObject { ["kind"] = "Nil" };
        var psObject = value as PSObject;
        var inner = psObject is null ? value : psObject.BaseObject;
        var simple = Primitive(inner);
        if (simple is not null && psObject is null) return simple;
        // The real reader wraps in a PSObject only what had an <Obj> around it, or what has no .NET type of its own.
        var at = enclosing.FindIndex(one => ReferenceEquals(one, value));
        if (at >= 0) return new JsonObject { ["kind"] = "cycle", ["height"] = enclosing.Count - at };
        enclosing.Add(value);
        try
        {
            var container = simple ?? Container(inner, enclosing);
            if (psObject is null) return container ?? new JsonObject { ["kind"] = "other", ["type"] = inner.GetType().FullName };
            return new JsonObject
            {
                ["kind"] = "Obj",
                ["types"] = new JsonArray(psObject.TypeNames.Select(name => (JsonNode)Hex(name)).ToArray()),
                ["display"] = psObject.BaseObject is PSCustomObject ? Hex(psObject.ToString()) : null,
                ["base"] = container,
                ["adapted"] = Members(Adapted.GetValue(psObject), enclosing),
                ["extended"] = Members(Extended.GetValue(psObject), enclosing),
            };
        }
        finally
        {
            enclosing.RemoveAt(enclosing.Count - 1);
        }
    }

    static JsonObject? Primitive(object value) => value switch
    {
        string text => Of("S", Hex(text)),
        char unit => Of("C", Hex(unit.ToString())),
        bool flag => Of("B", flag ? "true" : "false"),
        DateTime time => Of("DT", XmlConvert.ToString(time, XmlDateTimeSerializationMode.RoundtripKind)),
        TimeSpan span => Of("TS", XmlConvert.ToString(span)),
        byte number => Of("By", number.ToString(CultureInfo.InvariantCulture)),
        sbyte number => Of("SB", number.ToString(CultureInfo.InvariantCulture)),
        ushort number => Of("U16", number.ToString(CultureInfo.InvariantCulture)),
        short number => Of("I16", number.ToString(CultureInfo.InvariantCulture)),
        uint number => Of("U32", number.ToString(CultureInfo.InvariantCulture)),
        int number => Of("I32", number.ToString(CultureInfo.InvariantCulture)),
        ulong number => Of("U64", number.ToString(CultureInfo.InvariantCulture)),
        long number => Of("I64", number.ToString(CultureInfo.InvariantCulture)),
        float number => Of("Sg", BitConverter.SingleToInt32Bits(number).ToString("x8", CultureInfo.InvariantCulture)),
        double number => Of("Db", BitConverter.DoubleToInt64Bits(number).ToString("x16", CultureInfo.InvariantCulture)),
        decimal number => Of("D", XmlConvert.ToString(number)),
        byte[] bytes => Of("BA", Convert.ToHexStringLower(bytes)),
        Guid guid => Of("G", guid.ToString()),
        Uri uri => Of("URI", Hex(uri.OriginalString)),
        Version version => Of("Version", version.ToString()),
        XmlDocument document => Of("XD", Hex(document.OuterXml)),
        ScriptBlock block => Of("SBK", Hex(block.ToString())),
        SecureString => Of("SS", ""),
        ProgressRecord record => Of("PR", Hex(string.Join('|', record.Activity, record.ActivityId, record.CurrentOperation, record.ParentActivityId,
            record.PercentComplete, record.RecordType, record.SecondsRemaining, record.StatusDescription))),
        _ => null,
    };

    static JsonObject Of(string kind, string value) => new() { ["kind"] = kind, ["value"] = value };

    static JsonObject? Container(object value, List<object> enclosing)
    {
        JsonObject List(string kind, IEnumerable items) => new()
        {
            ["kind"] = kind,
            ["items"] = new JsonArray(items.Cast<object?>().Select(item => (JsonNode?)Value(item, enclosing)).ToArray()),
        };
        switch (value)
        {
            case IDictionary dictionary:
                var entries = new JsonArray();
                foreach (DictionaryEntry entry in dictionary)
                    entries.Add(new JsonObject { ["key"] = Value(entry.Key, enclosing), ["value"] = Value(entry.Value, enclosing) });
                return new JsonObject { ["kind"] = "DCT", ["entries"] = entries };
            case Stack stack: return List("STK", stack);
            case Queue queue: return List("QUE", queue);
            case IEnumerable items: return List("LST", items);
            default: return null;
        }
    }
}
