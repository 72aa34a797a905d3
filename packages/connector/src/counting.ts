/*
 * The server's own count of a selection, taken before the rows are read and held against what came: a
 * result that was cut short without a word would show here.
 */
import { decodeCliXml, property, type PsValue } from '@exchange-connector/psrp';
import type { SessionPorts } from './export-ports.ts';
import type { ExportReading } from './export-reading.ts';
import { describeError, runPipeline } from './pipeline-run.ts';
import { type MailboxSelection, mailboxCountRequest } from './requests.ts';

/** The number of results that `Get-Mailbox` gives without `-ResultSize`. */
const usualResultSize = 1000;
/** Rows below the count that changes during the read explain, where the count itself changed. */
const tolerated = { rows: 10, share: 0.005 };

function countIn(body: Uint8Array): number | undefined {
  const value: PsValue | undefined = property(decodeCliXml(body), 'Count');
  return value?.kind === 'I32' ? value.value : value?.kind === 'I64' ? Number(value.value) : undefined;
}

/** How many mailboxes a selection has; `undefined` where the server does not count (then the log says why). */
export async function countMailboxes(
  selection: MailboxSelection,
  reading: ExportReading,
  ports: SessionPorts,
): Promise<number | undefined> {
  let count: number | undefined;
  const outcome = await runPipeline(ports.session, mailboxCountRequest(selection, reading.domainController), {
    signal: ports.signal,
    onOutput: (body) => {
      count = countIn(body);
      return true;
    },
    // What the server warns of comes again when the rows are read.
    onWarning: (message) => ports.onNote(`while counting, the server warned: ${message}`),
  });
  const error = outcome.kind === 'left' ? undefined : outcome.kind === 'failed' ? outcome.error : outcome.errors[0];
  if (error !== undefined) {
    ports.onNote(`${selection.description}: the server could not count them: ${describeError(error)}`);
    return undefined;
  }
  return count;
}

/**
 * Holds the rows of a selection against the server's count, and asks it again where they differ.
 * @returns what is to be said where rows are missing that no change during the read explains
 */
export async function findShortfall(
  selection: MailboxSelection,
  seen: { readonly before: number | undefined; readonly received: number },
  reading: ExportReading,
  ports: SessionPorts,
): Promise<string | undefined> {
  const { before, received } = seen;
  if (before === undefined && received === usualResultSize) {
    ports.onWarning(
      `${selection.description}: exactly ${usualResultSize} came, which is what Exchange gives where it is not told to give all, and the server cannot count them`,
    );
  }
  if (before === undefined || before === received) return undefined;
  const after = (await countMailboxes(selection, reading, ports)) ?? before;
  const least = Math.min(before, after);
  if (received >= least && received <= Math.max(before, after)) {
    ports.onNote(`${selection.description}: ${before} mailboxes before the read, ${received} read, ${after} after it`);
    return undefined;
  }
  const message = `${selection.description}: the server counted ${before} mailboxes before the read and ${after} after it, but ${received} came`;
  const unexplained = before === after ? 0 : Math.max(tolerated.rows, least * tolerated.share);
  if (least - received > unexplained) return message;
  ports.onWarning(message);
  return undefined;
}
