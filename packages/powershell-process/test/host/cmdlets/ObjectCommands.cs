using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Security;

namespace Microsoft.PowerShell.Commands;

[Cmdlet(VerbsCommon.New, "Object")]
public sealed class NewObjectCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0)] public string TypeName { get; set; } = "";
    [Parameter(Position = 1), Alias("Args")] public object[] ArgumentList { get; set; } = [];
    [Parameter] public IDictionary? Property { get; set; }

    protected override void BeginProcessing()
    {
        if (!LanguagePrimitives.TryConvertTo(TypeName, out Type type) || type is null)
        {
            ThrowTerminatingError(new ErrorRecord(new PSArgumentException($"Cannot find type [{TypeName}]: verify that the assembly containing this type is loaded."), "TypeNotFound", ErrorCategory.InvalidType, null));
            return;
        }
        var made = type == typeof(PSObject) && ArgumentList.Length == 0 ? new PSObject() : Constructed(type);
        foreach (DictionaryEntry entry in Property ?? new Hashtable())
        {
            var name = entry.Key.ToString()!;
            if (made is PSObject custom) custom.Properties.Add(new PSNoteProperty(name, entry.Value));
            else PSObject.AsPSObject(made).Properties[name].Value = entry.Value;
        }
        WriteObject(made);
    }

    /// <summary>The engine's own choice of a constructor: `[type]::new(arguments)`.</summary>
    object Constructed(Type type)
    {
        var make = ScriptBlock.Create("param($type, $list) , $type::new.Invoke($list)");
        var result = make.InvokeReturnAsIs(type, ArgumentList.Select(one => one is PSObject wrapped ? wrapped.BaseObject : one).ToArray());
        return result is PSObject { BaseObject: object?[] { Length: 1 } list } ? list[0]! : result is object?[] { Length: 1 } array ? array[0]! : result;
    }
}

[Cmdlet(VerbsCommon.Add, "Member", DefaultParameterSetName = "TypeNameSet")]
public sealed class AddMemberCommand : PSCmdlet
{
    [Parameter(Mandatory = true, ValueFromPipeline = true)] public PSObject InputObject { get; set; } = new();
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = "MemberSet"), Alias("Type")] public PSMemberTypes MemberType { get; set; } = PSMemberTypes.NoteProperty;
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = "MemberSet")] public string? Name { get; set; }
    [Parameter(Position = 2, ParameterSetName = "MemberSet")] public object? Value { get; set; }
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = "NotePropertySingleMember")] public string? NotePropertyName { get; set; }
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = "NotePropertySingleMember"), AllowNull] public object? NotePropertyValue { get; set; }
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = "NotePropertyMultiMember")] public IDictionary? NotePropertyMembers { get; set; }
    [Parameter(ParameterSetName = "TypeNameSet"), Parameter(ParameterSetName = "MemberSet")] public string? TypeName { get; set; }
    [Parameter] public SwitchParameter Force { get; set; }
    [Parameter] public SwitchParameter PassThru { get; set; }

    protected override void ProcessRecord()
    {
        if (Name is not null) Add(MemberType == PSMemberTypes.ScriptProperty ? new PSScriptProperty(Name, (ScriptBlock)Value!) : MemberType == PSMemberTypes.ScriptMethod ? new PSScriptMethod(Name, (ScriptBlock)Value!) : new PSNoteProperty(Name, Value));
        if (NotePropertyName is not null) Add(new PSNoteProperty(NotePropertyName, NotePropertyValue));
        foreach (DictionaryEntry entry in NotePropertyMembers ?? new Hashtable()) Add(new PSNoteProperty(entry.Key.ToString()!, entry.Value));
        if (TypeName is not null) InputObject.TypeNames.Insert(0, TypeName);
        if (PassThru) WriteObject(InputObject);
    }

    void Add(PSMemberInfo member)
    {
        if (InputObject.Members[member.Name] is not null)
        {
            if (!Force)
            {
                WriteError(new ErrorRecord(new InvalidOperationException($"Cannot add a member with the name \"{member.Name}\" because a member with that name already exists. To overwrite the member anyway, add the Force parameter to your command."), "MemberAlreadyExists", ErrorCategory.InvalidOperation, InputObject));
                return;
            }
            InputObject.Members.Remove(member.Name);
        }
        InputObject.Members.Add(member);
    }
}

[Cmdlet(VerbsCommon.Get, "Date", DefaultParameterSetName = "DateAndFormat")]
public sealed class GetDateCommand : PSCmdlet
{
    [Parameter(Position = 0, ValueFromPipeline = true), Alias("LastWriteTime")] public DateTime? Date { get; set; }
    [Parameter] public int? Year { get; set; }
    [Parameter] public int? Month { get; set; }
    [Parameter] public int? Day { get; set; }
    [Parameter] public int? Hour { get; set; }
    [Parameter] public int? Minute { get; set; }
    [Parameter] public int? Second { get; set; }
    [Parameter] public string? Format { get; set; }
    [Parameter] public string? UFormat { get; set; }
    [Parameter] public SwitchParameter AsUTC { get; set; }

    protected override void ProcessRecord()
    {
        var date = Date ?? DateTime.Now;
        date = date.AddYears((Year ?? date.Year) - date.Year).AddMonths((Month ?? date.Month) - date.Month)
            .AddDays((Day ?? date.Day) - date.Day).AddHours((Hour ?? date.Hour) - date.Hour)
            .AddMinutes((Minute ?? date.Minute) - date.Minute).AddSeconds((Second ?? date.Second) - date.Second);
        if (AsUTC) date = date.ToUniversalTime();
        if (UFormat is not null) throw new PSNotSupportedException("the test host's Get-Date has no -UFormat");
        if (Format is not null)
        {
            WriteObject(date.ToString(Format switch { "FileDate" => "yyyyMMdd", "FileDateTime" => "yyyyMMddTHHmmssffff", "FileDateTimeUniversal" => "yyyyMMddTHHmmssffffZ", _ => Format }, CultureInfo.CurrentCulture));
            return;
        }
        var result = new PSObject(date);
        result.Properties.Add(new PSNoteProperty("DisplayHint", DisplayHintType.DateTime));
        WriteObject(result);
    }
}

public enum DisplayHintType
{
    Date,
    Time,
    DateTime,
}

[Cmdlet(VerbsLifecycle.Start, "Sleep", DefaultParameterSetName = "Seconds")]
public sealed class StartSleepCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "Seconds", ValueFromPipeline = true)] public double Seconds { get; set; }
    [Parameter(Mandatory = true, ParameterSetName = "Milliseconds"), Alias("ms")] public int Milliseconds { get; set; }

    readonly ManualResetEventSlim stopped = new();

    protected override void ProcessRecord() => stopped.Wait(ParameterSetName == "Seconds" ? (int)(Seconds * 1000) : Milliseconds);

    protected override void StopProcessing() => stopped.Set();
}

[Cmdlet(VerbsCommon.New, "Guid")]
public sealed class NewGuidCommand : PSCmdlet
{
    protected override void BeginProcessing() => WriteObject(Guid.NewGuid());
}

[Cmdlet(VerbsCommon.Get, "Random")]
public sealed class GetRandomCommand : PSCmdlet
{
    [Parameter(Position = 0)] public int Maximum { get; set; } = int.MaxValue;
    [Parameter] public int Minimum { get; set; }

    protected override void BeginProcessing() => WriteObject(Random.Shared.Next(Minimum, Maximum));
}

[Cmdlet(VerbsLifecycle.Invoke, "Expression")]
public sealed class InvokeExpressionCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)] public string Command { get; set; } = "";

    protected override void ProcessRecord()
    {
        foreach (var one in InvokeCommand.InvokeScript(false, InvokeCommand.NewScriptBlock(Command), null)) WriteObject(one);
    }
}

/// <summary>The text that the engine's own formatting gives, taken from a host that only keeps it.</summary>
[Cmdlet(VerbsData.Out, "String")]
public sealed class OutStringCommand : PSCmdlet
{
    [Parameter(ValueFromPipeline = true)] public PSObject? InputObject { get; set; }
    [Parameter] public SwitchParameter Stream { get; set; }
    [Parameter] public SwitchParameter NoNewline { get; set; }
    [Parameter] public int Width { get; set; } = 120;

    readonly List<PSObject?> held = [];

    protected override void ProcessRecord() => held.Add(InputObject);

    protected override void EndProcessing()
    {
        var lines = FormattedText.LinesOf(held);
        if (Stream) WriteObject(lines, enumerateCollection: true);
        else WriteObject(string.Concat(lines.Select(line => NoNewline ? line : line + Environment.NewLine)));
    }
}

public static class FormattedText
{
    public static List<string> LinesOf(IReadOnlyList<PSObject?> objects)
    {
        if (objects.All(one => one?.BaseObject is string)) return objects.Select(one => (string)one!.BaseObject).ToList();
        var host = new TestHost.RecordingHost();
        using var runspace = RunspaceFactory.CreateRunspace(host, InitialSessionState.CreateDefault2());
        runspace.Open();
        using var shell = System.Management.Automation.PowerShell.Create(runspace);
        shell.AddCommand("Out-Default").Invoke(objects);
        return host.Lines;
    }
}

[Cmdlet(VerbsData.ConvertTo, "SecureString", DefaultParameterSetName = "Secure")]
public sealed class ConvertToSecureStringCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true), AllowEmptyString] public string String { get; set; } = "";
    [Parameter(Position = 1)] public SwitchParameter AsPlainText { get; set; }
    [Parameter(Position = 2)] public SwitchParameter Force { get; set; }

    protected override void ProcessRecord()
    {
        var secret = new SecureString();
        if (!AsPlainText) throw new PSNotSupportedException("the test host's ConvertTo-SecureString wants -AsPlainText");
        foreach (var one in String) secret.AppendChar(one);
        secret.MakeReadOnly();
        WriteObject(secret);
    }
}

[Cmdlet(VerbsCommon.Get, "Variable")]
public sealed class GetVariableCommand : PSCmdlet
{
    [Parameter(Position = 0, ValueFromPipeline = true)] public string[] Name { get; set; } = ["*"];
    [Parameter] public SwitchParameter ValueOnly { get; set; }
    [Parameter] public string? Scope { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var name in Name)
        {
            var found = WildcardPattern.ContainsWildcardCharacters(name)
                ? InvokeProvider.ChildItem.Get("variable:" + name, false).Select(one => (PSVariable)one.BaseObject).ToList()
                : SessionState.PSVariable.Get(name) is { } one ? [one] : [];
            foreach (var variable in found) WriteObject(ValueOnly ? variable.Value : variable);
            if (found.Count == 0 && !WildcardPattern.ContainsWildcardCharacters(name))
                WriteError(new ErrorRecord(new ItemNotFoundException($"Cannot find a variable with the name '{name}'."), "VariableNotFound", ErrorCategory.ObjectNotFound, name));
        }
    }
}

[Cmdlet(VerbsCommon.Set, "Variable")]
public sealed class SetVariableCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true)] public string[] Name { get; set; } = [];
    [Parameter(Position = 1, ValueFromPipeline = true)] public object? Value { get; set; }
    [Parameter] public string? Scope { get; set; }
    [Parameter] public SwitchParameter Force { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var name in Name) SessionState.PSVariable.Set(Scope is "global" or "script" ? $"{Scope}:{name}" : name, Value);
    }
}

[Cmdlet(VerbsCommon.Remove, "Variable")]
public sealed class RemoveVariableCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true)] public string[] Name { get; set; } = [];
    [Parameter] public string? Scope { get; set; }
    [Parameter] public SwitchParameter Force { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var name in Name) SessionState.PSVariable.Remove(name);
    }
}
