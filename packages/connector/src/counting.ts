/*
 * The server's own count of a selection, taken before the rows are read and held against what came: a
 * result that was cut short without a word would show here.
 */
import { decodeCliXml, property, type PsValue } from '@exchange-connector/psrp';
import type { ExportPorts } from './export-ports.ts';
import type { ExportReading } from './export-reading.ts';
import { describeError, runPipeline } from './pipeline-run.ts';
import { type MailboxSelection, mailboxCountRequest } from './requests.ts';

/** Differences between count and rows that changes during the read explain. */
const tolerated = { rows: 10, share: 0.005 };

function countIn(body: Uint8Array): number | undefined {
  const value: PsValue | undefined = property(decodeCliXml(body), 'Count');
  return value?.kind === 'I32' ? value.value : value?.kind === 'I64' ? Number(value.value) : undefined;
}

/** How many mailboxes a selection has; `undefined` where the server does not count (then the log says why). */
export async function countMailboxes(
  selection: MailboxSelection,
  reading: ExportReading,
  ports: ExportPorts,
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

/** Holds the rows of a selection against the server's count, and asks it again where they differ. */
export async function compareCount(
  selection: MailboxSelection,
  seen: { readonly before: number | undefined; readonly received: number },
  reading: ExportReading,
  ports: ExportPorts,
): Promise<void> {
  const { before, received } = seen;
  if (before === undefined || before === received) return;
  const after = (await countMailboxes(selection, reading, ports)) ?? before;
  const least = Math.min(before, after);
  if (received >= least && received <= Math.max(before, after)) {
    ports.onNote(`${selection.description}: ${before} mailboxes before the read, ${received} read, ${after} after it`);
    return;
  }
  const message = `${selection.description}: the server counted ${before} mailboxes before the read and ${after} after it, but ${received} came`;
  if (least - received > Math.max(tolerated.rows, least * tolerated.share)) reading.addError(message);
  else ports.onWarning(message);
}
