/* Who lives in a database: whatever is found keeps it from being removed. */
import { listOf } from './field-rule.ts';
import type { Fields } from './field-value.ts';
import type { LiveObject, Population, Read } from './live-state.ts';
import { type OrganisationView, textField } from './organisation-view.ts';
import type { Check } from './plan.ts';
import { inhabitantsShown } from './read-request.ts';

/** Mailboxes that orders of the batch take out of their database: GUID → the order's index. */
export type Leaving = ReadonlyMap<string, { readonly from: string; readonly orderIndex: number }>;

export interface Inhabitants {
  /** For a person: `the mailboxes Anna Smith, Ben Weber and more`. */
  readonly found: readonly string[];
  /** The same, to be asked again before the database goes. */
  readonly checks: readonly Check[];
  /** Orders that have to be carried out first. */
  readonly needs: readonly number[];
  readonly notes: readonly string[];
}

const populations: readonly (readonly [Population, string])[] = [
  ['mailboxes', 'mailboxes'],
  ['archives', 'archive mailboxes of'],
  ['arbitration', 'arbitration mailboxes'],
  ['publicFolder', 'public-folder mailboxes'],
  ['auditLog', 'audit-log mailboxes'],
  ['auxAuditLog', 'audit-log mailboxes'],
  ['migration', 'migration mailboxes'],
  ['monitoring', 'monitoring mailboxes'],
  ['mailboxPlans', 'mailbox plans'],
  ['moveRequests', 'mailboxes that are being moved into it:'],
];

/** Populations that every version has: where they cannot be seen, the account's rights are to blame. */
const known: ReadonlySet<Population> = new Set(['mailboxes', 'archives', 'arbitration']);

function nameOf(object: LiveObject): string {
  return textField(object, 'DisplayName') || textField(object, 'Name') || textField(object, 'Guid');
}

function listed(word: string, objects: readonly LiveObject[]): string {
  const names = objects.slice(0, inhabitantsShown).map(nameOf).join(', ');
  return `${word} ${names}${objects.length > inhabitantsShown ? ' and more' : ''}`;
}

function belongs(population: Population, object: LiveObject, name: string): boolean {
  const same = (text: string): boolean => text === '' || text.toLowerCase() === name.toLowerCase();
  if (population === 'mailboxPlans') return textField(object, 'Database').toLowerCase() === name.toLowerCase();
  if (population === 'moveRequests') return !/^Completed/i.test(textField(object, 'Status'));
  return population === 'archives' ? same(textField(object, 'ArchiveDatabase')) : same(textField(object, 'Database'));
}

function copiesOf(database: LiveObject): string | undefined {
  const copies = listOf(database['DatabaseCopies']);
  const servers = listOf(database['Servers']);
  const count = Math.max(copies.length, servers.length);
  if (count < 2 && textField(database, 'ReplicationType').toLowerCase() !== 'remote') return undefined;
  const where = (servers.length > 1 ? servers : copies).join(', ') || 'other servers';
  const active = textField(database, 'Server').split('.')[0]?.toLowerCase() ?? '';
  const passive = copies.filter((copy) => !copy.toLowerCase().endsWith(`\\${active}`));
  const commands = passive.map((copy) => `Remove-MailboxDatabaseCopy '${copy.replaceAll("'", "''")}'`);
  return `it has copies on ${where}; remove those first (${commands.join('; ') || 'Remove-MailboxDatabaseCopy'})`;
}

/** Populations of which nobody may live in a database that goes; plans and moves are judged by what they say. */
const checked = ['mailboxes', 'archives', 'arbitration', 'publicFolder', 'auditLog'] as const;

function inhabitantsRead(population: Population, name: string, distinguishedName: string): Read {
  const database = population === 'archives' && distinguishedName !== '' ? distinguishedName : name;
  return { kind: 'inhabitants', database, population };
}

/** That nobody lives in a database. */
export function emptyChecks(name: string, distinguishedName = ''): Check[] {
  return checked.map((population) => ({
    read: inhabitantsRead(population, name, distinguishedName),
    expect: { kind: 'absent' },
  }));
}

/** Checks that were made before anybody knew the distinguished name of the database, with it. */
export function whereArchivesAre(checks: readonly Check[], database: LiveObject | undefined): readonly Check[] {
  const distinguishedName = textField(database, 'DistinguishedName');
  return checks.map((check) =>
    check.read.kind === 'inhabitants' && check.read.database.toLowerCase() === textField(database, 'Name').toLowerCase()
      ? { ...check, read: inhabitantsRead(check.read.population, check.read.database, distinguishedName) }
      : check,
  );
}

/** What a database without copies says of itself; a copy that is made meanwhile is seen before the database goes. */
export function withoutCopies(database: LiveObject): Fields {
  return textField(database, 'ReplicationType').toLowerCase() === 'none' ? { ReplicationType: 'None' } : {};
}

/** @throws ReadingNeeded */
export function inhabitantsOf(view: OrganisationView, database: LiveObject, leaving: Leaving): Inhabitants {
  const name = textField(database, 'Name');
  const guid = textField(database, 'Guid');
  // What the batch itself has made, nobody can live in but whom the batch puts there.
  if (guid === '') return { found: [], checks: [], needs: [], notes: [] };
  const place = textField(database, 'DistinguishedName');
  const reads = populations.map(([population]) => inhabitantsRead(population, name, place));
  const answers = view.objectsOfAll(reads);
  const found: string[] = [];
  const needs = new Set<number>();
  const notes: string[] = [];
  for (const [at, [population, word]] of populations.entries()) {
    const read = reads[at] as Read;
    if (view.isUnavailable(read)) {
      if (known.has(population)) notes.push(`this server has no ${word}, or the account may not see them`);
      continue;
    }
    const there = (answers[at] ?? []).filter((object) => belongs(population, object, name));
    const goes = (object: LiveObject): boolean =>
      (population === 'mailboxes' || population === 'archives') &&
      leaving.get(textField(object, 'Guid'))?.from.toLowerCase() === name.toLowerCase();
    const staying = there.filter((object) => !goes(object));
    for (const object of there.filter(goes)) needs.add(leaving.get(textField(object, 'Guid'))?.orderIndex ?? 0);
    if (population === 'monitoring') {
      // Every database has some; Exchange makes them and lets the database go.
      if (staying.length > 0) notes.push(`with it go the ${listed(word, staying)}, which Exchange makes by itself`);
      continue;
    }
    if (staying.length > 0) found.push(listed(word, staying));
    // More live there than were shown: nobody knows whether the others leave, too.
    else if (there.length > inhabitantsShown) found.push(`${word} that were not all shown`);
  }
  const copies = copiesOf(database);
  if (copies !== undefined) found.push(copies);
  return { found, checks: emptyChecks(name, place), needs: [...needs], notes };
}

/** One sentence of what was found. */
export function describeInhabitants({ found }: Inhabitants): string {
  const [first = '', ...more] = found;
  return /^it has copies/.test(first) ? [first, ...more].join('; ') : `in it live ${[first, ...more].join('; ')}`;
}
