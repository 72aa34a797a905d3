using System.Collections;
using System.Globalization;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

[Cmdlet("Sort", "Object")]
public sealed class SortObjectCommand : PSCmdlet
{
    [Parameter(ValueFromPipeline = true)] public PSObject? InputObject { get; set; }
    [Parameter(Position = 0)] public object[] Property { get; set; } = [];
    [Parameter] public SwitchParameter Descending { get; set; }
    [Parameter] public SwitchParameter Unique { get; set; }
    [Parameter] public SwitchParameter CaseSensitive { get; set; }
    [Parameter] public string? Culture { get; set; }

    readonly List<PSObject> held = [];

    protected override void ProcessRecord()
    {
        if (InputObject is not null) held.Add(InputObject);
    }

    protected override void EndProcessing()
    {
        var keys = Property.Select(one => CalculatedProperty.Parse(this, one, "name", "n")).ToArray();
        var culture = Culture is null ? CultureInfo.CurrentCulture : CultureInfo.GetCultureInfo(Culture);
        int Compare(PSObject left, PSObject right)
        {
            if (keys.Length == 0) return CompareValues(left, right, culture) * (Descending ? -1 : 1);
            foreach (var key in keys)
            {
                var order = CompareValues(key.ValueOf(left), key.ValueOf(right), culture) * (IsDescending(key) ? -1 : 1);
                if (order != 0) return order;
            }
            return 0;
        }
        var sorted = held.Order(Comparer<PSObject>.Create(Compare)).ToList(); // stable, as Sort-Object is
        PSObject? last = null;
        foreach (var one in sorted)
        {
            if (Unique && last is not null && Compare(last, one) == 0) continue;
            last = one;
            WriteObject(one);
        }
    }

    bool IsDescending(CalculatedProperty key)
    {
        foreach (DictionaryEntry entry in key.Table ?? new Hashtable())
        {
            var name = entry.Key.ToString()!.ToLowerInvariant();
            if ("descending".StartsWith(name, StringComparison.Ordinal)) return LanguagePrimitives.IsTrue(entry.Value);
            if ("ascending".StartsWith(name, StringComparison.Ordinal)) return !LanguagePrimitives.IsTrue(entry.Value);
        }
        return Descending;
    }

    int CompareValues(object? left, object? right, CultureInfo culture)
    {
        if (left is null || right is null) return (left is null ? 0 : 1) - (right is null ? 0 : 1);
        try
        {
            return LanguagePrimitives.Compare(left, right, !CaseSensitive, culture);
        }
        catch (ArgumentException)
        {
            return string.Compare(left.ToString(), right.ToString(), !CaseSensitive, culture);
        }
    }
}

public abstract class MeasureInfo
{
    public string? Property { get; set; }
}

public sealed class GenericMeasureInfo : MeasureInfo
{
    public int Count { get; set; }
    public double? Average { get; set; }
    public double? Sum { get; set; }
    public double? Maximum { get; set; }
    public double? Minimum { get; set; }
    public double? StandardDeviation { get; set; }
}

[Cmdlet(VerbsDiagnostic.Measure, "Object")]
public sealed class MeasureObjectCommand : PSCmdlet
{
    [Parameter(ValueFromPipeline = true)] public PSObject? InputObject { get; set; }
    [Parameter(Position = 0)] public string[]? Property { get; set; }
    [Parameter] public SwitchParameter Sum { get; set; }
    [Parameter] public SwitchParameter Average { get; set; }
    [Parameter] public SwitchParameter Maximum { get; set; }
    [Parameter] public SwitchParameter Minimum { get; set; }
    [Parameter] public SwitchParameter StandardDeviation { get; set; }

    readonly List<PSObject> held = [];

    bool Numeric => Sum || Average || Maximum || Minimum || StandardDeviation;

    protected override void ProcessRecord()
    {
        if (InputObject is not null) held.Add(InputObject);
    }

    protected override void EndProcessing()
    {
        if (Property is null) WriteObject(Measured(null, held));
        foreach (var name in Property ?? []) WriteObject(Measured(name, held.Where(one => one.Properties[name] is not null).Select(one => PSObject.AsPSObject(one.Properties[name].Value ?? ""))));
    }

    GenericMeasureInfo Measured(string? name, IEnumerable<PSObject> values)
    {
        var all = values.ToList();
        var info = new GenericMeasureInfo { Property = name, Count = all.Count };
        if (!Numeric || all.Count == 0) return info;
        var numbers = all.Select(one => LanguagePrimitives.ConvertTo<double>(one)).ToList();
        var mean = numbers.Average();
        if (Sum) info.Sum = numbers.Sum();
        if (Average) info.Average = mean;
        if (Maximum) info.Maximum = numbers.Max();
        if (Minimum) info.Minimum = numbers.Min();
        if (StandardDeviation) info.StandardDeviation = numbers.Count < 2 ? 0 : Math.Sqrt(numbers.Sum(one => (one - mean) * (one - mean)) / (numbers.Count - 1));
        return info;
    }
}

public sealed class GroupInfo(string name, ArrayList values)
{
    public ArrayList Values { get; } = values;
    public int Count => Group.Count;
    public System.Collections.ObjectModel.Collection<PSObject> Group { get; } = [];
    public string Name { get; } = name;
}

[Cmdlet("Group", "Object")]
public sealed class GroupObjectCommand : PSCmdlet
{
    [Parameter(ValueFromPipeline = true)] public PSObject? InputObject { get; set; }
    [Parameter(Position = 0)] public object[] Property { get; set; } = [];
    [Parameter] public SwitchParameter NoElement { get; set; }
    [Parameter] public SwitchParameter AsHashTable { get; set; }
    [Parameter] public SwitchParameter AsString { get; set; }
    [Parameter] public SwitchParameter CaseSensitive { get; set; }

    readonly Dictionary<string, GroupInfo> groups = [];

    protected override void ProcessRecord()
    {
        if (InputObject is null) return;
        var values = new ArrayList();
        if (Property.Length == 0) values.Add(InputObject);
        foreach (var one in Property) values.Add(CalculatedProperty.Parse(this, one, "name", "n").ValueOf(InputObject));
        var name = string.Join(", ", values.Cast<object?>().Select(one => one?.ToString() ?? ""));
        var key = CaseSensitive ? name : name.ToUpperInvariant();
        if (!groups.TryGetValue(key, out var group)) groups.Add(key, group = new GroupInfo(name, values));
        group.Group.Add(InputObject);
    }

    protected override void EndProcessing()
    {
        if (!AsHashTable)
        {
            foreach (var group in groups.Values.OrderBy(one => one.Name, StringComparer.CurrentCultureIgnoreCase)) WriteObject(group);
            return;
        }
        var table = new Hashtable(StringComparer.CurrentCultureIgnoreCase);
        foreach (var group in groups.Values) table[AsString || group.Values[0] is null ? group.Name : group.Values[0]!] = group.Group;
        WriteObject(table);
    }
}
