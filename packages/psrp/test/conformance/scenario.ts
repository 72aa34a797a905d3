/* What a scenario of the conformance suite is: the same for the real client, which is driven by PowerShell text, and ours. */
import type { PipelineRequest, PsValue } from '@exchange-connector/psrp';

/** A value as this package makes it, and the PowerShell text that makes the same in the real engine. */
export interface TwinValue {
  readonly ours: PsValue;
  /** The first expression's value; statements after it may change `$v`, which holds it. */
  readonly real: string;
}

export interface ScenarioParameter extends TwinValue {
  /** None: the value is positional. */
  readonly name?: string;
}

export interface ScenarioCommand {
  readonly name: string;
  readonly isScript: boolean;
  readonly parameters: readonly ScenarioParameter[];
}

export interface Scenario {
  /** A sentence: what it shows. */
  readonly name: string;
  readonly statements: readonly (readonly ScenarioCommand[])[];
  /** The sessions that it runs in; default: protocol 2.4 alone. */
  readonly sessions?: readonly SessionName[];
  readonly input?: { readonly ours: readonly PsValue[]; readonly real: string };
  /** The pipeline is stopped when so many objects have come. */
  readonly stopAfter?: number;
  readonly invocationInfo?: boolean;
  /** The text of every SecureString that the server sends back: our server is told it, since it has no engine. */
  readonly secret?: string;
  /** The texts of the SecureStrings that the client sends, in order. */
  readonly sentSecrets?: readonly string[];
}

/** Functions that every server has, for commands that are no script text. */
const commonFunctions = `
function Get-Argument { [CmdletBinding()] param([Parameter(Position=0)]$Identity, [switch]$Force, $Add, $List)
  "$Identity|$Force|$($Add.Keys)|$($Add.Values)|$($List.Count)" }
function Get-Thing { [CmdletBinding()] param([int]$Count = 1) for ($i = 1; $i -le $Count; $i++) { [pscustomobject]@{ Name = "thing $i"; Number = $i } } }
function Join-Thing { [CmdletBinding()] param([Parameter(ValueFromPipeline)]$InputObject, $With = '-') begin { $all = '' } process { $all += "$With$($InputObject.Name)" } end { $all } }
function Write-Failure { [CmdletBinding()] param([switch]$Hard)
  $record = [Management.Automation.ErrorRecord]::new([InvalidOperationException]::new('it broke <&>'), 'MyId', 'InvalidData', @{ k = 'v' })
  $record.ErrorDetails = [Management.Automation.ErrorDetails]::new('the details')
  $record.ErrorDetails.RecommendedAction = 'try again'
  if ($Hard) { $PSCmdlet.ThrowTerminatingError($record) }
  $PSCmdlet.WriteError($record); 'after' }
function Write-Stream { [CmdletBinding()] param()
  $VerbosePreference = $DebugPreference = 'Continue'
  $PSCmdlet.WriteWarning('w1 _x0041_'); $PSCmdlet.WriteVerbose('v'); $PSCmdlet.WriteDebug('d'); 'between'; $PSCmdlet.WriteWarning('')
  $PSCmdlet.WriteInformation('text', [string[]]@('one', 'two'))
  $PSCmdlet.WriteInformation([pscustomobject]@{ a = 1 }, [string[]]@())
  $PSCmdlet.WriteInformation([Management.Automation.HostInformationMessage]@{ Message = 'm'; NoNewLine = $true; ForegroundColor = 'Red' }, [string[]]@('PSHOST'))
  $p = [Management.Automation.ProgressRecord]::new(3, 'act', 'stat'); $p.PercentComplete = 40; $p.SecondsRemaining = 7; $p.CurrentOperation = 'op'; $p.ParentActivityId = 2
  $PSCmdlet.WriteProgress($p)
  $p = [Management.Automation.ProgressRecord]::new(3, 'act', 'stat'); $p.RecordType = 'Completed'; $PSCmdlet.WriteProgress($p) }
`;

const noLanguage = "$ExecutionContext.SessionState.LanguageMode = 'NoLanguage'";

/** The sessions, each with a server process of its own. `initial` is script text run in the real server's runspace. */
export const sessions = {
  '2.4': { version: '2.4', hasHost: false, initial: commonFunctions },
  '2.3': { version: '2.3', hasHost: false, initial: commonFunctions },
  '2.2': { version: '2.2', hasHost: false, initial: commonFunctions },
  '2.1': { version: '2.1', hasHost: false, initial: commonFunctions },
  'no language': { version: '2.4', hasHost: false, initial: `${commonFunctions}\n${noLanguage}` },
  'with a host': { version: '2.4', hasHost: true, initial: commonFunctions },
} as const;

export type SessionName = keyof typeof sessions;
export const sessionNames = Object.keys(sessions) as readonly SessionName[];
export const allVersions = ['2.1', '2.2', '2.3', '2.4'] as const satisfies readonly SessionName[];

/** One scenario in one session. */
export interface Case {
  readonly scenario: Scenario;
  readonly session: SessionName;
}

export const command = (name: string, ...parameters: readonly ScenarioParameter[]): ScenarioCommand => ({
  name,
  isScript: false,
  parameters,
});

export const script = (text: string, ...parameters: readonly ScenarioParameter[]): ScenarioCommand => ({
  name: text,
  isScript: true,
  parameters,
});

/** A scenario of one command in one statement. */
export const single = (name: string, only: ScenarioCommand, more: Partial<Scenario> = {}): Scenario => ({
  name,
  statements: [[only]],
  ...more,
});

/** What our client is asked for. */
export function requestOf(scenario: Scenario): PipelineRequest {
  return {
    statements: scenario.statements.map((statement) =>
      statement.map(({ name, isScript, parameters }) => ({
        name,
        isScript,
        parameters: parameters.map((one) => ({ name: one.name, value: one.ours })),
      })),
    ),
    invocationInfo: scenario.invocationInfo === true,
  };
}

/** What oracle/ConformCommand.cs is asked for. */
export function realRequestOf(scenario: Scenario): Record<string, unknown> {
  const { input, stopAfter, invocationInfo } = scenario;
  return {
    statements: scenario.statements.map((statement) =>
      statement.map(({ name, isScript, parameters }) => ({
        [isScript ? 'script' : 'name']: name,
        parameters: parameters.map((one) => ({ name: one.name, value: one.real })),
      })),
    ),
    input: input?.real,
    stopAfter,
    invocationInfo,
  };
}
