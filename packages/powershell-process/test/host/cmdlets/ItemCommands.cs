using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>What the engine's own providers do, behind the names of the cmdlets that a whole PowerShell has for them.</summary>
public abstract class ItemCommand : PSCmdlet
{
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true), AllowNull, AllowEmptyCollection, AllowEmptyString] public string[]? Path { get; set; }
    [Parameter(ValueFromPipelineByPropertyName = true), Alias("PSPath", "LP")] public string[]? LiteralPath { get; set; }

    protected bool Literal => LiteralPath is not null;

    protected IEnumerable<string> Given => LiteralPath ?? Path ?? [];

    /// <summary>An error of the provider is this cmdlet's own and ends only that item.</summary>
    protected void Try(Action work)
    {
        try
        {
            work();
        }
        catch (RuntimeException error) when (error is not PipelineStoppedException)
        {
            WriteError(new ErrorRecord(error.ErrorRecord, error));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            WriteError(new ErrorRecord(error, error.GetType().Name, ErrorCategory.WriteError, null));
        }
    }
}

[Cmdlet(VerbsDiagnostic.Test, "Path")]
public sealed class TestPathCommand : ItemCommand
{
    [Parameter, Alias("Type")] public TestPathType PathType { get; set; } = TestPathType.Any;
    [Parameter] public SwitchParameter IsValid { get; set; }

    protected override void ProcessRecord()
    {
        if (!Given.Any()) ThrowTerminatingError(new ErrorRecord(new PSArgumentNullException("Path", "Value cannot be null."), "NullPathNotPermitted", ErrorCategory.InvalidArgument, null));
        foreach (var path in Given) Try(() => WriteObject(Exists(path)));
    }

    bool Exists(string path)
    {
        if (string.IsNullOrWhiteSpace(path)) return false;
        if (!InvokeProvider.Item.Exists(path, false, Literal)) return false;
        if (PathType == TestPathType.Any) return true;
        var container = InvokeProvider.Item.Get([path], true, Literal).All(one => one.Properties["PSIsContainer"]?.Value is true);
        return container == (PathType == TestPathType.Container);
    }
}

public enum TestPathType
{
    Any,
    Container,
    Leaf,
}

[Cmdlet(VerbsCommon.Get, "Item")]
public sealed class GetItemCommand : ItemCommand
{
    [Parameter] public SwitchParameter Force { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var path in Given) Try(() => WriteObject(InvokeProvider.Item.Get([path], Force, Literal), true));
    }
}

[Cmdlet(VerbsCommon.Get, "ChildItem")]
public sealed class GetChildItemCommand : ItemCommand
{
    [Parameter(Position = 1)] public string? Filter { get; set; }
    [Parameter] public string[]? Include { get; set; }
    [Parameter] public string[]? Exclude { get; set; }
    [Parameter, Alias("s")] public SwitchParameter Recurse { get; set; }
    [Parameter] public uint Depth { get; set; } = uint.MaxValue;
    [Parameter] public SwitchParameter Force { get; set; }
    [Parameter] public SwitchParameter Name { get; set; }
    [Parameter, Alias("af")] public SwitchParameter File { get; set; }
    [Parameter, Alias("ad")] public SwitchParameter Directory { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var path in Given.Any() ? Given : ["."])
            Try(() =>
            {
                foreach (var one in InvokeProvider.ChildItem.Get([path], Recurse || Depth != uint.MaxValue, Depth, Force, Literal))
                    if (Wanted(one)) WriteObject(Name ? one.Properties["PSChildName"].Value : one);
            });
    }

    bool Wanted(PSObject one)
    {
        var name = one.Properties["PSChildName"]?.Value?.ToString() ?? "";
        bool Matches(string pattern) => new WildcardPattern(pattern, WildcardOptions.IgnoreCase).IsMatch(name);
        if (Filter is not null && !Matches(Filter)) return false;
        if (Include is not null && !Include.Any(Matches)) return false;
        if (Exclude is not null && Exclude.Any(Matches)) return false;
        var container = one.Properties["PSIsContainer"]?.Value is true;
        return (!File || !container) && (!Directory || container);
    }
}

[Cmdlet(VerbsCommon.New, "Item", SupportsShouldProcess = true)]
public sealed class NewItemCommand : ItemCommand
{
    [Parameter] public string? Name { get; set; }
    [Parameter, Alias("Type")] public string? ItemType { get; set; }
    [Parameter, Alias("Target")] public object? Value { get; set; }
    [Parameter] public SwitchParameter Force { get; set; }

    protected override void ProcessRecord() => Try(() => WriteObject(InvokeProvider.Item.New(Path ?? ["."], Name, ItemType ?? "File", Value, Force), true));
}

[Cmdlet(VerbsCommon.Remove, "Item", SupportsShouldProcess = true)]
public sealed class RemoveItemCommand : ItemCommand
{
    [Parameter] public SwitchParameter Recurse { get; set; }
    [Parameter] public SwitchParameter Force { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var path in Given)
            Try(() =>
            {
                foreach (var one in InvokeProvider.Item.Get([path], Force, Literal)) // what is not there is refused before the question
                {
                    var full = one.Properties["PSPath"].Value.ToString()!;
                    var operation = one.Properties["PSIsContainer"]?.Value is true ? "Remove Directory" : "Remove File";
                    if (ShouldProcess(SessionState.Path.GetUnresolvedProviderPathFromPSPath(full), operation)) InvokeProvider.Item.Remove([full], Recurse, Force, true);
                }
            });
    }
}

[Cmdlet(VerbsCommon.Copy, "Item", SupportsShouldProcess = true)]
public sealed class CopyItemCommand : ItemCommand
{
    [Parameter(Position = 1)] public string Destination { get; set; } = ".";
    [Parameter] public SwitchParameter Recurse { get; set; }
    [Parameter] public SwitchParameter Force { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var path in Given) Try(() => InvokeProvider.Item.Copy([path], Destination, Recurse, CopyContainers.CopyTargetContainer, Force, Literal));
    }
}

[Cmdlet(VerbsCommon.Move, "Item", SupportsShouldProcess = true)]
public sealed class MoveItemCommand : ItemCommand
{
    [Parameter(Position = 1)] public string Destination { get; set; } = ".";
    [Parameter] public SwitchParameter Force { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var path in Given) Try(() => InvokeProvider.Item.Move([path], Destination, Force, Literal));
    }
}

[Cmdlet(VerbsCommon.Join, "Path")]
public sealed class JoinPathCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true), Alias("PSPath")] public string[] Path { get; set; } = [];
    [Parameter(Mandatory = true, Position = 1), AllowEmptyString] public string ChildPath { get; set; } = "";
    [Parameter(Position = 2, ValueFromRemainingArguments = true)] public string[] AdditionalChildPath { get; set; } = [];
    [Parameter] public SwitchParameter Resolve { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var path in Path)
        {
            var joined = AdditionalChildPath.Prepend(ChildPath).Aggregate(path, (left, right) => SessionState.Path.Combine(left, right));
            WriteObject(Resolve ? SessionState.Path.GetResolvedPSPathFromPSPath(joined)[0].Path : joined);
        }
    }
}

[Cmdlet(VerbsCommon.Split, "Path", DefaultParameterSetName = "Parent")]
public sealed class SplitPathCommand : PSCmdlet
{
    [Parameter(Position = 0, ValueFromPipeline = true)] public string[] Path { get; set; } = [];
    [Parameter] public string[] LiteralPath { get; set; } = [];
    [Parameter(ParameterSetName = "Parent")] public SwitchParameter Parent { get; set; }
    [Parameter(ParameterSetName = "Leaf")] public SwitchParameter Leaf { get; set; }
    [Parameter(ParameterSetName = "LeafBase")] public SwitchParameter LeafBase { get; set; }
    [Parameter(ParameterSetName = "Extension")] public SwitchParameter Extension { get; set; }
    [Parameter(ParameterSetName = "Qualifier")] public SwitchParameter Qualifier { get; set; }
    [Parameter(ParameterSetName = "IsAbsolute")] public SwitchParameter IsAbsolute { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var path in Path.Concat(LiteralPath)) WriteObject(Part(path));
    }

    object Part(string path)
    {
        if (IsAbsolute) return SessionState.Path.IsPSAbsolute(path, out _) || System.IO.Path.IsPathRooted(path);
        if (Leaf) return SessionState.Path.ParseChildName(path);
        if (LeafBase) return System.IO.Path.GetFileNameWithoutExtension(path);
        if (Extension) return System.IO.Path.GetExtension(path);
        if (Qualifier) throw new PSNotSupportedException("the test host's Split-Path has no -Qualifier");
        return SessionState.Path.ParseParent(path, "");
    }
}

[Cmdlet(VerbsDiagnostic.Resolve, "Path")]
public sealed class ResolvePathCommand : ItemCommand
{
    protected override void ProcessRecord()
    {
        foreach (var path in Given) Try(() => WriteObject(SessionState.Path.GetResolvedPSPathFromPSPath(path), true));
    }
}

[Cmdlet(VerbsData.Convert, "Path")]
public sealed class ConvertPathCommand : ItemCommand
{
    protected override void ProcessRecord()
    {
        foreach (var path in Given) Try(() => WriteObject(SessionState.Path.GetResolvedProviderPathFromPSPath(path, out _), true));
    }
}

[Cmdlet(VerbsCommon.Get, "Location")]
public sealed class GetLocationCommand : PSCmdlet
{
    protected override void BeginProcessing() => WriteObject(SessionState.Path.CurrentLocation);
}

[Cmdlet(VerbsCommon.Set, "Location")]
public sealed class SetLocationCommand : ItemCommand
{
    protected override void ProcessRecord()
    {
        foreach (var path in Given) Try(() => SessionState.Path.SetLocation(path));
    }
}
