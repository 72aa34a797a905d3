/*
 * Whether an increment may be read here at all: from the directory servers of the last export, and with
 * filters whose times the server understands as they are meant.
 *
 * `WhenChangedUTC` is each domain controller's own: it stamps when it applied a change, so "changed since" means
 * something only on the one that was asked last time. In which zone a server reads a date in a filter depends on
 * its version and culture: a known mailbox tells, asked for by a time just before and one just after its own.
 */
import { createProjection } from '@exchange-connector/psrp';
import { cellText, noRemarks } from '../cell-text.ts';
import type { SessionPorts } from '../export-ports.ts';
import { describeError, runPipeline } from '../pipeline-run.ts';
import { type MailboxSelection, mailboxesRequest, narrowSelection } from '../requests.ts';

/** What one landmark is by now. */
export interface Landmark {
  readonly guid: string;
  readonly whenChanged: string;
  readonly distinguishedName: string;
  readonly server: string;
  readonly database: string;
  /** The kind of mailboxes that it was found among; the usual ones where it is left out. */
  readonly among?: MailboxSelection;
}

/** The mailboxes with one of these GUIDs, whatever their kind or place. */
export function byGuid(guids: readonly string[]): string {
  return guids.map((guid) => `(Guid -eq '${guid}')`).join(' -or ');
}

/** The mailboxes that come without a switch. */
const usualKinds: MailboxSelection = { description: 'all mailboxes', parameters: [] };

const landmarkProperties = ['Guid', 'WhenChangedUTC', 'DistinguishedName', 'OriginatingServer', 'Database'] as const;
/** GUIDs asked for by one filter. */
const atOnce = 40;

/**
 * Looks at mailboxes that the last export had; those that are gone do not come.
 * @param kinds the kinds of mailboxes that the export has, each with all of its mailboxes
 * @param onError told where some could not be looked at
 */
export async function readLandmarks(
  guids: readonly string[],
  kinds: readonly MailboxSelection[],
  projected: boolean,
  domainController: string | undefined,
  ports: SessionPorts,
  onError: (why: string) => void,
): Promise<readonly Landmark[]> {
  const projection = createProjection(landmarkProperties);
  const found: Landmark[] = [];
  for (const [among, wanted] of kinds.flatMap((kind) => batches(guids).map((batch) => [kind, batch] as const))) {
    const selection = narrowSelection(among, { filter: `(${byGuid(wanted)})` });
    const properties = projected ? landmarkProperties : undefined;
    const request = mailboxesRequest(selection, { resultSize: 'Unlimited', properties, domainController });
    const outcome = await runPipeline(ports.session, request, {
      signal: ports.signal,
      onOutput: (body) => {
        const [guid = '', whenChanged = '', distinguishedName = '', server = '', database = ''] = projection
          .read(body)
          .map((value) => cellText(value, noRemarks()));
        found.push({ guid, whenChanged, distinguishedName, server, database, among });
        return true;
      },
      onWarning: (message) => ports.onNote(`while looking at known mailboxes, the server warned: ${message}`),
    });
    const error =
      outcome.kind === 'failed' ? outcome.error : outcome.kind === 'completed' ? outcome.errors[0] : undefined;
    if (error !== undefined) onError(describeError(error));
  }
  return found;
}

function batches(guids: readonly string[]): string[][] {
  const all: string[][] = [];
  for (let from = 0; from < guids.length; from += atOnce) all.push(guids.slice(from, from + atOnce));
  return all;
}

/** How times are written in filters. Each names its zone, where the form has one. The first names the month beyond doubt. */
const forms: readonly ((time: Date) => string)[] = [
  (time) => `${time.toISOString().slice(0, 19)}Z`,
  (time) => `${american(time)} Z`,
  american,
];

/** `3/1/2026 9:30:00 AM`, as the session's culture en-US has it. */
function american(time: Date): string {
  const hour = time.getUTCHours();
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${time.getUTCMonth() + 1}/${time.getUTCDate()}/${time.getUTCFullYear()}`;
  const meridiem = hour < 12 ? 'AM' : 'PM';
  return `${date} ${hour % 12 === 0 ? 12 : hour % 12}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} ${meridiem}`;
}

/** How this server takes times. */
export interface FilterTime {
  /** The text of a time in a filter. */
  readonly write: (time: Date) => string;
  /** Milliseconds to ask for more than is wanted, as the server may take the time for one of its own zone. */
  readonly widening: number;
}

/** The farthest that a zone's clock is from UTC. */
const farthestZone = 14 * 3_600_000;

/** How many mailboxes answer a filter; undefined where the server refuses it. */
async function countBy(
  filter: string,
  among: MailboxSelection,
  domainController: string | undefined,
  ports: SessionPorts,
): Promise<number | undefined> {
  let count = 0;
  const request = mailboxesRequest(narrowSelection(among, { filter }), { resultSize: 2, domainController });
  const outcome = await runPipeline(ports.session, request, {
    signal: ports.signal,
    onOutput: () => {
      count += 1;
      return true;
    },
    onWarning: () => {},
  });
  const error =
    outcome.kind === 'failed' ? outcome.error : outcome.kind === 'completed' ? outcome.errors[0] : undefined;
  if (outcome.kind !== 'failed' && error === undefined) return count;
  ports.onNote(`the server does not take the filter ${filter}: ${describeError(error)}`);
  return undefined;
}

/** Whether its month and its day cannot be taken for each other. */
function tellsMonth(time: number): boolean {
  const date = new Date(time);
  return date.getUTCDate() !== date.getUTCMonth() + 1;
}

/**
 * Finds the way of writing a time that this server takes as it is meant, by one known mailbox: asked for by a
 * second before its own time it has to come, by a second after it not; or, where no way is exact, by as much more as
 * zones are from UTC.
 * @returns undefined where the server takes no such filter at all, or every way of writing a time for another date
 */
export async function proveFilterTime(
  landmark: Landmark,
  domainController: string | undefined,
  ports: SessionPorts,
): Promise<FilterTime | undefined> {
  const changed = Date.parse(landmark.whenChanged);
  if (Number.isNaN(changed)) return undefined;
  const ask = (write: FilterTime['write'], time: number): Promise<number | undefined> =>
    countBy(
      `(Guid -eq '${landmark.guid}') -and (WhenChangedUTC -gt '${write(new Date(time))}')`,
      landmark.among ?? usualKinds,
      domainController,
      ports,
    );
  const accepted: FilterTime['write'][] = [];
  // A server of another culture takes the fifth of March for the third of May: the fifth of May proves nothing.
  for (const write of tellsMonth(changed) ? forms : forms.slice(0, 1)) {
    const before = await ask(write, changed - 1000);
    if (before === undefined) continue;
    if (before === 1 && (await ask(write, changed + 1000)) === 0) return { write, widening: 0 };
    accepted.push(write);
  }
  for (const write of accepted) {
    const comes = (await ask(write, changed - farthestZone - 1000)) === 1;
    if (comes && (await ask(write, changed + farthestZone + 1000)) === 0) return { write, widening: farthestZone };
  }
  return undefined;
}

/** Of mailboxes that were looked at, those by which {@link proveFilterTime} can tell something, the most telling first. */
export function tellingLandmarks(found: readonly Landmark[]): readonly Landmark[] {
  const dated = found.filter(({ whenChanged }) => !Number.isNaN(Date.parse(whenChanged)));
  const tells = ({ whenChanged }: Landmark): boolean => tellsMonth(Date.parse(whenChanged));
  return [...dated.filter(tells), ...dated.filter((landmark) => !tells(landmark))];
}

/**
 * Where the `,DC=` parts begin that a distinguished name ends in; −1 where it has none. Others may stand before them, in
 * the name of a unit, after a backslash.
 */
export function domainPartsAt(distinguishedName: string): number {
  return distinguishedName.search(/(?:(?<!\\),DC=[^,]*)+$/i);
}

/** The DNS name of the domain that a distinguished name ends in: `emea.contoso.com`. */
export function domainOf(distinguishedName: string): string {
  const at = domainPartsAt(distinguishedName);
  if (at < 0) return '';
  return distinguishedName
    .slice(at + 1)
    .split(',')
    .map((part) => part.slice(part.indexOf('=') + 1))
    .join('.')
    .toLowerCase();
}
