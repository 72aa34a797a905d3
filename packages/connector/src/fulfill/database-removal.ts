/* An order that takes a database away, and how that is taken back. */
import { databaseRule } from './database-fields.ts';
import { describeInhabitants, inhabitantsOf, type Leaving, withoutCopies } from './database-inhabitants.ts';
import {
  call,
  databaseHas,
  databaseRead,
  dismounted,
  dismountStep,
  identityOf,
  mounted,
  objectOf,
  plain,
  setParameters,
} from './database-steps.ts';
import type { Draft, DraftStep } from './draft.ts';
import type { FieldValue, Fields } from './field-value.ts';
import type { LiveObject } from './live-state.ts';
import type { Order } from './order.ts';
import { type OrganisationView, textField } from './organisation-view.ts';
import type { Inverse, InverseCall, ObjectIdentity } from './plan.ts';
import { Refused } from './refused.ts';

/** What is at hand while a removal is planned. */
export interface RemovalContext {
  readonly view: OrganisationView;
  /** Mailboxes that orders of the batch take out of databases. */
  readonly leaving: Leaving;
  /** An order of the batch that puts a mailbox into a database of this name. */
  readonly placedBy: (name: string) => number | undefined;
}

/** @throws Refused, ReadingNeeded */
export function draftRemove(order: Order, database: LiveObject, context: RemovalContext): Draft {
  const { view } = context;
  const object = objectOf(database);
  const inhabitants = inhabitantsOf(view, database, context.leaving);
  if (inhabitants.found.length > 0) {
    throw new Refused('conflict', `the database ${object.name} is not removed: ${describeInhabitants(inhabitants)}`);
  }
  const placed = context.placedBy(object.name);
  if (placed !== undefined) {
    throw new Refused(
      'conflict',
      `the database ${object.name} is not removed: order ${placed} of this batch puts a mailbox into it`,
    );
  }
  const before = madeOf(database);
  const after: Fields = Object.fromEntries(Object.keys(before).map((name) => [name, null]));
  const remove: DraftStep = {
    cmdlet: 'Remove-MailboxDatabase',
    parameters: { Identity: identityOf(object) },
    object,
    purpose: `remove the database ${object.name}`,
    before,
    after,
    preconditions: [databaseHas(object, { ...before, ...withoutCopies(database) }), ...inhabitants.checks],
    expectation: [{ read: databaseRead(object), expect: { kind: 'absent' } }],
    inverse: undoRemove(database),
    ...plain,
    // Exchange may find an inhabitant that nobody can see: those who live there go on.
    onFailure: 'takeBack',
  };
  const isMounted = database['Mounted'] === true;
  // Taken back after the removal, too: the database made again has another GUID, and the same name.
  const byName = call(
    'Mount-Database',
    { ...object, guid: undefined },
    `mount ${object.name} again`,
    dismounted,
    mounted,
  );
  const first: DraftStep | undefined = isMounted
    ? { ...dismountStep(object), inverse: { kind: 'calls', calls: [byName], notes: [] } }
    : undefined;
  const dismount =
    first === undefined
      ? []
      : [
          {
            ...first,
            preconditions: [
              databaseHas(object, { ...first.before, ...withoutCopies(database) }),
              ...inhabitants.checks,
            ],
          },
        ];
  view.setDatabase(object.guid ?? object.name.toLowerCase(), undefined);
  return {
    order,
    object,
    steps: [...dismount, remove],
    before: isMounted ? { ...before, Mounted: true } : before,
    after: isMounted ? { ...after, Mounted: null } : after,
    notes: ['the files of the database stay on the disk of its server', ...inhabitants.notes],
    addresses: undefined,
    needs: inhabitants.needs,
  };
}

/** What `New-MailboxDatabase` is told of a database. */
function madeOf(database: LiveObject): Fields {
  const made: Record<string, FieldValue> = {};
  for (const name of ['Name', 'Server', 'EdbFilePath', 'LogFolderPath']) {
    const value = database[name];
    if (value !== undefined && value !== null) made[name] = value;
  }
  return made;
}

/** The database is made again over its files; it is another object then, with another GUID. */
export function undoRemove(database: LiveObject): Inverse {
  const before = madeOf(database);
  const name = textField(database, 'Name');
  const server = textField(database, 'Server');
  if (name === '' || server === '') return { kind: 'impossible', reason: 'the server of the database was not known' };
  const made: ObjectIdentity = { kind: 'database', guid: undefined, name, domain: undefined };
  const calls: InverseCall[] = [
    {
      cmdlet: 'New-MailboxDatabase',
      parameters: { ...before },
      purpose: `create the database ${name} on ${server} again, over its files`,
      before: Object.fromEntries(Object.keys(before).map((key) => [key, null])),
      after: before,
      preconditions: [{ read: databaseRead(made), expect: { kind: 'absent' } }],
      expectation: [databaseHas(made, { Name: name, Server: server })],
    },
  ];
  const settings: Record<string, FieldValue> = {};
  for (const [key, value] of Object.entries(database)) {
    const rule = databaseRule(key);
    if (rule !== undefined && key !== 'Name' && value !== null && value !== '') settings[key] = value;
  }
  if (Object.keys(settings).length > 0) {
    calls.push({
      ...call('Set-MailboxDatabase', made, `set up the database ${name} as it was`, {}, settings),
      parameters: setParameters(made, settings),
    });
  }
  return {
    kind: 'calls',
    calls,
    notes: ['the database gets a new GUID, and whatever is disconnected in it has to be looked for in its files'],
  };
}
