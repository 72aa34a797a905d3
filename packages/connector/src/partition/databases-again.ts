/*
 * The databases once more, when all parts are read, which may be hours after they were listed. One that was renamed,
 * activated on another server or made meanwhile is in the file as mailboxes show it: those of the first two are read
 * again, as nothing on a mailbox tells of it. One that was removed explains why its parts could not be read.
 */
import { type ListedDatabase, readDatabases } from '../database-reading.ts';
import { type MailboxSelection, narrowSelection } from '../requests.ts';
import { type Proof, readLate } from './completeness.ts';
import type { PlannedDatabase } from './partition-plan.ts';

/** What the server reported while a part was read that is narrowed to one database. */
export interface PartErrors {
  readonly database: PlannedDatabase;
  readonly errors: readonly string[];
}

/** Reads the databases again, and what changed with them; to be done when all parts were delivered. */
export async function readDatabasesAgain(
  before: readonly ListedDatabase[],
  partErrors: readonly PartErrors[],
  proof: Proof,
): Promise<void> {
  const { views, reading, ports, selections } = proof;
  const { databases } = ports;
  const now = await views.run((session) => readDatabases(reading, { ...session, databases }));
  settleErrors(partErrors, now, proof);
  for (const database of now) {
    const was = before.find(({ guid }) => guid === database.guid);
    if (was === undefined || (was.name === database.name && was.server === database.server)) continue;
    ports.onNote(
      `the database ${was.name} got another name or server during the reading: its mailboxes are read again`,
    );
    for (const selection of selections) {
      const among = amongDatabase(selection, database, was);
      const refused = among && (await views.run((session) => readLate(among, proof, session)));
      // The next increment reads them again, too: it was changed after the reading began.
      if (refused !== undefined) ports.onNote(`the mailboxes of ${database.name} could not be read again: ${refused}`);
    }
  }
}

/** The mailboxes of a selection that live in a database; undefined where it is of another one. */
function amongDatabase(
  selection: MailboxSelection,
  database: ListedDatabase,
  was: ListedDatabase,
): MailboxSelection | undefined {
  const own = selection.parameters.find(({ name }) => name === 'Database')?.value;
  if (own?.kind !== 'S') return narrowSelection(selection, { database });
  const named = own.value.trim().toLowerCase();
  const names = [database.guid, database.name, was.name].map((name) => name.toLowerCase());
  return names.includes(named) ? selection : undefined;
}

function settleErrors(partErrors: readonly PartErrors[], now: readonly ListedDatabase[], proof: Proof): void {
  for (const { database, errors } of partErrors) {
    const isGone = !now.some(({ guid }) => guid === database.guid);
    if (isGone && errors.every((error) => /ManagementObjectNotFoundException/.test(error)))
      proof.ports.onNote(`the database ${database.name} was removed during the reading: no mailbox is left in it`);
    else for (const error of errors) proof.reading.addError(error);
  }
}
