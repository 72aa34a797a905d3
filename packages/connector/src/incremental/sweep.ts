/* The GUIDs of all mailboxes there are, for what is gone. */
import { createProjection, decodeCliXml, type PipelineRequest, parseGuid, psString } from '@exchange-connector/psrp';
import { cellText, noRemarks } from '../cell-text.ts';
import { ConnectorError } from '../errors.ts';
import type { SessionPorts } from '../export-ports.ts';
import type { ExportReading } from '../export-reading.ts';
import type { GuidSet } from '../partition/guid-set.ts';
import { describeError, isCommandMissing, runPipeline } from '../pipeline-run.ts';
import { type MailboxSelection, mailboxesRequest, narrowSelection } from '../requests.ts';
import { byGuid } from './server-check.ts';

/** How a sweep ended. */
export type SweepOutcome =
  | { readonly kind: 'swept' }
  /** The server does not send single properties: a sweep would be as long as a complete reading. */
  | { readonly kind: 'not-offered' }
  | { readonly kind: 'failed'; readonly error: string };

function expandGuid(request: PipelineRequest): PipelineRequest {
  const [statement = []] = request.statements;
  const expand = { name: 'Select-Object', parameters: [{ name: 'ExpandProperty', value: psString('Guid') }] };
  return { statements: [[...statement, expand]] };
}

function guidOf(body: Uint8Array): string {
  const value = decodeCliXml(body);
  const guid = parseGuid(cellText(value, noRemarks()));
  if (guid !== undefined) return guid.toLowerCase();
  throw new ConnectorError(
    'EXCHANGE_OBJECT_INVALID',
    'comparing the GUIDs of all mailboxes: the server sent one that is none',
  );
}

/** Asks for the GUIDs of selections. `onGuid` may be called twice for one mailbox. */
export async function sweepGuids(
  selections: readonly MailboxSelection[],
  onGuid: (guid: string) => void,
  reading: ExportReading,
  ports: SessionPorts,
): Promise<SweepOutcome> {
  for (const selection of selections) {
    const request = mailboxesRequest(selection, {
      resultSize: 'Unlimited',
      domainController: reading.domainController,
    });
    const outcome = await runPipeline(ports.session, expandGuid(request), {
      signal: ports.signal,
      onOutput: (body) => {
        onGuid(guidOf(body));
        return true;
      },
      onWarning: (message) => reading.takeWarning(message),
    });
    const ended = endOf(outcome, selection);
    if (ended !== undefined) return ended;
  }
  return { kind: 'swept' };
}

function endOf(
  outcome: Awaited<ReturnType<typeof runPipeline>>,
  selection: MailboxSelection,
): SweepOutcome | undefined {
  const error =
    outcome.kind === 'failed' ? outcome.error : outcome.kind === 'completed' ? outcome.errors[0] : undefined;
  if (outcome.kind === 'completed' && error === undefined) return undefined;
  if (isCommandMissing(error, 'Select-Object')) return { kind: 'not-offered' };
  return {
    kind: 'failed',
    error: `comparing the GUIDs of all mailboxes (${selection.description}): ${describeError(error)}`,
  };
}

const places = ['Guid', 'DistinguishedName'] as const;

/** The same with where each mailbox lies, where organizational units cannot be listed. */
export async function sweepPlaces(
  selections: readonly MailboxSelection[],
  onPlace: (guid: string, distinguishedName: string) => void,
  reading: ExportReading,
  ports: SessionPorts,
): Promise<SweepOutcome> {
  const projection = createProjection(places);
  for (const selection of selections) {
    const request = mailboxesRequest(selection, {
      resultSize: 'Unlimited',
      properties: places,
      domainController: reading.domainController,
    });
    const outcome = await runPipeline(ports.session, request, {
      signal: ports.signal,
      onOutput: (body) => {
        const [guid, name] = projection.read(body).map((value) => cellText(value, noRemarks()));
        const key = parseGuid(guid ?? '');
        if (key === undefined)
          throw new ConnectorError(
            'EXCHANGE_OBJECT_INVALID',
            'comparing the places of all mailboxes: the server sent one without a GUID',
          );
        onPlace(key.toLowerCase(), name ?? '');
        return true;
      },
      onWarning: (message) => reading.takeWarning(message),
    });
    const ended = endOf(outcome, selection);
    if (ended !== undefined) return ended;
  }
  return { kind: 'swept' };
}

/** GUIDs asked for by one filter. */
const guidsAtOnce = 40;

/** Selections that hold only mailboxes with these GUIDs. */
export function selectGuids(selections: readonly MailboxSelection[], guids: readonly string[]): MailboxSelection[] {
  const batches: MailboxSelection[] = [];
  for (let from = 0; from < guids.length; from += guidsAtOnce) {
    const filter = `(${byGuid(guids.slice(from, from + guidsAtOnce))})`;
    for (const selection of selections) {
      batches.push({ ...narrowSelection(selection, { filter }), description: `${selection.description}, by GUID` });
    }
  }
  return batches;
}

/** What a sweep did not find. */
export interface Missing {
  readonly missing: readonly string[];
  /** How many mailboxes there are, about. */
  readonly of: number;
  readonly selections: readonly MailboxSelection[];
  /** Takes those that are there after all. */
  readonly seen: GuidSet;
}

/** A mailbox that is asked for by its GUID takes twice the bytes of one whose GUID is read. */
const mostAskedFor = { share: 0.5, least: 1000 };

/**
 * Asks once more for mailboxes that a sweep did not find: one that moved from a selection that was not read yet to
 * one that had been read was missed, and is not gone.
 */
export async function confirmGone(
  { missing, of, selections, seen }: Missing,
  reading: ExportReading,
  ports: SessionPorts,
): Promise<SweepOutcome> {
  if (missing.length === 0) return { kind: 'swept' };
  const most = Math.max(mostAskedFor.least, of * mostAskedFor.share);
  const again = missing.length > most ? selections : selectGuids(selections, missing);
  return sweepGuids(again, (guid) => seen.add(guid), reading, ports);
}
