using System.Text.RegularExpressions;

namespace TestHost;

/// <summary>
/// What PowerShell 6 and 7 added, from the pages "What's New in PowerShell" and of each cmdlet (learn.microsoft.com),
/// as far as scripts of this kind may touch it.
/// </summary>
public static class OldSyntax
{
    public static readonly Regex Number = new(@"^[+-]?(0x[0-9a-f]+l?|(\d+\.?\d*|\.\d+)(e[+-]?\d+)?[ld]?)(kb|mb|gb|tb|pb)?$", RegexOptions.IgnoreCase);

    /// <summary>After an even number of backticks.</summary>
    public static readonly Regex Escape = new(@"(?<!`)(?:``)*`(?:e|u\{[0-9A-Fa-f]+\})");

    public static readonly HashSet<string> NewVariables = Names("IsWindows IsLinux IsMacOS IsCoreCLR PSStyle EnabledExperimentalFeatures PSNativeCommandUseErrorActionPreference PSNativeCommandArgumentPassing");

    public static readonly string[] NewTypes = ["semver", "System.Management.Automation.SemanticVersion", "ValidateNotNullOrWhiteSpace", "ArgumentCompletions", "Experimental", "NoRunspaceAffinity", "System.Text.Json", "System.HashCode", "System.Half", "System.DateOnly", "System.TimeOnly"];

    public static readonly (string Type, string Member)[] NewMembers =
    [
        ("System.IO.Path", "Join"), ("System.IO.Path", "GetRelativePath"), ("System.IO.Path", "Exists"), ("System.IO.Path", "EndsInDirectorySeparator"),
        ("System.IO.Path", "TrimEndingDirectorySeparator"), ("System.IO.Path", "IsPathFullyQualified"), ("System.IO.Directory", "CreateTempSubdirectory"),
        ("System.IO.File", "ReadAllTextAsync"), ("System.IO.File", "WriteAllTextAsync"), ("System.IO.File", "AppendAllBytes"),
        ("System.Convert", "ToHexString"), ("System.Convert", "FromHexString"), ("System.Text.Encoding", "Latin1"), ("System.Random", "Shared"),
        ("System.Environment", "ProcessId"), ("System.Environment", "ProcessPath"), ("System.Environment", "TickCount64"), ("System.Math", "Clamp"),
        ("System.Security.Cryptography.SHA256", "HashData"), ("System.Security.Cryptography.RandomNumberGenerator", "Fill"),
        ("System.Security.Cryptography.RandomNumberGenerator", "GetBytes"), ("System.ArgumentNullException", "ThrowIfNull"),
        ("System.OperatingSystem", "IsWindows"), ("System.OperatingSystem", "IsLinux"), ("System.OperatingSystem", "IsMacOS"), ("System.DateTime", "UnixEpoch"),
    ];

    public static readonly HashSet<string> NewCommands = Names("Get-Error Join-String Test-Json Get-Uptime Remove-Alias ConvertFrom-Markdown Show-Markdown Get-MarkdownOption Set-MarkdownOption ConvertTo-CliXml ConvertFrom-CliXml Get-SecureRandom Get-PSSubsystem Switch-Process Get-ExperimentalFeature Enable-ExperimentalFeature Disable-ExperimentalFeature Remove-Service Start-ThreadJob");

    public static readonly HashSet<string> NewEncodings = Names("utf8NoBOM utf8BOM bigendianutf32 ansi");

    public static readonly Dictionary<string, string> Aliases = new()
    {
        ["%"] = "ForEach-Object", ["foreach"] = "ForEach-Object", ["?"] = "Where-Object", ["where"] = "Where-Object", ["select"] = "Select-Object",
        ["sort"] = "Sort-Object", ["measure"] = "Measure-Object", ["gc"] = "Get-Content", ["cat"] = "Get-Content", ["type"] = "Get-Content",
        ["epcsv"] = "Export-Csv", ["irm"] = "Invoke-RestMethod", ["iwr"] = "Invoke-WebRequest", ["icm"] = "Invoke-Command", ["nsn"] = "New-PSSession",
        ["gci"] = "Get-ChildItem", ["ls"] = "Get-ChildItem", ["dir"] = "Get-ChildItem", ["sls"] = "Select-String", ["sleep"] = "Start-Sleep",
    };

    const string Ssh = "HostName SSHTransport KeyFilePath UserName Subsystem SSHConnection ConnectingTimeout Options";
    const string Web = "SkipCertificateCheck Authentication Token AllowUnencryptedAuthentication SkipHttpErrorCheck MaximumRetryCount RetryIntervalSec Form NoProxy SslProtocol Resume ResponseHeadersVariable StatusCodeVariable FollowRelLink CustomMethod SkipHeaderValidation PreserveAuthorizationOnRedirect HttpVersion UnixSocket AllowInsecureRedirect ConnectionTimeoutSeconds OperationTimeoutSeconds";

    public static readonly Dictionary<string, string[]> NewParameters = new()
    {
        ["convertfrom-json"] = List("AsHashtable Depth NoEnumerate DateKind"),
        ["convertto-json"] = List("AsArray EnumsAsStrings EscapeHandling"),
        ["get-content"] = List("AsByteStream"),
        ["set-content"] = List("AsByteStream"),
        ["add-content"] = List("AsByteStream"),
        ["join-path"] = List("AdditionalChildPath Extension"),
        ["split-path"] = List("LeafBase Extension"),
        ["export-csv"] = List("UseQuotes QuoteFields NoHeader IncludeTypeInformation"),
        ["convertto-csv"] = List("UseQuotes QuoteFields NoHeader IncludeTypeInformation"),
        ["foreach-object"] = List("Parallel ThrottleLimit TimeoutSeconds AsJob UseNewRunspace"),
        ["where-object"] = List("Not"),
        ["select-object"] = List("CaseInsensitive"),
        ["sort-object"] = List("Top Bottom Stable"),
        ["measure-object"] = List("StandardDeviation AllStats"),
        ["get-unique"] = List("CaseInsensitive"),
        ["get-date"] = List("AsUTC UnixTimeSeconds"),
        ["get-childitem"] = List("FollowSymlink"),
        ["get-random"] = List("Shuffle"),
        ["start-sleep"] = List("Duration"),
        ["start-process"] = List("Environment"),
        ["read-host"] = List("MaskInput"),
        ["convertfrom-securestring"] = List("AsPlainText"),
        ["select-string"] = List("Raw NoEmphasis Culture"),
        ["get-command"] = List("UseFuzzyMatching UseAbbreviationExpansion"),
        ["new-guid"] = List("Empty InputObject"),
        ["tee-object"] = List("Encoding"),
        ["new-pssession"] = List(Ssh + " UseWindowsPowerShell"),
        ["import-module"] = List("UseWindowsPowerShell SkipEditionCheck"),
        ["enter-pssession"] = List(Ssh),
        ["invoke-command"] = List(Ssh + " RemoteDebug"),
        ["invoke-restmethod"] = List(Web),
        ["invoke-webrequest"] = List(Web),
        ["test-connection"] = List("TargetName Ping Traceroute MtuSize IPv4 IPv6 TcpPort Repeat ResolveDestination"),
    };

    static string[] List(string names) => names.Split(' ');

    static HashSet<string> Names(string names) => new(List(names), StringComparer.OrdinalIgnoreCase);
}
