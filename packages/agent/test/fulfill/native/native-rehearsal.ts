/* A place for runs of the native engine: an organisation in memory, folders, and a server and a disk that can fail. */
import {
  accessSync,
  appendFileSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import {
  type ApplyRequest,
  type AuditVerdict,
  type FulfillOutcome,
  type NativePorts,
  planUndo,
  type PlanOutcome,
  runApply,
  runFulfill,
  runPlan,
  runUndo,
  type UndoRequest,
  verifyAuditOf,
} from '@exchange-connector/agent';
import type { AgentFolders, ConnectionSettings } from '@exchange-connector/config';
import {
  createTestOrganization,
  openInProcessSession,
  type TestOrganization,
  type TestOrganizationOptions,
} from '@exchange-connector/exchange-simulator';
import type {
  ErrorRecord,
  InvokeOptions,
  PipelineEvent,
  PipelineRequest,
  RemoteSession,
} from '@exchange-connector/psrp';
import { parse } from 'csv-parse/sync';
import type { AuditEntry } from '../../../src/fulfill/native/audit-log.ts';
import { partialFile } from '../../../src/fulfill/native/durable-file.ts';
import { connectionTo } from '../../rehearsed-connection.ts';

/** What happens to one changing command. */
export type Fault =
  /** The session is lost before the server had it, or after it carried it out. */
  | 'lostBefore'
  | 'lostAfter'
  /** The server reports an error that passes, without having done it, or having done it all the same. */
  | 'transientBefore'
  | 'transientAfter'
  /** The server refuses it. */
  | 'refused';

/** One order's result, as the file of results has it. */
export interface ResultRow {
  readonly AssignmentId: string;
  readonly ProvisioningState: 'Executed' | 'Errored';
  readonly Message: string;
  readonly ChangeType: string;
  readonly OwnerId: string;
  readonly OwnerType: string;
}

/** The program is dead: whatever it does from now on fails. */
export class Death extends Error {
  override readonly name = 'Death';
}

/** A moment at which something is written or sent. */
export interface Moment {
  /** How many were before. */
  readonly number: number;
  /** `before journal.jsonl`, `sent Set-Mailbox`. */
  readonly what: string;
  /** What is about to be written; a death in the middle leaves a part of it. */
  readonly writing: Writing | undefined;
}

export interface Writing {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Leaves what a death in the middle of a writing leaves: half a line, or half a file that was to replace another. */
export function tear({ path, bytes }: Writing): void {
  const half = bytes.subarray(0, Math.floor(bytes.length / 2));
  if (path.endsWith('.jsonl')) appendFileSync(path, half);
  else writeFileSync(partialFile(path), half);
}

/** A death at the nth moment at which something is written or sent; in the middle of a line where `torn`. */
export interface Deadly {
  readonly moment: number;
  readonly torn: boolean;
}

export interface PortOptions {
  /** By the number of the changing command of the run, from 1. */
  readonly faults?: ReadonlyMap<number, Fault>;
  readonly deadly?: Deadly;
  readonly onMoment?: (moment: Moment) => void;
  /** Called before each changing command; for changes by another hand. */
  readonly beforeWrite?: (count: number, cmdlet: string) => void;
}

/** Ports that count, fail and die as they are told. */
export interface RehearsedPorts extends NativePorts {
  /** Every command that was sent, in order: the changing ones with their arguments. */
  readonly sent: string[];
  readonly counts: { writes: number; carriedOut: number; moments: number; waits: number; dead: boolean };
}

const readingCmdlet = /^(?:Get-|Select-Object|Measure-Object|Set-ADServerSettings)/;

function errorOf(reason: string, message: string): ErrorRecord {
  return {
    message,
    fullyQualifiedErrorId: `[Server=EX01,RequestId=7f1c,TimeStamp=1/1/2026 1:00:00 AM] [FailureCategory=Cmdlet-${reason}] 1082ECE3,Microsoft.Exchange.Management.Tasks`,
    category: 0,
    categoryActivity: '',
    categoryReason: reason,
    categoryTargetName: '',
    categoryTargetType: '',
    categoryMessage: `NotSpecified: (:) [], ${reason}`,
    exceptionTypeNames: [],
    details: undefined,
    raw: { kind: 'Nil' },
  };
}

function orderJson(id: string, changeType: string, target: string, changes: object, resource: object): object {
  return {
    AssignedResourceTypeId: id,
    ChangeType: changeType,
    Owner: { Id: `owner-${id}`, InternalDisplayName: 'BELLANGER Victor' },
    ResourceType: {
      Id: '-42',
      Identifier: `${target}_NominativeUser`,
      SourceEntityType: { Id: '51', Identifier: 'Directory_User' },
      TargetEntityType: { Id: '70', Identifier: target },
    },
    Changes: changes,
    Resource: resource,
  };
}

export function mailboxOrder(id: string, changeType: string, changes: object, resource: object = {}): object {
  return orderJson(id, changeType, 'MicrosoftExchange_Mailbox', changes, resource);
}

export function databaseOrder(id: string, changeType: string, changes: object, resource: object = {}): object {
  return orderJson(id, changeType, 'MicrosoftExchange_Database', changes, resource);
}

/** In memory where the system has such a place: a run writes through to the disk several times for each step. */
function place(): string {
  try {
    accessSync('/dev/shm', constants.W_OK | constants.X_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}

export class NativeRehearsal {
  readonly folder: string;
  readonly folders: AgentFolders;
  readonly orders: string;
  readonly results: string;
  readonly organization: TestOrganization;
  connection: ConnectionSettings;
  #server: { readonly without?: readonly string[] };
  #runs: number;

  /**
   * @param server what the account lacks
   * @param present a place that is there already, with an organisation, and what ran there
   */
  constructor(
    settings: Partial<ConnectionSettings> = {},
    options: TestOrganizationOptions = {},
    server: { readonly without?: readonly string[] } = {},
    present?: { readonly folder: string; readonly organization: TestOrganization; readonly runs: number },
  ) {
    this.#server = server;
    this.#runs = present?.runs ?? 0;
    this.folder = present?.folder ?? mkdtempSync(join(place(), 'native-'));
    this.folders = { temp: join(this.folder, 'Temp'), work: join(this.folder, 'Work') };
    this.orders = join(this.folder, 'orders');
    this.results = join(this.folder, 'results.csv');
    mkdirSync(this.orders, { recursive: true });
    this.organization =
      present?.organization ??
      createTestOrganization({ mailboxes: 80, databases: 3, users: 20, clock: 'virtual', ...options });
    this.connection = connectionTo('http://mailbox01.contoso.com/PowerShell/', settings);
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Roles are taken from the account between two runs. */
  lack(...without: readonly string[]): void {
    this.#server = { without };
  }

  /** The settings are changed between two runs. */
  set(settings: Partial<ConnectionSettings>): void {
    this.connection = { ...this.connection, ...settings };
  }

  give(...orders: readonly object[]): void {
    for (const name of readdirSync(this.orders)) rmSync(join(this.orders, name));
    writeFileSync(join(this.orders, 'orders.json'), JSON.stringify({ ProvisioningOrdersList: orders }));
  }

  ports(options: PortOptions = {}): RehearsedPorts {
    const { organization } = this;
    const counts = { writes: 0, carriedOut: 0, moments: 0, waits: 0, dead: false };
    const sent: string[] = [];
    const moment = (what: string, writing?: Writing): void => {
      if (counts.dead) throw new Death('the program is dead');
      if (counts.moments === options.deadly?.moment) {
        counts.dead = true;
        if (options.deadly.torn && writing !== undefined) tear(writing);
        throw new Death(`dead at moment ${counts.moments}`);
      }
      options.onMoment?.({ number: counts.moments, what, writing });
      counts.moments += 1;
    };
    return {
      sent,
      counts,
      now: () => organization.clock.now(),
      wait: async (milliseconds, signal) => {
        signal.throwIfAborted();
        counts.waits += 1;
        organization.clock.advance(milliseconds);
      },
      open: async () => {
        moment('open');
        const session = openInProcessSession(organization, this.#server);
        return {
          session: new FaultySession(session, { ...options, counts, sent, moment }),
          url: 'http://mailbox01.contoso.com/PowerShell/',
        };
      },
      watch: ({ when, path, bytes }) =>
        moment(`${when} ${basename(path)}`, when === 'before' ? { path, bytes } : undefined),
    };
  }

  #request(): {
    connection: ConnectionSettings;
    folders: AgentFolders;
    settingsFolder: string;
    signal: AbortSignal;
    runId: string;
  } {
    this.#runs += 1;
    return {
      connection: this.connection,
      folders: this.folders,
      settingsFolder: this.folder,
      signal: AbortSignal.timeout(600_000),
      runId: `run-${this.#runs}`,
    };
  }

  fulfill(
    ports = this.ports(),
    more: { release?: boolean; signal?: AbortSignal; retiredDomainControllers?: readonly string[] } = {},
  ): Promise<FulfillOutcome> {
    return runFulfill({ ...this.#request(), ordersFolder: this.orders, resultsFile: this.results, ...more }, ports);
  }

  plan(ports = this.ports(), more: { planFile?: string; whatIf?: boolean } = {}): Promise<PlanOutcome> {
    return runPlan({ ...this.#request(), ordersFolder: this.orders, ...more }, ports);
  }

  apply(planFile: string, ports = this.ports()): Promise<FulfillOutcome> {
    const request: ApplyRequest = { ...this.#request(), planFile, resultsFile: this.results };
    return runApply(request, ports);
  }

  undo(run: string, ports = this.ports(), more: Partial<UndoRequest> = {}): Promise<FulfillOutcome> {
    return runUndo({ ...this.#request(), undoneRun: run, resultsFile: this.results, ...more }, ports);
  }

  undoPlan(run: string, ports = this.ports()): Promise<PlanOutcome> {
    return planUndo({ ...this.#request(), undoneRun: run }, ports);
  }

  rows(): ResultRow[] {
    return parse(readFileSync(this.results), { columns: true }) as ResultRow[];
  }

  /** `id state` of each row, in order. */
  states(): string[] {
    return this.rows().map(({ AssignmentId, ProvisioningState }) => `${AssignmentId} ${ProvisioningState}`);
  }

  audit(run: string): AuditEntry[] {
    const path = join(this.folders.work, 'Fulfill', run, 'audit.jsonl');
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, 'utf8').split('\n');
    return lines.flatMap((line) => (line === '' ? [] : [JSON.parse(line) as AuditEntry]));
  }

  verdict(): AuditVerdict {
    return verifyAuditOf(this.folders, this.connection);
  }

  /** Everything that the organisation holds, for comparison: without the marks of time that each change leaves. */
  state(): unknown {
    const truth = this.organization.truth();
    const mailboxes = [...truth.mailboxes()].map(({ guid, properties }) => {
      const { WhenChangedUTC: _, WhenMailboxCreated: __, ExchangeGuid: ___, ...rest } = properties;
      const addresses = rest['EmailAddresses'];
      return { guid, ...rest, EmailAddresses: Array.isArray(addresses) ? addresses.toSorted() : addresses };
    });
    const databases = truth.databases.map(({ guid: _, whenChangedUtc: __, ...rest }) => rest);
    const byText = (left: object, right: object): number => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1);
    return {
      mailboxes: mailboxes.toSorted((a, b) => (a.guid < b.guid ? -1 : 1)),
      databases: databases.toSorted(byText),
    };
  }
}

interface Shared extends PortOptions {
  readonly counts: RehearsedPorts['counts'];
  readonly sent: string[];
  readonly moment: (what: string) => void;
}

class FaultySession implements RemoteSession {
  readonly server: RemoteSession['server'];
  readonly #inner: RemoteSession;
  readonly #shared: Shared;

  constructor(inner: RemoteSession, shared: Shared) {
    this.#inner = inner;
    this.#shared = shared;
    this.server = inner.server;
  }

  async *invoke(request: PipelineRequest, options?: InvokeOptions): AsyncGenerator<PipelineEvent> {
    const { counts, sent, faults, moment, beforeWrite } = this.#shared;
    if (counts.dead) throw new Death('the program is dead');
    const name = request.statements[0]?.[0]?.name ?? '';
    sent.push(name);
    if (readingCmdlet.test(name)) {
      yield* this.#inner.invoke(request, options);
      return;
    }
    counts.writes += 1;
    beforeWrite?.(counts.writes, name);
    const fault = faults?.get(counts.writes);
    moment(`sent ${name}`);
    if (fault === 'lostBefore') throw new Error('rehearsed: the connection was cut');
    if (fault === 'transientBefore' || fault === 'refused') {
      const record =
        fault === 'refused'
          ? errorOf('RecipientTaskException', 'rehearsed: the task is refused')
          : errorOf('ADTransientException', 'rehearsed: the directory is busy');
      yield { kind: 'error', record };
      yield { kind: 'state', state: 4, error: undefined };
      return;
    }
    const events: PipelineEvent[] = [];
    for await (const event of this.#inner.invoke(request, options)) events.push(event);
    counts.carriedOut += 1;
    moment(`carried out ${name}`);
    if (fault === 'lostAfter') throw new Error('rehearsed: the connection was cut');
    if (fault === 'transientAfter') yield { kind: 'error', record: errorOf('ADTransientException', 'rehearsed: busy') };
    yield* events;
    moment(`answered ${name}`);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
