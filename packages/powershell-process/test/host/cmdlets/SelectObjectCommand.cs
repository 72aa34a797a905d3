using System.Collections;
using System.Management.Automation;
using System.Reflection;

namespace Microsoft.PowerShell.Commands;

[Cmdlet(VerbsCommon.Select, "Object", DefaultParameterSetName = "DefaultParameter")]
public sealed class SelectObjectCommand : PSCmdlet
{
    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter(Position = 0)]
    public object[]? Property { get; set; }

    [Parameter] public string[] ExcludeProperty { get; set; } = [];
    [Parameter] public string? ExpandProperty { get; set; }
    [Parameter] public SwitchParameter Unique { get; set; }
    [Parameter, ValidateRange(0, int.MaxValue)] public int First { get; set; } = -1;
    [Parameter, ValidateRange(0, int.MaxValue)] public int Last { get; set; }
    [Parameter, ValidateRange(0, int.MaxValue)] public int Skip { get; set; }
    [Parameter, ValidateRange(0, int.MaxValue)] public int SkipLast { get; set; }
    [Parameter, ValidateRange(0, int.MaxValue)] public int[]? Index { get; set; }
    [Parameter] public SwitchParameter Wait { get; set; }

    readonly List<PSObject> held = [];
    readonly HashSet<string> seen = [];
    readonly List<CalculatedProperty> wanted = [];
    int taken, passed, position;

    bool Holding => Last > 0 || SkipLast > 0;

    protected override void BeginProcessing()
    {
        foreach (var one in Property ?? (ExcludeProperty.Length > 0 ? ["*"] : [])) wanted.Add(CalculatedProperty.Parse(this, one, "name", "label", "n", "l"));
    }

    protected override void ProcessRecord()
    {
        if (InputObject is null || InputObject == System.Management.Automation.Internal.AutomationNull.Value) return;
        if (Index is not null)
        {
            if (Index.Contains(position++)) Emit(InputObject);
            return;
        }
        if (Holding)
        {
            held.Add(InputObject);
            return;
        }
        if (passed < Skip)
        {
            passed++;
            return;
        }
        if (First < 0 || taken < First)
        {
            taken++;
            Emit(InputObject);
        }
        if (First >= 0 && taken >= First && !Wait) StopUpstream();
    }

    protected override void EndProcessing()
    {
        if (!Holding) return;
        var kept = SkipLast > 0 ? held.SkipLast(SkipLast) : held.SkipLast(Skip).TakeLast(Last);
        foreach (var one in First > 0 ? held.Take(First).Concat(kept).Distinct() : kept) Emit(one);
    }

    void Emit(PSObject input)
    {
        var result = wanted.Count == 0 ? input : Selected(input);
        if (ExpandProperty is not null)
        {
            Expand(input, result);
            return;
        }
        if (!Unique || seen.Add(KeyOf(result))) WriteObject(result);
    }

    string KeyOf(PSObject one) =>
        one.BaseObject is PSCustomObject
            ? string.Join('\0', one.Properties.Select(property => $"{property.Name}={property.Value}"))
            : one.BaseObject.GetType().FullName + "\0" + one;

    PSObject Selected(PSObject input)
    {
        var result = new PSObject();
        if (input.BaseObject is not PSCustomObject) result.TypeNames.Insert(0, "Selected." + input.BaseObject.GetType());
        else result.TypeNames.Insert(0, "Selected." + input.TypeNames[0]);
        foreach (var property in wanted)
        {
            foreach (var (name, value) in property.ValuesOf(input))
            {
                if (ExcludeProperty.Any(pattern => new WildcardPattern(pattern, WildcardOptions.IgnoreCase).IsMatch(name))) continue;
                if (result.Properties[name] is null) result.Properties.Add(new PSNoteProperty(name, value));
                else if (!property.IsWildcard) WriteError(new ErrorRecord(new InvalidOperationException($"The property cannot be processed because the property \"{name}\" already exists."), "AlreadyExistingUserSpecifiedPropertyNoExpand", ErrorCategory.InvalidOperation, input));
            }
        }
        return result;
    }

    void Expand(PSObject input, PSObject selected)
    {
        var results = new PSPropertyExpression(ExpandProperty!).GetValues(input);
        if (results.Count == 0)
        {
            WriteError(new ErrorRecord(new ArgumentException($"Property \"{ExpandProperty}\" cannot be found."), "ExpandPropertyNotFound", ErrorCategory.InvalidArgument, input));
            return;
        }
        var enumerated = LanguagePrimitives.GetEnumerable(results[0].Result);
        foreach (var one in enumerated ?? new[] { results[0].Result })
        {
            if (one is null && enumerated is null) continue;
            if (wanted.Count == 0)
            {
                WriteObject(one);
                continue;
            }
            var expanded = PSObject.AsPSObject(one).Copy();
            foreach (var property in selected.Properties)
                if (expanded.Properties[property.Name] is null) expanded.Properties.Add(new PSNoteProperty(property.Name, property.Value));
            WriteObject(expanded);
        }
    }

    /// <summary>Ends the commands before this one, as the engine's own exception for that does.</summary>
    void StopUpstream()
    {
        var stop = typeof(PSObject).Assembly.GetType("System.Management.Automation.StopUpstreamCommandsException", throwOnError: true)!;
        throw (Exception)Activator.CreateInstance(stop, BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public, null, [this], null)!;
    }
}

/// <summary>A property by name or wildcard, a script block, or a table with a name and an expression.</summary>
public sealed class CalculatedProperty
{
    readonly PSPropertyExpression expression;
    readonly string? label;
    public bool IsWildcard { get; }
    public IDictionary? Table { get; }

    CalculatedProperty(PSPropertyExpression expression, string? label, IDictionary? table)
    {
        this.expression = expression;
        this.label = label;
        Table = table;
        IsWildcard = expression.Script is null && expression.HasWildCardCharacters;
    }

    public static CalculatedProperty Parse(PSCmdlet cmdlet, object one, params string[] nameKeys)
    {
        var value = one is PSObject wrapped ? wrapped.BaseObject : one;
        if (value is not IDictionary table) return new CalculatedProperty(Expression(cmdlet, value), null, null);
        string? label = null;
        PSPropertyExpression? expression = null;
        foreach (DictionaryEntry entry in table)
        {
            var key = entry.Key.ToString()!.ToLowerInvariant();
            if (nameKeys.Contains(key)) label = entry.Value?.ToString();
            else if ("expression".StartsWith(key, StringComparison.Ordinal)) expression = Expression(cmdlet, entry.Value is PSObject inner ? inner.BaseObject : entry.Value!);
            else if (key is not ("ascending" or "descending" or "a" or "d" or "asc" or "desc")) Refuse(cmdlet, $"The {entry.Key} key is not valid.", "DictionaryKeyUnknown");
        }
        if (expression is null) Refuse(cmdlet, "The expression key is mandatory.", "DictionaryKeyMandatoryEntry");
        return new CalculatedProperty(expression!, label, table);
    }

    static PSPropertyExpression Expression(PSCmdlet cmdlet, object value)
    {
        if (value is ScriptBlock script) return new PSPropertyExpression(script);
        if (value is string { Length: > 0 } name) return new PSPropertyExpression(name);
        Refuse(cmdlet, $"Cannot convert {value?.GetType().FullName ?? "null"} to one of the following types {{System.String, System.Management.Automation.ScriptBlock}}.", "DictionaryKeyIllegalValue");
        throw new InvalidOperationException();
    }

    static void Refuse(PSCmdlet cmdlet, string message, string id) =>
        cmdlet.ThrowTerminatingError(new ErrorRecord(new NotSupportedException(message), id, ErrorCategory.InvalidArgument, null));

    /// <summary>Name and value, one each for a plain name (null where it is missing), any number for a wildcard.</summary>
    public IEnumerable<(string Name, object? Value)> ValuesOf(PSObject input)
    {
        var resolved = expression.ResolveNames(input);
        if (resolved.Count == 0)
        {
            if (!IsWildcard) yield return (label ?? expression.ToString(), null);
            yield break;
        }
        foreach (var one in resolved)
        {
            var results = one.GetValues(input);
            var value = results.Count == 0 || results[0].Exception is not null ? null : results[0].Result;
            yield return (label ?? one.ToString(), value);
        }
    }

    public object? ValueOf(PSObject input) => ValuesOf(input).Select(one => one.Value).FirstOrDefault();
}
