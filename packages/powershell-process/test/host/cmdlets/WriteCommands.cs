using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Reflection;

namespace Microsoft.PowerShell.Commands;

[Cmdlet(VerbsCommunications.Write, "Output")]
public sealed class WriteOutputCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true, ValueFromRemainingArguments = true)]
    [AllowNull, AllowEmptyCollection]
    public PSObject? InputObject { get; set; }

    [Parameter]
    public SwitchParameter NoEnumerate { get; set; }

    protected override void ProcessRecord()
    {
        if (InputObject is null) WriteObject(null);
        else WriteObject(InputObject, !NoEnumerate);
    }
}

/// <summary>An information record tagged PSHOST; the engine itself prints it through the host.</summary>
[Cmdlet(VerbsCommunications.Write, "Host")]
public sealed class WriteHostCommand : PSCmdlet
{
    [Parameter(Position = 0, ValueFromRemainingArguments = true, ValueFromPipeline = true)]
    [Alias("Msg", "Message")]
    public object? Object { get; set; }

    [Parameter]
    public SwitchParameter NoNewline { get; set; }

    [Parameter]
    public object Separator { get; set; } = " ";

    [Parameter]
    public ConsoleColor? ForegroundColor { get; set; }

    [Parameter]
    public ConsoleColor? BackgroundColor { get; set; }

    protected override void ProcessRecord()
    {
        var message = new HostInformationMessage { Message = TextOf(Object) ?? "", NoNewLine = NoNewline };
        try
        {
            message.ForegroundColor = ForegroundColor ?? Host.UI.RawUI.ForegroundColor;
            message.BackgroundColor = BackgroundColor ?? Host.UI.RawUI.BackgroundColor;
        }
        catch (HostException)
        {
            // A host without colours: the message has none.
        }
        WriteInformation(message, ["PSHOST"]);
    }

    string? TextOf(object? value) => value switch
    {
        null => null,
        string text => text,
        PSObject { BaseObject: string text } => text,
        PSObject { BaseObject: IEnumerable list } when list is not IDictionary => Joined(list),
        IEnumerable list when value is not IDictionary => Joined(list),
        _ => LanguagePrimitives.ConvertTo<string>(value),
    };

    string Joined(IEnumerable list) => string.Join(LanguagePrimitives.ConvertTo<string>(Separator), list.Cast<object?>().Select(TextOf));
}

[Cmdlet(VerbsCommunications.Write, "Error", DefaultParameterSetName = "NoException")]
public sealed class WriteErrorCommand : PSCmdlet
{
    [Parameter(ParameterSetName = "WithException", Mandatory = true)]
    public Exception? Exception { get; set; }

    [Parameter(Position = 0, ParameterSetName = "NoException", Mandatory = true, ValueFromPipeline = true)]
    [Parameter(ParameterSetName = "WithException")]
    [AllowNull, AllowEmptyString, Alias("Msg")]
    public string? Message { get; set; }

    [Parameter(Position = 0, ParameterSetName = "ErrorRecord", Mandatory = true)]
    public ErrorRecord? ErrorRecord { get; set; }

    [Parameter(ParameterSetName = "NoException"), Parameter(ParameterSetName = "WithException")]
    public ErrorCategory Category { get; set; } = ErrorCategory.NotSpecified;

    [Parameter(ParameterSetName = "NoException"), Parameter(ParameterSetName = "WithException")]
    public string ErrorId { get; set; } = "";

    [Parameter(ParameterSetName = "NoException"), Parameter(ParameterSetName = "WithException")]
    public object? TargetObject { get; set; }

    [Parameter] public string RecommendedAction { get; set; } = "";
    [Parameter, Alias("Activity")] public string CategoryActivity { get; set; } = "";
    [Parameter, Alias("Reason")] public string CategoryReason { get; set; } = "";
    [Parameter, Alias("TargetName")] public string CategoryTargetName { get; set; } = "";
    [Parameter, Alias("TargetType")] public string CategoryTargetType { get; set; } = "";

    protected override void ProcessRecord()
    {
        var record = ErrorRecord is null ? Fresh() : new ErrorRecord(ErrorRecord, null);
        if (RecommendedAction.Length > 0)
        {
            record.ErrorDetails ??= new ErrorDetails(record.Exception.Message);
            record.ErrorDetails.RecommendedAction = RecommendedAction;
        }
        if (CategoryActivity.Length > 0) record.CategoryInfo.Activity = CategoryActivity;
        if (CategoryReason.Length > 0) record.CategoryInfo.Reason = CategoryReason;
        if (CategoryTargetName.Length > 0) record.CategoryInfo.TargetName = CategoryTargetName;
        if (CategoryTargetType.Length > 0) record.CategoryInfo.TargetType = CategoryTargetType;
        PointAtCaller(record);
        WriteError(record);
    }

    ErrorRecord Fresh()
    {
        var exception = Exception ?? new WriteErrorException(Message ?? "");
        var id = ErrorId.Length > 0 ? ErrorId : exception.GetType().FullName!;
        var record = new ErrorRecord(exception, id, Category, TargetObject);
        if (Exception is not null && !string.IsNullOrEmpty(Message)) record.ErrorDetails = new ErrorDetails(Message);
        return record;
    }

    /// <summary>The record names the function that complains, not this cmdlet.</summary>
    void PointAtCaller(ErrorRecord record)
    {
        if (GetVariableValue("MyInvocation") is not InvocationInfo caller) return;
        const BindingFlags inside = BindingFlags.Instance | BindingFlags.NonPublic;
        typeof(ErrorRecord).GetMethod("SetInvocationInfo", inside)!.Invoke(record, [caller]);
        typeof(ErrorRecord).GetProperty("PreserveInvocationInfoOnce", inside)!.SetValue(record, true);
        if (CategoryActivity.Length == 0) record.CategoryInfo.Activity = "Write-Error";
    }
}

/// <summary>What Write-Error makes of a message alone; its full name is part of the error's id.</summary>
public class WriteErrorException(string message) : SystemException(message);

[Cmdlet(VerbsCommunications.Write, "Warning")]
public sealed class WriteWarningCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true), Alias("Msg"), AllowEmptyString]
    public string Message { get; set; } = "";

    protected override void ProcessRecord() => WriteWarning(Message);
}

[Cmdlet(VerbsCommunications.Write, "Verbose")]
public sealed class WriteVerboseCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true), Alias("Msg"), AllowEmptyString]
    public string Message { get; set; } = "";

    protected override void ProcessRecord() => WriteVerbose(Message);
}

[Cmdlet(VerbsCommunications.Write, "Debug")]
public sealed class WriteDebugCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true), Alias("Msg"), AllowEmptyString]
    public string Message { get; set; } = "";

    protected override void ProcessRecord() => WriteDebug(Message);
}

[Cmdlet(VerbsCommunications.Write, "Information")]
public sealed class WriteInformationCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true), Alias("Msg", "Message"), AllowNull]
    public PSObject? MessageData { get; set; }

    [Parameter(Position = 1)]
    public string[] Tags { get; set; } = [];

    protected override void ProcessRecord() => WriteInformation(MessageData, Tags);
}

[Cmdlet(VerbsCommunications.Write, "Progress")]
public sealed class WriteProgressCommand : PSCmdlet
{
    [Parameter(Position = 0)] public string? Activity { get; set; }
    [Parameter(Position = 1), ValidateNotNullOrEmpty] public string Status { get; set; } = "Processing";
    [Parameter(Position = 2), ValidateRange(0, int.MaxValue)] public int Id { get; set; }
    [Parameter, ValidateRange(-1, 100)] public int PercentComplete { get; set; } = -1;
    [Parameter] public int SecondsRemaining { get; set; } = -1;
    [Parameter] public string? CurrentOperation { get; set; }
    [Parameter, ValidateRange(-1, int.MaxValue)] public int ParentId { get; set; } = -1;
    [Parameter] public SwitchParameter Completed { get; set; }
    [Parameter] public int SourceId { get; set; }

    protected override void ProcessRecord()
    {
        var record = new ProgressRecord(Id, Activity ?? " ", Status)
        {
            ParentActivityId = ParentId,
            PercentComplete = PercentComplete,
            SecondsRemaining = SecondsRemaining,
            CurrentOperation = CurrentOperation,
            RecordType = Completed ? ProgressRecordType.Completed : ProgressRecordType.Processing,
        };
        // The runtime's own method takes the source's number; the public one counts for itself.
        var write = CommandRuntime.GetType().GetMethod("WriteProgress", BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public, [typeof(long), typeof(ProgressRecord), typeof(bool)]);
        if (write is null) WriteProgress(record);
        else write.Invoke(CommandRuntime, [(long)SourceId, record, false]);
    }
}

/// <summary>Asks the host, which refuses where nobody is there (`pwsh -NonInteractive`).</summary>
[Cmdlet(VerbsCommunications.Read, "Host", DefaultParameterSetName = "AsString")]
public sealed class ReadHostCommand : PSCmdlet
{
    [Parameter(Position = 0, ValueFromRemainingArguments = true), AllowNull]
    public object? Prompt { get; set; }

    [Parameter(ParameterSetName = "AsSecureString")]
    public SwitchParameter AsSecureString { get; set; }

    [Parameter(ParameterSetName = "AsString")]
    public SwitchParameter MaskInput { get; set; }

    protected override void BeginProcessing()
    {
        try
        {
            if (Prompt is null)
            {
                WriteObject(AsSecureString ? Host.UI.ReadLineAsSecureString() : Host.UI.ReadLine());
                return;
            }
            var field = new FieldDescription(LanguagePrimitives.ConvertTo<string>(Prompt));
            field.SetParameterType(AsSecureString ? typeof(System.Security.SecureString) : typeof(string));
            foreach (var answer in Host.UI.Prompt("", "", [field]).Values) WriteObject(answer);
        }
        catch (PSInvalidOperationException error)
        {
            ThrowTerminatingError(new ErrorRecord(error, "InvalidOperation", ErrorCategory.InvalidOperation, null));
        }
    }
}
