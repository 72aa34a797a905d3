/* A plan that a person may look at, keep, and have carried out later. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Plan } from '@exchange-connector/connector';
import type { LineSeal } from '../../at-rest.ts';
import { AgentError, fileFailed } from '../../errors.ts';
import { makeFolder, syncFolder } from '../../folder.ts';
import type { SetAside } from '../order-files.ts';
import type { Actor } from './audit-log.ts';
import type { WriteWatch } from './chained-file.ts';
import { replaceFile } from './durable-file.ts';
import type { JournalOrder } from './run-journal.ts';

const format = 'exchange-connector plan';
const version = 1;
const mostBytes = 512 * 1024 * 1024;

/** What a plan file holds. */
export interface SavedPlan {
  readonly connection: string;
  /** ISO 8601. */
  readonly made: string;
  readonly by: Actor;
  /** The address that the plan was read from. */
  readonly server: string;
  /** The orders themselves, so that the folder is not needed any more. */
  readonly orders: readonly JournalOrder[];
  readonly setAside: readonly SetAside[];
  readonly plan: Plan;
}

function digest(saved: SavedPlan): string {
  return createHash('sha256').update(JSON.stringify(saved)).digest('hex');
}

/** Writes a plan, whole or not at all. @throws AgentError RUN_FILE_FAILED, RUN_DISK_FULL */
export function writePlanFile(path: string, saved: SavedPlan, watch?: WriteWatch): void {
  try {
    makeFolder(dirname(path));
  } catch (cause) {
    throw fileFailed(`preparing the folder of ${path}`, cause);
  }
  const document = { format, version, sha256: digest(saved), ...saved };
  // Plans are made without a lock: two at once must not write into one file.
  replaceFile(path, `${JSON.stringify(document, undefined, 2)}\n`, watch, `${path}.${process.pid}.partial`);
}

function refused(path: string, seen: string, mend: string): AgentError {
  return new AgentError('RUN_PLAN_UNUSABLE', `the plan ${path} cannot be carried out: ${seen}`, { mend });
}

const again = 'make it again with fulfill --plan --plan-file';

/** Copies a plan as it is; sealed, where what is written is encrypted. @throws AgentError RUN_FILE_FAILED */
export function keepPlanFile(from: string, to: string, seal: LineSeal | undefined): void {
  try {
    const text = readFileSync(from, 'utf8');
    writeFileSync(to, seal?.sealText(text) ?? text, { mode: 0o640, flush: true });
    syncFolder(dirname(to));
  } catch (cause) {
    throw fileFailed(`copying the plan ${from} to ${to}`, cause);
  }
}

/**
 * Reads a plan for a connection.
 * @param seal for one that {@link keepPlanFile} sealed
 * @throws AgentError RUN_PLAN_UNUSABLE where it is none, was changed, or is another connection's
 */
export function readPlanFile(path: string, connection: string, seal?: LineSeal): SavedPlan {
  let text: string;
  try {
    const facts = statSync(path);
    // A device has no end, and to read a pipe is to wait for who writes into it.
    if (!facts.isFile()) throw refused(path, 'it is no file', 'name the file that --plan-file wrote in --apply');
    const { size } = facts;
    if (size > mostBytes) throw refused(path, `it has ${size} bytes; at most ${mostBytes} are read`, again);
    text = readFileSync(path, 'utf8');
    if (text.startsWith('eyJ')) text = seal?.openText(text) ?? '';
  } catch (cause) {
    if (cause instanceof AgentError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw refused(path, 'it is not there', 'name the file that --plan-file wrote in --apply');
    throw fileFailed(`reading the plan ${path}`, cause);
  }
  let document: Partial<SavedPlan> & { format?: unknown; version?: unknown; sha256?: unknown };
  try {
    document = JSON.parse(text) as typeof document;
  } catch (error) {
    throw refused(path, `it is no JSON (${(error as Error).message})`, again);
  }
  if (document?.format !== format) throw refused(path, 'it is no plan of fulfilment', again);
  if (document.version !== version)
    throw refused(path, `it is of version ${String(document.version)}; this program knows ${version}`, again);
  const { format: _, version: __, sha256, ...rest } = document;
  const saved = rest as SavedPlan;
  if (sha256 !== digest(saved))
    throw refused(path, 'its content does not fit its SHA-256: it was changed after it was made', again);
  if (saved.connection !== connection)
    throw refused(
      path,
      `it was made for connection ${saved.connection}, not ${connection}`,
      `name that connection: --connection ${saved.connection}`,
    );
  return saved;
}
