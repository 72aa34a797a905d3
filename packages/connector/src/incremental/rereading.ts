/*
 * Which mailboxes are to be read again although nothing of their own changed: those of databases and units that
 * have another name, or another place, than at the last export. For a while after it was seen they are read each
 * time, as a directory server that lags may still show the old name.
 */
import type { ExportScope, MailboxSelection } from '../requests.ts';
import { mailboxSelections, plainFilter } from '../requests.ts';
import type { KnownDatabase, KnownUnit, Restless } from './cookie-facts.ts';
import type { Unit } from './unit.ts';
import { isWithin, placeOf, topmost } from './units.ts';

/** A database as it is now. */
export interface PresentDatabase {
  readonly guid: string;
  readonly name: string;
  readonly server: string;
}

/** What is to be read again. */
export interface Rereading {
  /** Everything: what is to be read cannot be told apart from the rest. */
  readonly isAll: boolean;
  readonly selections: readonly MailboxSelection[];
  readonly restless: readonly Restless[];
  /** For the log. */
  readonly notes: readonly string[];
}

/** What to compare. Times are milliseconds since 1970. */
export interface RereadingPlan {
  readonly scope: ExportScope;
  readonly known: {
    readonly databases: readonly KnownDatabase[];
    readonly units: readonly KnownUnit[] | null;
    readonly restless: readonly Restless[];
  };
  readonly databases: readonly PresentDatabase[];
  /** Names of the last export under which mailboxes show another one now, whatever the list says. */
  readonly namesGone?: readonly string[];
  /** Undefined where they cannot be listed. */
  readonly units: readonly Unit[] | undefined;
  readonly now: number;
  /** How long something stays restless after it was seen to change. */
  readonly settleMs: number;
}

/** Compares the databases and units of now with those of the last export. */
export function planRereading(plan: RereadingPlan): Rereading {
  const { known, now } = plan;
  const gone = guidsOfNames(plan);
  const databases = plan.databases.filter(
    (database) => isRenamed(database, known.databases) || gone?.has(database.guid) === true,
  );
  const before = new Map((known.units ?? []).map((unit) => [unit.guid, unit.distinguishedName]));
  // One that was not listed may have been there, too: a directory server that lags left it out, and its name of then
  // is that of its mailboxes. Into a new one mailboxes are moved, which changes them; they are few.
  const units =
    known.units === null ? [] : (plan.units ?? []).filter((unit) => before.get(unit.guid) !== unit.distinguishedName);
  const until = new Date(now + plan.settleMs).toISOString();
  const restless = [
    ...known.restless.filter((each) => Date.parse(each.until) > now),
    ...databases.map(({ guid }): Restless => ({ kind: 'database', guid, until })),
    ...topmost(units).map(({ guid }): Restless => ({ kind: 'unit', guid, until })),
  ];
  // A thing that was restless until just now is read once more.
  const guids = new Set([...known.restless, ...restless].map(({ guid }) => guid));
  const ofDatabases = selectDatabases(
    plan,
    plan.databases.filter(({ guid }) => guids.has(guid)),
  );
  const ofUnits = selectUnits(plan, topmost((plan.units ?? []).filter(({ guid }) => guids.has(guid))));
  return {
    isAll: gone === undefined || ofDatabases === undefined || ofUnits === undefined,
    selections: [...(ofDatabases ?? []), ...(ofUnits ?? [])],
    restless: latest(restless),
    notes: [
      ...databases.map(
        ({ name }) =>
          `the database ${name} has another name or server than at the last export: its mailboxes are read again`,
      ),
      ...topmost(units).map(
        ({ distinguishedName }) =>
          `the organizational unit ${distinguishedName} has another name or place than at the last export, or was not listed then: its mailboxes are read again`,
      ),
    ],
  };
}

/** Undefined where a name that is gone cannot be told. */
function guidsOfNames({ namesGone = [], known, databases }: RereadingPlan): ReadonlySet<string> | undefined {
  const guids = new Set<string>();
  for (const name of namesGone) {
    const guid = (known.databases.find((each) => each.name === name) ?? databases.find((each) => each.name === name))
      ?.guid;
    if (guid === undefined) return undefined;
    guids.add(guid);
  }
  return guids;
}

function isRenamed(database: PresentDatabase, known: readonly KnownDatabase[]): boolean {
  const before = known.find(({ guid }) => guid === database.guid);
  return before !== undefined && (before.name !== database.name || before.server !== database.server);
}

function latest(restless: readonly Restless[]): Restless[] {
  const byGuid = new Map<string, Restless>();
  for (const each of restless) {
    const other = byGuid.get(each.guid);
    if (other === undefined || other.until < each.until) byGuid.set(each.guid, each);
  }
  return [...byGuid.values()];
}

/** Undefined where a database of the scope cannot be told. */
function selectDatabases(
  { scope, databases }: RereadingPlan,
  changed: readonly PresentDatabase[],
): MailboxSelection[] | undefined {
  if (changed.length === 0) return [];
  const inScope = databasesInScope(scope, databases);
  if (inScope === undefined) return undefined;
  return changed
    .filter(({ guid }) => inScope === 'all' || inScope.has(guid))
    .flatMap(({ guid }) => mailboxSelections({ ...scope, databases: [guid] }));
}

/** The GUIDs of the databases that the settings name; undefined where one of them cannot be told. */
export function databasesInScope(
  scope: ExportScope,
  databases: readonly PresentDatabase[],
): ReadonlySet<string> | 'all' | undefined {
  if (scope.databases.length === 0) return 'all';
  const guids = new Set<string>();
  for (const text of scope.databases) {
    const wanted = text.trim().toLowerCase();
    const found = databases.filter(({ guid, name }) => guid === wanted || name.toLowerCase() === wanted);
    if (found.length !== 1) return undefined;
    for (const { guid } of found) guids.add(guid);
  }
  return guids;
}

/** The mailboxes of a scope below some units; undefined where a unit of the scope cannot be told. */
export function selectUnits(
  { scope, units }: Pick<RereadingPlan, 'scope' | 'units'>,
  changed: readonly Unit[],
): MailboxSelection[] | undefined {
  if (changed.length === 0) return [];
  const places = new Set<string>();
  if (scope.organizationalUnits.length === 0) for (const unit of changed) places.add(unit.distinguishedName);
  for (const text of scope.organizationalUnits) {
    const place = placeOf(text, units ?? []);
    if (place === undefined) return undefined;
    for (const unit of changed) {
      if (isWithin(unit.distinguishedName, place)) places.add(unit.distinguishedName);
      else if (isWithin(place, unit.distinguishedName)) places.add(text);
    }
  }
  return places.size === 0 ? [] : mailboxSelections({ ...scope, organizationalUnits: [...places] });
}

/**
 * Whether the selections of a scope hold no mailbox twice, so that the server's counts of them add up. Kinds
 * never meet; units do where one lies within the other.
 */
export function areDisjoint(
  scope: ExportScope,
  databases: readonly PresentDatabase[],
  units: readonly Unit[] | undefined,
): boolean {
  const inScope = databasesInScope(scope, databases);
  if (inScope === undefined || (inScope !== 'all' && inScope.size !== scope.databases.length)) return false;
  if (scope.organizationalUnits.length < 2) return true;
  const places = scope.organizationalUnits.map((text) => placeOf(text, units ?? []));
  return places.every(
    (place, index) =>
      place !== undefined &&
      places.every((other, at) => at === index || (other !== undefined && !isWithin(place, other))),
  );
}

/**
 * Properties that change only with their mailbox. A filter over others, as of memberships or of names that belong
 * to other objects, lets mailboxes in and out without a trace on them: then GUIDs are compared each time.
 */
const ownProperty =
  /^(Alias|City|Company|CountryOrRegion|CustomAttribute\d+|Department|DisplayName|EmailAddresses|ExchangeGuid|ExtensionCustomAttribute\d|FirstName|Guid|HiddenFromAddressListsEnabled|Initials|IsLinked|IsResource|IsShared|LastName|LitigationHoldEnabled|Name|Office|Phone|PostalCode|PrimarySmtpAddress|ProhibitSendQuota|RecipientType|RecipientTypeDetails|ResourceType|SamAccountName|SimpleDisplayName|StateOrProvince|StreetAddress|Title|UserPrincipalName|WhenChangedUTC|WhenCreatedUTC|WhenMailboxCreated|WindowsEmailAddress)$/i;

/** `property -operator value`, where the value is no text any more. */
const comparison = /([A-Za-z]\w*)\s*-(?:eq|ne|gt|ge|lt|le|like|notlike)\s*(?:''|[$+-]?\w[\w.:-]*)/gi;

/** Whether a filter lets mailboxes in and out only by changes of their own; a filter that is not understood may not. */
export function filtersOwnOnly(filter: string | undefined): boolean {
  const plain = plainFilter(filter);
  if (plain === undefined) return true;
  // What stands in quotes is a value.
  const bare = plain.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, "''");
  const properties: string[] = [];
  const rest = bare.replace(comparison, (_, name: string) => {
    properties.push(name);
    return ' ';
  });
  const isUnderstood = /^(?:[\s(){}!]|-(?:and|or|not)(?!\w))*$/i.test(rest);
  return isUnderstood && properties.length > 0 && properties.every((name) => ownProperty.test(name));
}
