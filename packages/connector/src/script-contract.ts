/*
 * What an export script is given, and how it is called (docs/scripts.md). The call is script text for the
 * local PowerShell alone, which has its whole language; nothing of it goes to Exchange.
 *
 *   parse the script ─► which parameters does it declare ─► call it with those of ours ─► how did it end
 */
import {
  type CommandParameter,
  type PipelineRequest,
  psArray,
  psBoolean,
  psHashtable,
  psSecureString,
  psString,
  type PsValue,
} from '@exchange-connector/psrp';
import { databaseColumns, mailboxColumns } from './columns.ts';
import { askedProperties } from './object-reader.ts';
import type { ExportScope, PinnedServers } from './requests.ts';

/** What a script may need to know; it is given those of which it declares a parameter. */
export interface ScriptSettings {
  readonly scriptPath: string;
  readonly connectionId: string;
  /** The addresses of `Server`, in order of preference. */
  readonly servers: readonly string[];
  readonly authType: 'Kerberos' | 'Basic';
  /** Without it the running account is used. The password leaves here as a SecureString. */
  readonly credential: { readonly login: string; readonly password: () => string } | undefined;
  /** An empty folder of this run alone, for a script that writes the files itself. */
  readonly outputPath: string;
  readonly isIncremental: boolean;
  readonly additionalColumns: readonly string[];
  readonly scope: ExportScope;
  readonly pins: PinnedServers;
  /** Further settings by the names of the settings file, where they are set. */
  readonly others: Readonly<Record<string, string | undefined>>;
}

/** The FullyQualifiedErrorIds by which the call, or a script, says what kind of failure it was. */
export const scriptErrorIds = {
  notParsed: 'ExportScriptNotParsed',
  exited: 'ExportScriptExited',
  /** For a script to throw where it could not open its session. */
  sessionNotOpened: 'ExchangeSessionNotOpened',
} as const;

/*
 * Only the language and the engine's own classes: no cmdlet. A script that is called inside `try` ends at
 * its first statement that cannot be carried out, instead of going on without it to an export with less in it.
 */
const call = `[CmdletBinding()]
param(
    [string] $ConnectorScriptPath,
    [System.Collections.IDictionary] $ConnectorSettings,
    [string[]] $ConnectorChosen,
    [string] $ConnectorLogin,
    [System.Security.SecureString] $ConnectorPassword
)
$env:PSExecutionPolicyPreference = 'Bypass'
if ($ConnectorLogin) {
    $ConnectorSettings['Credential'] = [System.Management.Automation.PSCredential]::new($ConnectorLogin, $ConnectorPassword)
}
$connectorTokens = $null
$connectorFaults = $null
$connectorTree = [System.Management.Automation.Language.Parser]::ParseFile($ConnectorScriptPath, [ref] $connectorTokens, [ref] $connectorFaults)
if ($connectorFaults.Count -gt 0) {
    $connectorFault = $connectorFaults[0]
    $connectorReason = 'line ' + $connectorFault.Extent.StartLineNumber + ', column ' + $connectorFault.Extent.StartColumnNumber + ': ' + $connectorFault.Message
    throw [System.Management.Automation.ErrorRecord]::new([System.InvalidOperationException]::new($connectorReason), '${scriptErrorIds.notParsed}', 'ParserError', $ConnectorScriptPath)
}
$connectorGiven = @{}
$connectorNames = @()
if ($null -ne $connectorTree.ParamBlock) {
    foreach ($connectorParameter in $connectorTree.ParamBlock.Parameters) { $connectorNames += $connectorParameter.Name.VariablePath.UserPath }
}
foreach ($connectorName in @($ConnectorSettings.Keys)) {
    if ($connectorNames -contains $connectorName) {
        $connectorGiven[$connectorName] = $ConnectorSettings[$connectorName]
    } elseif ($ConnectorChosen -contains $connectorName) {
        $PSCmdlet.WriteWarning('the export script has no parameter ' + $connectorName + ': this setting of the connection has no effect on it')
    }
}
$OutputPath = $ConnectorSettings['OutputPath']
$IsIncremental = $ConnectorSettings['IsIncremental']
$ConnectionIdentifier = $ConnectorSettings['ConnectionIdentifier']
$global:LASTEXITCODE = 0
try {
    & $ConnectorScriptPath @connectorGiven
    $connectorSucceeded = $?
} catch {
    $connectorReason = $_.Exception.Message
    $connectorAt = $_.InvocationInfo
    if ($null -ne $connectorAt -and $connectorAt.ScriptLineNumber -gt 0 -and $connectorAt.ScriptName) {
        $connectorReason += ' (' + [System.IO.Path]::GetFileName($connectorAt.ScriptName) + ', line ' + $connectorAt.ScriptLineNumber + ')'
    }
    throw [System.Management.Automation.ErrorRecord]::new([System.InvalidOperationException]::new($connectorReason, $_.Exception), $_.FullyQualifiedErrorId, $_.CategoryInfo.Category, $ConnectorScriptPath)
}
if (-not $connectorSucceeded -and $global:LASTEXITCODE -ne 0) {
    throw [System.Management.Automation.ErrorRecord]::new([System.InvalidOperationException]::new('exit ' + $global:LASTEXITCODE), '${scriptErrorIds.exited}', 'InvalidResult', $ConnectorScriptPath)
}
`;

function texts(values: readonly string[]): PsValue {
  return psArray(values.map((value) => psString(value)));
}

/** Settings that leave something out of view, or say how to get there: where the script knows nothing of one, a person must be told. */
function chosenSettings(settings: ScriptSettings): [string, PsValue][] {
  const { scope, pins } = settings;
  const lists: readonly (readonly [string, readonly string[]])[] = [
    ['OrganizationalUnits', scope.organizationalUnits],
    ['Databases', scope.databases],
    ['RecipientTypeDetails', scope.recipientTypeDetails],
  ];
  const singles: readonly (readonly [string, string | undefined])[] = [
    ['Filter', scope.filter],
    ['DomainController', pins.domainController],
    ['GlobalCatalog', pins.globalCatalog],
    ...Object.entries(settings.others),
  ];
  const flags: readonly (readonly [string, boolean])[] = [
    ['IncludeArbitration', scope.includeArbitration],
    ['IncludePublicFolder', scope.includePublicFolder],
    ['IncludeAuditLog', scope.includeAuditLog],
    ['IncludeMonitoring', scope.includeMonitoring],
  ];
  return [
    ...lists.flatMap(([name, values]): [string, PsValue][] => (values.length > 0 ? [[name, texts(values)]] : [])),
    ...singles.flatMap(([name, value]): [string, PsValue][] => (value === undefined ? [] : [[name, psString(value)]])),
    ...flags.flatMap(([name, isOn]): [string, PsValue][] => (isOn ? [[name, psBoolean(true)]] : [])),
  ];
}

/** The request that runs an export script in a local PowerShell. */
export function exportScriptRequest(settings: ScriptSettings): PipelineRequest {
  const chosen = chosenSettings(settings);
  const [server] = settings.servers;
  const given: [string, PsValue][] = [
    ['ConnectionIdentifier', psString(settings.connectionId)],
    ['Server', settings.servers.length === 1 && server !== undefined ? psString(server) : texts(settings.servers)],
    ['AuthType', psString(settings.authType)],
    ['OutputPath', psString(settings.outputPath)],
    ['IsIncremental', psBoolean(settings.isIncremental)],
    ['AdditionalColumns', texts(settings.additionalColumns)],
    ['MailboxProperties', texts(askedProperties(mailboxColumns(settings.additionalColumns)))],
    ['DatabaseProperties', texts(askedProperties(databaseColumns()))],
    ...chosen,
  ];
  const names = chosen.map(([name]) => name);
  const parameters: CommandParameter[] = [
    { name: 'ConnectorScriptPath', value: psString(settings.scriptPath) },
    { name: 'ConnectorSettings', value: psHashtable(Object.fromEntries(given)) },
    { name: 'ConnectorChosen', value: texts(settings.credential === undefined ? names : [...names, 'Credential']) },
  ];
  if (settings.credential !== undefined) {
    parameters.push({ name: 'ConnectorLogin', value: psString(settings.credential.login) });
    parameters.push({ name: 'ConnectorPassword', value: psSecureString(settings.credential.password()) });
  }
  return { statements: [[{ name: call, isScript: true, parameters }]] };
}
