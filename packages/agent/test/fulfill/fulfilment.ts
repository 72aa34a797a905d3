import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type FulfillOutcome, type FulfillRequest, runFulfill } from '@exchange-connector/agent';
import type { ConnectionSettings } from '@exchange-connector/config';
import { parse } from 'csv-parse/sync';
import { openTestHost } from '../../../powershell-process/test/test-host.ts';
import { connectionTo } from '../rehearsed-connection.ts';

const host = await openTestHost();
/** The reason where the tests cannot run: for `skip`. */
export const skip = host.kind === 'absent' ? host.reason : false;
if (host.kind === 'ready') process.env['EXCHANGE_CONNECTOR_POWERSHELL'] = host.program;

/** The beginning of a script as the documentation of the incumbent shows it. */
export const scriptHead = `param(
  [Parameter(Mandatory = $true)][string]$resultsFilePath,
  [Parameter(Mandatory = $true)][string]$ordersPath
)
. (Join-Path -Path $PSScriptRoot -ChildPath "Environment.ps1")
. (Join-Path -Path $runtimePath -ChildPath "Usercube-Visit-Orders.ps1")
`;

/** A script whose function notes each call in $demoPath/calls.txt, then does `body`. */
export function visitingScript(body: string): string {
  return `${scriptHead}
function Fulfill-Test {
  param ([parameter(Mandatory = $true)] $order)
  [System.IO.File]::AppendAllText("$demoPath/calls.txt", $order.AssignedResourceTypeId + [char]10)
  ${body}
}
$options = ConvertFrom-Json ([System.Console]::ReadLine())
Usercube-Visit-Orders $resultsFilePath $ordersPath Fulfill-Test
`;
}

export function orderOf(id: string, more: object = {}): object {
  return {
    AssignedResourceTypeId: id,
    ChangeType: 'Added',
    WorkflowInstanceId: '81',
    Owner: { Id: `owner-${id}`, InternalDisplayName: 'BELLANGER Victor' },
    ResourceType: {
      Id: '-42',
      Identifier: 'MicrosoftExchange_Mailbox_NominativeUser',
      SourceEntityType: { Id: '51', Identifier: 'Directory_User' },
      TargetEntityType: { Id: '70', Identifier: 'MicrosoftExchange_Mailbox' },
    },
    Changes: { SamAccountName: `sam-${id}` },
    Resource: {},
    ...more,
  };
}

/** A place for runs: settings, orders, results, the folders of the agent. */
export class Rehearsal {
  readonly folder: string;
  readonly script: string;
  readonly orders: string;
  readonly results: string;
  readonly connection: ConnectionSettings;

  constructor(context: TestContext, script: string, connection: Partial<ConnectionSettings> = {}) {
    this.folder = mkdtempSync(join(tmpdir(), 'fulfill-'));
    context.after(() => rmSync(this.folder, { recursive: true, force: true }));
    this.orders = join(this.folder, 'orders');
    this.results = join(this.folder, 'results.csv');
    this.script = join(this.folder, 'scripts', 'Fulfill-Test.ps1');
    mkdirSync(this.orders);
    mkdirSync(join(this.folder, 'scripts'));
    this.write(script);
    this.connection = connectionTo('http://mailbox01.contoso.com/PowerShell/', {
      fulfillScriptPath: this.script,
      ...connection,
    });
  }

  write(script: string): void {
    writeFileSync(this.script, script);
  }

  put(name: string, ...orders: readonly object[]): void {
    writeFileSync(join(this.orders, name), JSON.stringify({ ProvisioningOrdersList: orders }));
  }

  request(more: Partial<FulfillRequest> = {}): FulfillRequest {
    return {
      connection: this.connection,
      folders: { temp: join(this.folder, 'Temp'), work: join(this.folder, 'Work') },
      settingsFolder: this.folder,
      signal: new AbortController().signal,
      ordersFolder: this.orders,
      resultsFile: this.results,
      ...more,
    };
  }

  run(more: Partial<FulfillRequest> = {}): Promise<FulfillOutcome> {
    return runFulfill(this.request(more));
  }

  /** The results by a reader that is not ours. */
  rows(): string[][] {
    return parse(readFileSync(this.results)) as string[][];
  }

  /** Id, state and message of each row. */
  states(): string[][] {
    return this.rows()
      .slice(1)
      .map(([id = '', state = '', message = '']) => [id, state, message]);
  }

  /** The ids of the orders that the function was called with, in the order of the calls. */
  calls(): string[] {
    try {
      return readFileSync(join(this.folder, 'calls.txt'), 'utf8').split('\n').slice(0, -1);
    } catch {
      return [];
    }
  }

  /** All text that the agent left in its folders, the laid-out scripts apart. */
  leftText(): string {
    const texts: string[] = [];
    for (const entry of readdirSync(join(this.folder, 'Work'), { recursive: true, withFileTypes: true }))
      if (entry.isFile()) texts.push(readFileSync(join(entry.parentPath, entry.name), 'utf8'));
    return texts.join('\n');
  }
}
