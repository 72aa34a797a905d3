/*
 * A look at one mailbox before all are read: which properties there are, and whether the server's own
 * projection of it (Select-Object) tells the same as the whole object. Depending on the server's type
 * files a projected value may be serialized one level deeper, or flattened; only the comparison knows.
 */
import { property } from '@exchange-connector/psrp';
import { cellText, noRemarks } from './cell-text.ts';
import type { ColumnPlan } from './columns.ts';
import type { SessionPorts } from './export-ports.ts';
import type { ExportReading } from './export-reading.ts';
import { askedProperties, ObjectReader, propertyNames, readWholeObject, spellAsServer } from './object-reader.ts';
import { describeError, isCommandMissing, runPipeline } from './pipeline-run.ts';
import { type MailboxSelection, mailboxesRequest, oneMailboxRequest } from './requests.ts';
import { RowWriter } from './row-writer.ts';

/** What one mailbox told. */
export interface MailboxProbe {
  /** The names of all its properties, in wire order. */
  readonly propertyNames: readonly string[];
  /** Where it came from: its place, and the directory server; empty where it does not say. */
  readonly origin: { readonly distinguishedName: string; readonly server: string };
}

/** The first mailbox of the first selection that has one; `undefined` where none has. */
export async function probeMailbox(
  selections: readonly MailboxSelection[],
  asked: ColumnPlan,
  reading: ExportReading,
  ports: SessionPorts,
): Promise<MailboxProbe | undefined> {
  for (const selection of selections) {
    const body = await oneBody(selection, reading, ports);
    if (body === undefined) continue;
    const whole = readWholeObject(body, 'one whole mailbox');
    if (whole === undefined) continue;
    const names = propertyNames(whole);
    if (reading.projects) await compareProjection(body, spellAsServer(asked, names), reading, ports);
    const text = (name: string): string => cellText(property(whole, name), noRemarks());
    return {
      propertyNames: names,
      origin: { distinguishedName: text('DistinguishedName'), server: text('OriginatingServer') },
    };
  }
  return undefined;
}

async function oneBody(
  selection: MailboxSelection,
  reading: ExportReading,
  ports: SessionPorts,
): Promise<Uint8Array | undefined> {
  let first: Uint8Array | undefined;
  const request = mailboxesRequest(selection, { resultSize: 1, domainController: reading.domainController });
  await runPipeline(ports.session, request, {
    signal: ports.signal,
    onOutput: (body) => {
      first ??= body.slice();
      return true;
    },
    // That there are more results than one is no news, and all else is told again when all are read.
    onWarning: (message) => ports.onNote(`while looking at one mailbox, the server warned: ${message}`),
  });
  return first;
}

/** Reads the same mailbox once more through Select-Object; where its cells differ, whole objects it is. */
async function compareProjection(
  body: Uint8Array,
  plan: ColumnPlan,
  reading: ExportReading,
  ports: SessionPorts,
): Promise<void> {
  const writer = new RowWriter(plan);
  const whole = [...new ObjectReader(plan, 'mailbox').read(body).values];
  const guid = writer.key(whole);
  if (guid === undefined) return;
  let projected: Uint8Array | undefined;
  const outcome = await runPipeline(ports.session, oneMailboxRequest(guid, askedProperties(plan)), {
    signal: ports.signal,
    onOutput: (each) => {
      projected ??= each.slice();
      return true;
    },
    onWarning: (message) => ports.onNote(`while looking at one mailbox, the server warned: ${message}`),
  });
  const error =
    outcome.kind === 'failed' ? outcome.error : outcome.kind === 'completed' ? outcome.errors[0] : undefined;
  if (isCommandMissing(error, 'Select-Object')) {
    reading.projects = false;
    ports.onNote('the server does not offer Select-Object: whole objects are read');
    return;
  }
  if (projected === undefined) {
    reading.projects = false;
    const why = error === undefined ? 'it gave no object' : describeError(error);
    ports.onWarning(
      `the server's Select-Object cannot be used (for one mailbox ${why}): whole objects are read, which takes longer`,
    );
    return;
  }
  const values = new ObjectReader(plan, 'projected mailbox').read(projected).values;
  const why = writer.whyUnusable(values) ?? firstDifference(writer.cells(whole), writer.cells(values));
  if (why === undefined) return;
  reading.projects = false;
  ports.onWarning(`the server's Select-Object cannot be used (${why}): whole objects are read, which takes longer`);
}

/** Which column differs; a mailbox that was changed between the two looks proves nothing. */
function firstDifference(whole: Map<string, string>, projected: Map<string, string>): string | undefined {
  if (whole.get('WhenChangedUTC') !== projected.get('WhenChangedUTC') && projected.get('WhenChangedUTC') !== '') {
    return undefined;
  }
  for (const [name, text] of whole) {
    if (projected.get(name) !== text) return `${name} of one mailbox reads differently than in the whole object`;
  }
  return undefined;
}
