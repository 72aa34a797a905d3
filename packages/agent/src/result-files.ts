/* The files of a run, each whole under its temporary name: both CSV files, the cookie, the manifest. */
import { createHash, hash, randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { csvLine, guidText, type RowCounts, RunResult } from '@exchange-connector/connector';
import type { OpenCookie } from './cookie-file.ts';
import { keptCookiePath } from './cookie-store.ts';
import type { Sealing } from './at-rest.ts';
import { settingsDigest } from './export-basis.ts';
import { type EngineReading, type ExportRun, givesOwnIncrement } from './export-run.ts';
import { formatManifest, type Manifest } from './manifest.ts';
import { type FinishedFile, OutputFile } from './output-file.ts';
import type { RowSorter } from './row-sorter.ts';

/** One CSV file. */
export interface WrittenFile {
  readonly finished: FinishedFile;
  readonly rows: number;
}

/** The files of a run. */
export interface WrittenFiles {
  readonly mailboxes: WrittenFile;
  readonly databases: WrittenFile;
  /** The cookie, in each place where it is to stand; none where the run leaves none. */
  readonly cookies: readonly FinishedFile[];
  readonly cookieOut: string | null;
  readonly counts: { readonly mailboxes: RowCounts; readonly databases: RowCounts };
  /** Mailboxes of the organisation after this run. */
  readonly total: number;
  readonly byDatabase: ReadonlyMap<string, number>;
}

/** What the rows are compared with, and how they are written. */
export interface WritingPlan {
  readonly mode: 'complete' | 'incremental';
  readonly before: OpenCookie | undefined;
}

/** Updates whose columns are named in the log. */
const mostExplained = 1000;

/** Files that are being written: what is not published is discarded. */
export class ResultFiles {
  readonly #run: ExportRun;
  readonly #open: OutputFile[] = [];

  constructor(run: ExportRun) {
    this.#run = run;
  }

  /** Removes what was written. */
  async discard(): Promise<void> {
    for (const file of this.#open) await file.discard();
  }

  /** Writes the rows of the sorters, and the cookie. */
  async write(read: EngineReading, plan: WritingPlan): Promise<WrittenFiles> {
    const run = this.#run;
    const { reading } = read;
    run.meter.report('writing', 0, reading.received.mailboxes + reading.received.databases);
    if (read.counts !== undefined && givesOwnIncrement(read)) return this.#writeAsGiven(read, read.counts);
    const cookieOut = randomUUID();
    const paths = [run.cookie];
    if (run.request.connection.requireAcknowledge) paths.push(keptCookiePath(run.state, cookieOut));
    const cookie = await CookieOutput.open(paths, (path) => this.#file(path, run.atRest?.newSealedState()));
    const result = new RunResult(
      {
        cookie: {
          id: cookieOut,
          connection: run.request.connection.id,
          runId: run.runId,
          engine: read.engine,
          server: read.server,
          settings: settingsDigest(run.request.connection),
        },
        start: run.clock.start,
        overlapMs: run.request.connection.overlapMinutes * 60_000 + run.clock.spreadMs,
        mode: plan.mode,
        before: plan.before,
        reading,
        increment: read.increment,
        hash: (bytes) => hash('sha256', bytes, 'buffer'),
      },
      (bytes) => cookie.add(bytes),
    );
    const databases = await this.#writeDatabases(result, read);
    const mailboxes = await this.#writeMailboxes(result, read, cookie);
    result.finish();
    return {
      mailboxes,
      databases,
      cookies: await cookie.finish(),
      cookieOut,
      counts: result.counts,
      total: result.mailboxes,
      byDatabase: result.byDatabase,
    };
  }

  async writeManifest(manifest: Manifest): Promise<FinishedFile> {
    const file = await this.#file(this.#run.paths.manifest);
    file.add(Buffer.from(formatManifest(manifest)));
    return file.finish();
  }

  async #file(path: string, sealing?: Sealing): Promise<OutputFile> {
    const file = await OutputFile.open(path, this.#run.runId, sealing);
    this.#open.push(file);
    return file;
  }

  async #rowFile(path: string, columns: readonly string[]): Promise<OutputFile> {
    const file = await this.#file(path, this.#run.atRest?.newEnvelope());
    const mark = this.#run.request.connection.bom ? '\uFEFF' : '';
    file.add(Buffer.from(mark + csvLine(['Command', ...columns])));
    return file;
  }

  async #writeDatabases(result: RunResult, read: EngineReading): Promise<WrittenFile> {
    const run = this.#run;
    const file = await this.#rowFile(run.paths.databases, read.reading.databaseColumns);
    let rows = 0;
    for (const { line } of result.databases(run.databases.rows())) {
      rows += 1;
      if (file.add(line)) await file.flush();
    }
    return { finished: await file.finish(), rows };
  }

  async #writeMailboxes(result: RunResult, read: EngineReading, cookie: CookieOutput): Promise<WrittenFile> {
    const run = this.#run;
    const { reading } = read;
    const { signal } = run.request;
    const done = reading.received.databases;
    const total = reading.received.mailboxes + done;
    const file = await this.#rowFile(run.paths.mailboxes, reading.mailboxColumns);
    let rows = 0;
    let explained = 0;
    for (const step of result.mailboxSteps(run.mailboxes.rows())) {
      if (step.kind === 'row') {
        rows += 1;
        if (step.command === 'Update' && explained < mostExplained && step.entry !== undefined) {
          explained += 1;
          const names = step.changed().map((index) => reading.mailboxColumns[index] ?? '');
          run.log.write('Verbose', `mailbox ${guidText(step.entry.guid)} is an Update: ${names.join(', ')}`);
        }
        if (file.add(step.line)) await file.flush();
      }
      if (cookie.isFull) {
        await cookie.flush();
        signal.throwIfAborted();
        run.meter.report('writing', Math.min(done + rows, total), total);
      }
    }
    signal.throwIfAborted();
    run.meter.report('writing', total, total);
    return { finished: await file.finish(), rows };
  }

  /** A script made an increment of its own: its rows are published as they are, and no cookie fits them. */
  async #writeAsGiven(read: EngineReading, counts: Manifest['counts']): Promise<WrittenFiles> {
    const { paths, mailboxes, databases } = this.#run;
    return {
      databases: await this.#copyRows(paths.databases, read.reading.databaseColumns, databases),
      mailboxes: await this.#copyRows(paths.mailboxes, read.reading.mailboxColumns, mailboxes),
      cookies: [],
      cookieOut: null,
      counts,
      total: counts.mailboxes.Insert + counts.mailboxes.Update,
      byDatabase: read.groups ?? new Map(),
    };
  }

  async #copyRows(path: string, columns: readonly string[], sorter: RowSorter): Promise<WrittenFile> {
    const file = await this.#rowFile(path, columns);
    let rows = 0;
    for (const { line } of sorter.rows()) {
      rows += 1;
      if (file.add(line)) await file.flush();
    }
    return { finished: await file.finish(), rows };
  }
}

/** The cookie on its way into each of its places. */
class CookieOutput {
  readonly #files: readonly OutputFile[];
  readonly #hash = createHash('sha256');
  /** Blocks wait here to be written. */
  isFull = false;

  private constructor(files: readonly OutputFile[]) {
    this.#files = files;
  }

  static async open(paths: readonly string[], open: (path: string) => Promise<OutputFile>): Promise<CookieOutput> {
    const files: OutputFile[] = [];
    for (const path of paths) files.push(await open(path));
    return new CookieOutput(files);
  }

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    for (const file of this.#files) if (file.add(bytes)) this.isFull = true;
  }

  async flush(): Promise<void> {
    this.isFull = false;
    for (const file of this.#files) await file.flush();
  }

  async finish(): Promise<FinishedFile[]> {
    const digest = this.#hash.digest();
    const finished: FinishedFile[] = [];
    for (const file of this.#files) {
      file.add(digest);
      finished.push(await file.finish());
    }
    return finished;
  }
}

/** The manifest's entry of a file. */
export function manifestFile({ finished, rows }: WrittenFile): Manifest['files'][number] {
  return { name: basename(finished.path), rows, sha256: finished.sha256 };
}
