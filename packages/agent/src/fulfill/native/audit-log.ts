/*
 * What was changed in the directory, a JSON line for each field, in <WorkFolderPath>/Fulfill/<run>/audit.jsonl.
 * The lines of all runs of a connection are one chain: the first of a run follows the last of the run before.
 *
 * The head says how long the chain is, so that lines that are missing at its end are missed. It lies apart from
 * the runs, in the connection's state folder, and is replaced after lines were added: a death in between leaves
 * it behind by the lines of one step, never ahead of them. A run's folder is named in the head before its first
 * line is written, so that the lines behind the head are found.
 */
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { LineSeal } from '../../at-rest.ts';
import { AgentError, fileFailed } from '../../errors.ts';
import { stateFolder } from '../../export-paths.ts';
import { makeFolder } from '../../folder.ts';
import { fulfillFolder } from '../run-folder.ts';
import {
  type ChainDamage,
  ChainedFile,
  type ChainedLine,
  type ChainPlace,
  chainStart,
  readChainedFile,
  type WriteWatch,
} from './chained-file.ts';
import { partialFile, replaceFile } from './durable-file.ts';

/** Who had something done. */
export interface Actor {
  /** The account that ran the program, and on which host. */
  readonly account: string;
  readonly host: string;
  /** Whom the server knew: the login or principal of the connection; `null`: the running account's ticket. */
  readonly login: string | null;
}

/** A value as it stands in the audit. */
export type AuditValue = string | number | boolean | null | readonly string[];

/** One change of one field. */
export interface AuditEntry {
  /** ISO 8601. */
  readonly time: string;
  readonly connection: string;
  readonly run: string;
  readonly by: Actor;
  /** `AssignedResourceTypeId` of the order. */
  readonly orderId: string;
  /** The order's place in its run. */
  readonly order: number;
  readonly object: { readonly kind: string; readonly guid: string | null; readonly name: string };
  /** `null` where a cmdlet changed no field that is read. */
  readonly field: string | null;
  readonly before: AuditValue;
  readonly after: AuditValue;
  readonly cmdlet: string;
  readonly domainController: string | null;
  /** The address of `Server` that was asked. */
  readonly server: string;
  /** The id of the one call: the journal has it, too. */
  readonly requestId: string;
}

/**
 * What is written of an entry: where it is encrypted, who, whom and what stand in one sealed text, so that the chain
 * can be verified without a key.
 */
function sealEntry(entry: AuditEntry, seal: LineSeal | undefined): object {
  if (seal === undefined) return entry;
  const { by, object, field, before, after, ...open } = entry;
  return { ...open, sealed: seal.sealText(JSON.stringify({ by, object, field, before, after })) };
}

interface Head extends ChainPlace {
  readonly connection: string;
  /** The run whose file has the last line, or will have the next one. */
  readonly run: string;
}

export function auditFile(workFolder: string, run: string): string {
  return join(fulfillFolder(workFolder), run, 'audit.jsonl');
}

function headFile(workFolder: string, connection: string): string {
  return join(stateFolder(workFolder, connection), 'audit-head.json');
}

function readHead(path: string): Head | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileFailed(`reading ${path}`, cause);
  }
  try {
    const head = JSON.parse(text) as Head;
    if (Number.isSafeInteger(head.number) && /^[0-9a-f]{64}$/.test(head.hash) && typeof head.run === 'string')
      return head;
  } catch {
    // Said below.
  }
  throw broken(`${path} is no head of an audit`);
}

function broken(seen: string): AgentError {
  return new AgentError('RUN_AUDIT_BROKEN', `reading the audit of fulfilment: ${seen}`, {
    mend: 'see "exchange-connector audit verify"; put the files back from a copy, or keep them elsewhere together with the head and begin a new chain',
  });
}

/** The lines of one run. */
interface RunAudit {
  readonly run: string;
  readonly path: string;
  readonly first: ChainedLine<AuditEntry>;
}

/** The files of a connection's chain, in its order; and those whose first line does not tell whose they are. */
function auditedRuns(
  workFolder: string,
  connection: string,
): { readonly runs: readonly RunAudit[]; readonly damaged: readonly { path: string; damage: ChainDamage }[] } {
  const folder = fulfillFolder(workFolder);
  let runs: string[];
  try {
    runs = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { runs: [], damaged: [] };
    throw fileFailed(`reading the runs in ${folder}`, cause);
  }
  const found: RunAudit[] = [];
  const damaged: { path: string; damage: ChainDamage }[] = [];
  for (const run of runs) {
    const path = auditFile(workFolder, run);
    if (!existsSync(path)) continue;
    const reading = readChainedFile<AuditEntry>(path, undefined);
    const [first] = reading?.lines ?? [];
    if (first === undefined && reading?.damage !== undefined) damaged.push({ path, damage: reading.damage });
    if (first?.value.connection === connection) found.push({ run, path, first });
  }
  return { runs: found.sort((left, right) => left.first.number - right.first.number), damaged };
}

/** Adds a run's lines to the chain of its connection. The connection's lock must be held. */
export class AuditLog {
  readonly #run: string;
  readonly #connection: string;
  readonly #headPath: string;
  readonly #file: ChainedFile;
  readonly #watch: WriteWatch | undefined;
  readonly #seal: LineSeal | undefined;
  #isNamed: boolean;
  /** How many lines of a request are there already: a run died before its journal had a word of them. */
  readonly #written: ReadonlyMap<string, number>;

  private constructor(
    workFolder: string,
    connection: string,
    run: string,
    file: ChainedFile,
    written: ReadonlyMap<string, number>,
    isNamed: boolean,
    watch: WriteWatch | undefined,
    seal: LineSeal | undefined,
  ) {
    this.#run = run;
    this.#seal = seal;
    this.#connection = connection;
    this.#headPath = headFile(workFolder, connection);
    this.#file = file;
    this.#written = written;
    this.#isNamed = isNamed;
    this.#watch = watch;
  }

  /**
   * Finds the end of the chain.
   * @throws AgentError RUN_AUDIT_BROKEN where it is not as it was written, RUN_FILE_FAILED
   */
  static open(workFolder: string, connection: string, run: string, watch?: WriteWatch, seal?: LineSeal): AuditLog {
    const path = auditFile(workFolder, run);
    const head = readHead(headFile(workFolder, connection));
    const end = endOfChain(workFolder, connection, head);
    const own = readChainedFile<AuditEntry>(path, undefined);
    if (own?.damage !== undefined) throw broken(`${path}, line ${own.damage.line}: ${own.damage.reason}`);
    const lastOwn = own?.lines.at(-1);
    if (lastOwn !== undefined && lastOwn.number !== end.number)
      throw broken(`${path} ends with line ${lastOwn.number}, and the chain goes on to ${end.number} in another run`);
    // What a death cut short never counted, and must not stand in the way of the runs that follow.
    if (own?.torn === true) truncateSync(path, own.wholeBytes);
    const written = new Map<string, number>();
    for (const { value } of own?.lines ?? []) written.set(value.requestId, (written.get(value.requestId) ?? 0) + 1);
    const file = new ChainedFile(path, end, own?.wholeBytes ?? 0, watch);
    const log = new AuditLog(workFolder, connection, run, file, written, head?.run === run, watch, seal);
    // What a death in the middle of replacing the head left: the lines behind it may have been the last ones.
    rmSync(partialFile(log.#headPath), { force: true });
    if (head !== undefined && head.number !== end.number) log.#writeHead();
    return log;
  }

  /** The last line of the chain. */
  get last(): ChainPlace {
    return this.#file.last;
  }

  /**
   * Adds the lines of one request, through to the disk; those that a death let through before are not written again.
   * @throws AgentError RUN_FILE_FAILED, RUN_DISK_FULL
   */
  add(all: readonly AuditEntry[]): ChainPlace {
    const entries = all.slice(this.#written.get(all[0]?.requestId ?? '') ?? 0);
    if (entries.length === 0) return this.last;
    if (!this.#isNamed) this.#writeHead();
    this.#isNamed = true;
    this.#file.add(entries.map((entry) => sealEntry(entry, this.#seal)));
    this.#writeHead();
    return this.last;
  }

  #writeHead(): void {
    const { number, hash } = this.#file.last;
    const head: Head = { connection: this.#connection, run: this.#run, number, hash };
    makeFolder(join(this.#headPath, '..'));
    replaceFile(this.#headPath, `${JSON.stringify(head)}\n`, this.#watch);
  }
}

/** The last line: the head's, or one behind it that a death kept from the head. */
function endOfChain(workFolder: string, connection: string, head: Head | undefined): ChainPlace {
  if (head === undefined) {
    const { runs } = auditedRuns(workFolder, connection);
    if (runs.length === 0) return { number: 0, hash: chainStart };
    throw broken(
      `the head ${headFile(workFolder, connection)} is missing, and ${runs.length} runs of ${connection} have lines`,
    );
  }
  const path = auditFile(workFolder, head.run);
  const reading = readChainedFile<AuditEntry>(path, undefined);
  if (reading?.damage !== undefined) throw broken(`${path}, line ${reading.damage.line}: ${reading.damage.reason}`);
  const lines = reading?.lines ?? [];
  const [first] = lines;
  // The head names a run before its first line: then the line that it counts is of the run before.
  const isNew = first === undefined || first.number === head.number + 1;
  if (isNew && first !== undefined && first.previous !== head.hash)
    throw broken(`${path} begins with a line that does not follow line ${head.number}, the last that the head knows`);
  if (isNew) return lines.at(-1) ?? head;
  const known = lines.find(({ number }) => number === head.number);
  if (known === undefined) throw broken(`line ${head.number} is missing at the end of ${path}: the head knows of it`);
  if (known.hash !== head.hash) throw broken(`line ${head.number} in ${path} is another one than the head knows`);
  return lines.at(-1) ?? head;
}

/** What a look at the whole chain of a connection found. */
export type AuditVerdict =
  | {
      readonly kind: 'intact';
      readonly lines: number;
      readonly runs: number;
      /** The hash of the last line: to be kept elsewhere, it vouches for all before. */
      readonly hash: string;
      /** Lines that the head did not know of yet when a run died; they are well chained. */
      readonly behindHead: number;
      /** Cut short by a death, in the last file. */
      readonly torn: boolean;
    }
  | {
      readonly kind: 'broken';
      readonly file: string;
      /** The line in the file, from 1; `undefined` where the file as a whole, or its end, is missing. */
      readonly line: number | undefined;
      readonly reason: string;
    };

function brokenAt(file: string, line: number | undefined, reason: string): AuditVerdict {
  return { kind: 'broken', file, line, reason };
}

/**
 * Verifies the chain of a connection from its first line to its last.
 * @param witnesses places that journals noted: each line must be there
 */
export function verifyAudit(
  workFolder: string,
  connection: string,
  witnesses: readonly (ChainPlace & { readonly file: string })[],
): AuditVerdict {
  let head: Head | undefined;
  const { runs, damaged } = auditedRuns(workFolder, connection);
  const headPath = headFile(workFolder, connection);
  try {
    head = readHead(headPath);
  } catch (error) {
    if (!(error instanceof AgentError) || error.code !== 'RUN_AUDIT_BROKEN') throw error;
    return brokenAt(headPath, undefined, 'it is no head of an audit');
  }
  for (const { path, damage } of damaged) return brokenAt(path, damage.line, damage.reason);
  const hashes: string[] = [chainStart];
  let torn = false;
  for (const { path } of runs) {
    const before = { number: hashes.length - 1, hash: hashes.at(-1) ?? chainStart };
    const reading = readChainedFile<AuditEntry>(path, before);
    for (const { hash } of reading?.lines ?? []) hashes.push(hash);
    if (reading?.damage !== undefined) return brokenAt(path, reading.damage.line, reading.damage.reason);
    const stranger = reading?.lines.findIndex(({ value }) => value.connection !== connection) ?? -1;
    if (stranger >= 0) return brokenAt(path, stranger + 1, 'it is of another connection');
    if (reading?.torn === true && path !== runs.at(-1)?.path)
      return brokenAt(path, (reading?.lines.length ?? 0) + 1, 'it is cut short, and other runs follow');
    torn = reading?.torn ?? false;
  }
  const lines = hashes.length - 1;
  const missing = missingAtEnd(headPath, head, hashes, runs) ?? missingWitness(witnesses, hashes);
  if (missing !== undefined) return missing;
  const hash = hashes[lines] ?? chainStart;
  return { kind: 'intact', lines, runs: runs.length, hash, behindHead: lines - (head?.number ?? lines), torn };
}

function missingAtEnd(
  path: string,
  head: Head | undefined,
  hashes: readonly string[],
  runs: readonly RunAudit[],
): AuditVerdict | undefined {
  const lines = hashes.length - 1;
  if (head === undefined)
    return lines === 0 ? undefined : brokenAt(path, undefined, `it is missing, and the chain has ${lines} lines`);
  const last = runs.at(-1)?.path ?? path;
  if (head.number > lines)
    return brokenAt(
      last,
      undefined,
      `lines are missing at the end: the chain has ${lines}, the head knows of ${head.number}`,
    );
  if (hashes[head.number] !== head.hash)
    return brokenAt(path, undefined, `it knows another line ${head.number} than the chain has`);
  return undefined;
}

function missingWitness(
  witnesses: readonly (ChainPlace & { readonly file: string })[],
  hashes: readonly string[],
): AuditVerdict | undefined {
  for (const { file, number, hash } of witnesses)
    if (hashes[number] !== hash)
      return brokenAt(
        file,
        undefined,
        number < hashes.length
          ? `this journal knows another line ${number} of the audit than stands there`
          : `this journal knows line ${number} of the audit, which has ${hashes.length - 1} lines: those at the end are missing`,
      );
  return undefined;
}
