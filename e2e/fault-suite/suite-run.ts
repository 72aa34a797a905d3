/*
 * One organisation, one connection, one run after the other: between them the organisation changes, and each
 * is hurt in another way. After each, and after the run that repairs it, everything that must hold is checked.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runAcknowledge, runExport } from '@exchange-connector/agent';
import { type ConnectionSettings, loadSettings } from '@exchange-connector/config';
import {
  createTestOrganization,
  type MessageCounts,
  type Simulator,
  startSimulator,
  type TestOrganization,
} from '@exchange-connector/exchange-simulator';
import { expectedDatabases, expectedMailboxes, type Row } from './expected-rows.ts';
import { OrganisationLife } from './organisation-life.ts';
import { Loader, type PublishedFiles, readPublished, rowsOf } from './published-files.ts';
import { SeededNumbers } from './seeded-numbers.ts';

export const account = { login: 'reader', password: 'correct horse' };

/** The settings of a connection to `url` as its files say them, defaults elsewhere. */
function connectionTo(url: string, folder: string, mode: ExportMode): ConnectionSettings {
  const Main = {
    Server: url,
    AuthType: 'Basic',
    AllowUnencryptedBasic: true,
    Login: account.login,
    Password: account.password,
    ShellSpacingSeconds: 0,
    RequireAcknowledge: mode === 'acknowledged',
    Shells: mode === 'parts' ? 3 : 1,
  };
  writeFileSync(join(folder, 'appsettings.agent.json'), JSON.stringify({ Connections: { Main } }));
  const loaded = loadSettings({ settingsFolder: folder, environment: {} });
  const connection = loaded.kind === 'loaded' ? loaded.settings.connections[0] : undefined;
  if (connection === undefined) throw new Error(`the settings of the suite are refused: ${JSON.stringify(loaded)}`);
  return connection;
}

/**
 * `complete`: each run reads everything. `parts`: everything, in parts over three shells (from 1,000 mailboxes on), which
 * the next run goes on with. `incremental`: whoever loads looks at the manifest whenever a run has ended,
 * however it ended. `acknowledged`: RequireAcknowledge; only runs that ended well are loaded, and then acknowledged.
 */
export type ExportMode = 'complete' | 'parts' | 'incremental' | 'acknowledged';

/** What an export of the suite is given, but for the signal. */
export function exportRequest(of: { readonly url: string; readonly folder: string; readonly mode: ExportMode }) {
  return {
    connection: connectionTo(of.url, of.folder, of.mode),
    folders: { temp: join(of.folder, 'Temp'), work: join(of.folder, 'Work') },
    settingsFolder: of.folder,
    ...(of.mode === 'complete' || of.mode === 'parts' ? { complete: true } : {}),
  };
}

/** No run of the suite takes a twentieth of this; one that hangs is ended, and found. */
export const longestRunMs = 300_000;
/** When so much has gone wrong, more of it says nothing new. */
const mostFindings = 25;

/** What a run that was hurt came to. */
export interface HurtRun {
  /** Whether the process was killed; else the kind of the outcome. */
  readonly outcome: string;
  /** Its exit code; null where it was killed. */
  readonly exitCode: number | null;
}

export interface SuiteOptions {
  readonly mailboxes: number;
  readonly mode: ExportMode;
  readonly seed: number;
}

/** Something that must hold and did not: where, and what was seen. */
export interface Finding {
  readonly where: string;
  readonly what: string;
}

/** Ends a part of the suite early. */
export class TooManyFindings extends Error {
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    super(`${findings.length} findings`);
    this.findings = findings;
  }
}

export class SuiteRun {
  readonly simulator: Simulator;
  readonly organization: TestOrganization;
  readonly folder: string;
  readonly mode: ExportMode;
  readonly numbers: SeededNumbers;
  readonly findings: Finding[] = [];
  readonly #life: OrganisationLife;
  readonly #loader = new Loader();
  /** Called with the name of each round as it ends. */
  onRound: (where: string) => void = () => {};
  rounds = 0;
  /** Outcomes of the hurt runs, counted. */
  readonly outcomes = new Map<string, number>();

  private constructor(options: SuiteOptions, organization: TestOrganization, simulator: Simulator) {
    this.organization = organization;
    this.simulator = simulator;
    this.mode = options.mode;
    this.folder = mkdtempSync(join(tmpdir(), 'fault-suite-'));
    this.numbers = new SeededNumbers(options.seed);
    this.#life = new OrganisationLife(organization, this.numbers);
  }

  /** Starts the simulator and makes the first run, which must be a good one. */
  static async open(options: SuiteOptions, log: (line: string) => void = () => {}): Promise<SuiteRun> {
    const organization = createTestOrganization({ mailboxes: options.mailboxes });
    const simulator = await startSimulator({
      organization,
      basic: account,
      maxShellsPerUser: 10_000,
      log: (_level, message) => log(message),
    });
    const suite = new SuiteRun(options, organization, simulator);
    await suite.repair('the first run');
    return suite;
  }

  async close(): Promise<void> {
    await this.simulator.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #find(where: string, what: string): void {
    this.findings.push({ where, what });
  }

  /** An export in this process. */
  async export(): Promise<HurtRun & { readonly message: string | undefined }> {
    const request = exportRequest({ url: this.simulator.url, folder: this.folder, mode: this.mode });
    const outcome = await runExport({ ...request, signal: AbortSignal.timeout(longestRunMs) });
    const message = outcome.kind === 'failed' ? `${outcome.failure.code}: ${outcome.failure.message}` : undefined;
    return { outcome: outcome.kind, exitCode: outcome.exitCode, message };
  }

  /** Messages of all kinds since the simulator's start. */
  get messages(): number {
    return totalOf(this.simulator.counts);
  }

  /**
   * One round: the organisation changes, a run is hurt, the next one repairs; both are checked.
   * @param hurt starts the run that is hurt
   */
  async round(where: string, hurt: () => Promise<HurtRun>): Promise<HurtRun> {
    this.#life.change();
    const before = readPublished(this.folder);
    const run = await hurt();
    this.simulator.setFault(undefined);
    await this.#untilServerIsBack();
    const kind = run.exitCode === null ? 'killed' : run.outcome;
    this.outcomes.set(kind, (this.outcomes.get(kind) ?? 0) + 1);
    if (kind === 'cancelled') this.#find(where, `it had not ended after ${longestRunMs / 1000} s`);
    await this.#checkHurt(where, run, before);
    await this.repair(`the run after ${where}`);
    this.rounds += 1;
    this.onRound(where);
    if (this.findings.length > mostFindings) throw new TooManyFindings(this.findings);
    return run;
  }

  /** A server that died comes back in its own time. */
  async #untilServerIsBack(): Promise<void> {
    for (;;) {
      const socket = connect(this.simulator.port, '127.0.0.1');
      const isBack = await once(socket, 'connect').then(
        () => true,
        () => false,
      );
      socket.destroy();
      if (isBack) return;
      await delay(20);
    }
  }

  async #checkHurt(where: string, run: HurtRun, before: PublishedFiles): Promise<void> {
    const after = this.#read(where);
    if (after === undefined) return;
    const changed = [...after.bytes].filter(
      ([name, bytes]) => !bytes.equals(before.bytes.get(name) ?? Buffer.alloc(0)),
    );
    const names = changed.map(([name]) => name);
    const hasMoved = after.cookie !== before.cookie;
    if (run.exitCode === 0 || run.exitCode === 5) {
      if (!after.isVouchedFor)
        this.#find(where, `it ended with ${run.exitCode}, and the manifest does not fit the files`);
    } else if (run.exitCode !== null) {
      if (names.length > 0 && !after.isVouchedFor)
        this.#find(where, `it failed, and left a mixed pair: ${names.join()}`);
      if (names.length > 0) this.#find(where, `it failed, and replaced ${names.join()}`);
      if (hasMoved) this.#find(where, 'it failed, and moved the cookie');
    } else {
      const odd = after.strangers.filter((name) => !/^\..*\.partial$/.test(name));
      if (odd.length > 0)
        this.#find(where, `it was killed, and left what looks like a file of the export: ${odd.join()}`);
    }
    if (hasMoved && !names.includes('Main_mailboxes.csv'))
      this.#find(where, 'the cookie moved before the files were in place');
    if (run.exitCode !== null) this.#checkNothingLeft(where, after);
    if (this.mode !== 'acknowledged' || run.exitCode === 0) await this.#load(where, after);
  }

  /** What is published; undefined, with a finding, where a file is not whole. */
  #read(where: string): PublishedFiles | undefined {
    try {
      const published = readPublished(this.folder);
      for (const [name, bytes] of published.bytes) if (name.endsWith('.csv')) rowsOf(bytes);
      return published;
    } catch (error) {
      this.#find(where, `a published file is not whole: ${(error as Error).message}`);
      return undefined;
    }
  }

  #checkNothingLeft(where: string, published: PublishedFiles): void {
    if (published.strangers.length > 0) this.#find(where, `left lying: ${published.strangers.join()}`);
    const state = join(this.folder, 'Work', 'ExportState', 'Main');
    const left = existsSync(state) ? readdirSync(state, { recursive: true }).map(String) : [];
    const odd = left.filter((name) => /\.partial|^sort-|\.lock$|^lock/.test(name));
    if (odd.length > 0) this.#find(where, `left lying in the state folder: ${odd.join()}`);
  }

  /** A run that nothing hurts must end well, and all that was loaded must then be the truth. */
  async repair(where: string): Promise<void> {
    const run = await this.export();
    if (run.exitCode !== 0) {
      this.#find(where, `it ended with ${run.exitCode}: ${run.message ?? run.outcome}`);
      return;
    }
    await this.check(where);
  }

  /** What must hold after a good run: the files fit, nothing else lies there, and who loaded all runs has the truth. */
  async check(where: string): Promise<void> {
    const published = this.#read(where);
    if (published === undefined) return;
    if (!published.isVouchedFor) this.#find(where, 'the manifest does not fit the files');
    this.#checkNothingLeft(where, published);
    await this.#load(where, published);
    this.#compare(where);
  }

  /** Loads what the manifest vouches for. */
  async #load(where: string, published: PublishedFiles): Promise<void> {
    if (!this.#loader.load(published) || this.mode !== 'acknowledged') return;
    const { connection, folders } = exportRequest({ url: this.simulator.url, folder: this.folder, mode: this.mode });
    const cookie = published.manifest?.cookieOut ?? undefined;
    const outcome = await runAcknowledge({ connection, folders, cookie });
    if (outcome.kind !== 'done') this.#find(where, `it could not be acknowledged: ${outcome.failure.message}`);
  }

  #compare(where: string): void {
    const truth = this.organization.truth();
    const { mailboxes, databases, columns } = this.#loader;
    const differences = [
      ...compareRows(mailboxes, expectedMailboxes(truth, columns)),
      ...compareRows(databases, expectedDatabases(truth)),
    ];
    if (differences.length === 0) return;
    const first = differences.slice(0, 3).join('; ');
    this.#find(where, `what was loaded has ${differences.length} differences from the truth: ${first}`);
  }
}

/** What is lost, too much, or other than it should be. */
function compareRows(actual: ReadonlyMap<string, Row>, expected: ReadonlyMap<string, Row>): string[] {
  const differences: string[] = [];
  for (const [guid, row] of expected) {
    const found = actual.get(guid);
    if (found === undefined) {
      differences.push(`${guid} is lost`);
      continue;
    }
    for (const [column, text] of Object.entries(row))
      if (found[column] !== text)
        differences.push(`${guid} ${column} is ${JSON.stringify(found[column])}, not ${JSON.stringify(text)}`);
  }
  for (const guid of actual.keys())
    if (!expected.has(guid)) differences.push(`${guid} was deleted, and is still there`);
  return differences;
}

/** Messages of all kinds. */
export function totalOf({ messages }: MessageCounts): number {
  return Object.values(messages).reduce((sum, count) => sum + count, 0);
}
