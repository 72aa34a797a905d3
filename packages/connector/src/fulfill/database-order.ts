/* One database order → its steps, on the state that the orders before it leave. */
import type { Draft, DraftStep } from './draft.ts';
import { databaseKeys, databaseReadOnly, databaseRule } from './database-fields.ts';
import { emptyChecks } from './database-inhabitants.ts';
import { draftRemove, type RemovalContext } from './database-removal.ts';
import {
  call,
  databaseHas,
  databaseRead,
  dismountStep,
  mountStep,
  objectOf,
  plain,
  setParameters,
} from './database-steps.ts';
import { sameField, showValue } from './field-rule.ts';
import type { FieldValue, Fields } from './field-value.ts';
import type { LiveObject } from './live-state.ts';
import { changedText } from './mailbox-kind.ts';
import { describeIdentity } from './mailbox-identity.ts';
import type { Order } from './order.ts';
import { type OrganisationView, textField } from './organisation-view.ts';
import type { Check, FulfillSettings, Inverse, ObjectIdentity } from './plan.ts';
import { protectingEntry } from './protection.ts';
import { Refused } from './refused.ts';
import { newDatabaseQuotas, requireQuotaOrder, type SettingChanges, settingChanges } from './setting-changes.ts';

const catalogue = {
  rule: databaseRule,
  readOnly: databaseReadOnly,
  // The name is written by a rename, which is looked at here.
  keys: databaseKeys,
  required: new Set(['name']),
};

/** What is at hand while one database order is planned. */
export interface DatabaseContext extends RemovalContext {
  readonly settings: FulfillSettings;
}

/** @throws Refused, ReadingNeeded */
export function draftDatabaseOrder(order: Order, context: DatabaseContext): Draft {
  const found = findDatabase(context.view, order);
  if (found !== undefined) {
    const entry = protectingEntry(context.settings.protectedDatabases, found);
    if (entry !== undefined) {
      throw new Refused('not-allowed', `the database is protected: ProtectedDatabases has "${entry}"`);
    }
  }
  switch (order.changeType) {
    case 'Added':
      return found === undefined ? draftCreate(order, context) : draftExisting(order, found, context);
    case 'Modified':
      if (found !== undefined) return draftChange(order, found, context, []);
      throw new Refused(
        'not-found',
        `there is no mailbox database with ${order.identities.map(describeIdentity).join(' or ')}`,
      );
    case 'Deleted':
      return found === undefined ? nothingThere(order) : draftRemove(order, found, context);
  }
}

function findDatabase(view: OrganisationView, order: Order): LiveObject | undefined {
  for (const { by, value } of order.identities) {
    // A new database is not one that an order before renames: its old name is free then.
    const exact = by === 'name' && order.changeType === 'Added';
    const found = exact ? view.databaseNamed(value) : view.database(value.replace(/^\{|\}$/g, ''));
    if (found !== undefined) return found;
  }
  return undefined;
}

function nothingThere(order: Order): Draft {
  const names = order.identities.map(describeIdentity).join(' or ');
  const object: ObjectIdentity = { kind: 'database', guid: undefined, name: names, domain: undefined };
  const notes = [`there is no mailbox database with ${names}: nothing is to be removed`];
  return { order, object, steps: [], before: {}, after: {}, notes, addresses: undefined, needs: [] };
}

function wantsMounted(order: Order): boolean | undefined {
  const field = order.changes.get('mounted');
  if (field === undefined || field.value === null) return undefined;
  if (field.value === true || /^true$/i.test(String(field.value).trim())) return true;
  if (field.value === false || /^false$/i.test(String(field.value).trim())) return false;
  throw new Refused('invalid', `Mounted is ${showValue(field.value)}; True or False is wanted`);
}

function undoSet(object: ObjectIdentity, changes: SettingChanges): Inverse {
  const unknown = Object.entries(changes.before).filter(
    ([name, value]) => value === null && databaseRule(name)?.nullable !== true,
  );
  const back = Object.fromEntries(
    Object.entries(changes.before).filter(([name]) => !unknown.some(([other]) => other === name)),
  );
  const notes = unknown.map(([name]) => `${name} had no value that is known: it stays as it is`);
  if (Object.keys(back).length === 0) return { kind: 'calls', calls: [], notes };
  const after = Object.fromEntries(Object.keys(back).map((name) => [name, changes.after[name] ?? null]));
  const undo = call('Set-MailboxDatabase', object, `change ${object.name} back`, after, back);
  return { kind: 'calls', calls: [{ ...undo, parameters: setParameters(object, back) }], notes };
}

function setStep(object: ObjectIdentity, changes: SettingChanges, purpose: string): DraftStep | undefined {
  if (Object.keys(changes.after).length === 0) return undefined;
  const known = Object.fromEntries(Object.entries(changes.before).filter(([, value]) => value !== null));
  return {
    cmdlet: 'Set-MailboxDatabase',
    parameters: setParameters(object, changes.after),
    object,
    purpose,
    before: changes.before,
    after: changes.after,
    preconditions: [databaseHas(object, object.guid === undefined ? {} : known)],
    expectation: [databaseHas(afterRename(object, changes.after), changes.after)],
    inverse: undoSet(afterRename(object, changes.after), changes),
    ...plain,
  };
}

/** A database without a GUID is known by its name, which the step itself may change. */
function afterRename(object: ObjectIdentity, after: Fields): ObjectIdentity {
  return typeof after['Name'] === 'string' ? { ...object, name: after['Name'] } : object;
}

function requireText(order: Order, name: string): string {
  const text = changedText(order, name);
  if (text === undefined) throw new Refused('invalid', `a new database needs Name and Server; ${name} is empty`);
  return text;
}

const badName = /[\\/:*?"<>|=;\p{Cc}]/u;

function requireName(name: string): void {
  if (name.length > 64 || badName.test(name)) {
    throw new Refused(
      'invalid',
      `"${name.slice(0, 80)}" is no name for a database: at most 64 characters, none of \\ / : * ? " < > | = ;`,
    );
  }
}

function draftCreate(order: Order, context: DatabaseContext): Draft {
  const { view, settings } = context;
  const name = requireText(order, 'Name');
  const server = requireText(order, 'Server');
  requireName(name);
  if (protectingEntry(settings.protectedDatabases, { Name: name }) !== undefined) {
    throw new Refused('not-allowed', `ProtectedDatabases has the name "${name}"`);
  }
  const object: ObjectIdentity = { kind: 'database', guid: undefined, name, domain: undefined };
  const made: Record<string, FieldValue> = { Name: name, Server: server };
  for (const path of ['EdbFilePath', 'LogFolderPath']) {
    const text = changedText(order, path);
    if (text !== undefined) made[path] = text;
  }
  const changes = settingChanges(view, order, { Name: name }, catalogue);
  requireQuotaOrder(newDatabaseQuotas, changes.after);
  const gone: Fields = Object.fromEntries(Object.keys(made).map((key) => [key, null]));
  const absent: Check = { read: databaseRead(object), expect: { kind: 'absent' } };
  const create: DraftStep = {
    cmdlet: 'New-MailboxDatabase',
    parameters: made,
    object,
    purpose: `create the database ${name} on ${server}`,
    before: gone,
    after: made,
    preconditions: [absent],
    expectation: [databaseHas(object, { Name: name, Server: server })],
    inverse: {
      kind: 'calls',
      calls: [
        {
          cmdlet: 'Remove-MailboxDatabase',
          parameters: { Identity: name },
          purpose: `remove the database ${name}`,
          before: { Name: name, Server: server },
          after: gone,
          // What has copies cannot go: whoever made them is to take them away.
          preconditions: [
            databaseHas(object, { Name: name, Server: server, ReplicationType: 'None' }),
            ...emptyChecks(name),
          ],
          expectation: [absent],
        },
      ],
      notes: ['the files of the database stay on the disk of its server'],
    },
    ...plain,
  };
  const set = setStep(object, changes, `set up the database ${name}`);
  const mount = wantsMounted(order) === false ? undefined : mountStep(object, settings);
  const steps = [create, set, mount].filter((step) => step !== undefined);
  const after = { ...made, ...changes.after, Mounted: mount !== undefined };
  view.setDatabase(name.toLowerCase(), after);
  return {
    order,
    object,
    steps,
    before: { ...gone, ...changes.before, Mounted: null },
    after,
    notes: changes.notes,
    addresses: undefined,
    needs: [],
  };
}

/** A new database whose name is there already: the same one, or a conflict. */
function draftExisting(order: Order, database: LiveObject, context: DatabaseContext): Draft {
  const name = textField(database, 'Name');
  for (const path of ['Server', 'EdbFilePath', 'LogFolderPath'] as const) {
    const wanted = changedText(order, path);
    const present = textField(database, path);
    if (wanted !== undefined && present !== '' && !sameServerOrPath(path, wanted, present)) {
      throw new Refused(
        'conflict',
        `there is a database ${name} already, with ${path} ${present}; the order asks for ${wanted}`,
      );
    }
  }
  const mount = order.changes.has('mounted') ? [] : [{ name: 'Mounted', value: true as FieldValue }];
  const changes = new Map(order.changes);
  for (const field of mount) changes.set('mounted', field);
  return draftChange({ ...order, changes }, database, context, [
    'the database exists already: it is brought to what the order asks for',
  ]);
}

function sameServerOrPath(path: string, wanted: string, present: string): boolean {
  if (sameField('name', wanted, present)) return true;
  // A server is shown by its name and may be asked for by its full one.
  return path === 'Server' && sameField('name', wanted.split('.')[0] ?? wanted, present.split('.')[0] ?? present);
}

function requireUnmoved(order: Order, database: LiveObject): void {
  for (const path of ['Server', 'EdbFilePath', 'LogFolderPath'] as const) {
    const wanted = changedText(order, path);
    const present = textField(database, path);
    if (wanted === undefined || sameServerOrPath(path, wanted, present)) continue;
    throw new Refused(
      'invalid',
      `${path} of a database cannot be modified by an order (it is ${present}, the order asks for ${wanted}): that is Move-DatabasePath, or a copy on another server`,
    );
  }
}

function renamePart(order: Order, database: LiveObject, view: OrganisationView): Fields {
  const wanted = changedText(order, 'Name');
  const present = textField(database, 'Name');
  if (wanted === undefined || wanted === present) return {};
  requireName(wanted);
  const other = view.databaseNamed(wanted);
  if (other !== undefined && textField(other, 'Guid') !== textField(database, 'Guid')) {
    throw new Refused('conflict', `${present} cannot be renamed: there is another database "${wanted}"`);
  }
  return { Name: wanted };
}

function draftChange(order: Order, database: LiveObject, context: DatabaseContext, more: readonly string[]): Draft {
  const { view, settings } = context;
  const object = objectOf(database);
  requireUnmoved(order, database);
  const rename = renamePart(order, database, view);
  const plainChanges = settingChanges(view, order, database, catalogue);
  requireQuotaOrder(database, plainChanges.after);
  const changes: SettingChanges = {
    ...plainChanges,
    before: 'Name' in rename ? { ...plainChanges.before, Name: object.name } : plainChanges.before,
    after: { ...plainChanges.after, ...rename },
  };
  const renamed = afterRename(object, changes.after);
  const wanted = wantsMounted(order);
  const isMounted = database['Mounted'];
  const turn =
    wanted === undefined || wanted === isMounted ? [] : [wanted ? mountStep(renamed, settings) : dismountStep(renamed)];
  const set = setStep(object, changes, `change the database ${object.name}`);
  const steps = [...(set === undefined ? [] : [set]), ...turn];
  const state = turn.length === 0 ? {} : { Mounted: wanted ?? null };
  const after = { ...changes.after, ...state };
  if (steps.length > 0) view.setDatabase(object.guid ?? object.name.toLowerCase(), { ...database, ...after });
  return {
    order,
    object,
    steps,
    before: turn.length === 0 ? changes.before : { ...changes.before, Mounted: isMounted ?? null },
    after,
    notes: [...more, ...changes.notes],
    addresses: undefined,
    needs: [],
  };
}
