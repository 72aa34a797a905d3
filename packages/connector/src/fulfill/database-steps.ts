/* What the steps of database orders are made of. */
import { databaseRule } from './database-fields.ts';
import type { DraftStep } from './draft.ts';
import type { Fields } from './field-value.ts';
import type { LiveObject, Read } from './live-state.ts';
import { sentForm } from './mailbox-undo.ts';
import { textField } from './organisation-view.ts';
import type { Check, FulfillSettings, InverseCall, ObjectIdentity, ParameterValue } from './plan.ts';

/** What a plan calls a database. */
export function objectOf(database: LiveObject): ObjectIdentity {
  const guid = textField(database, 'Guid');
  return {
    kind: 'database',
    guid: guid === '' ? undefined : guid,
    name: textField(database, 'Name'),
    domain: undefined,
  };
}

/** What a cmdlet is told: the GUID, or of a database that the plan itself makes, its name. */
export function identityOf(object: ObjectIdentity): string {
  return object.guid ?? object.name;
}

/** The read of a database. */
export function databaseRead(object: ObjectIdentity): Read {
  return { kind: 'database', identity: identityOf(object) };
}

/** A database with these fields. */
export function databaseHas(object: ObjectIdentity, fields: Fields): Check {
  return { read: databaseRead(object), expect: { kind: 'fields', fields } };
}

/** Parts of a call that are the same for most. */
export const plain = { retry: undefined, follow: undefined, onFailure: 'leave' } as const;

/** A cmdlet on a database that leads from some fields to others. */
export function call(
  cmdlet: string,
  object: ObjectIdentity,
  purpose: string,
  before: Fields,
  after: Fields,
): InverseCall {
  return {
    cmdlet,
    parameters: { Identity: identityOf(object) },
    purpose,
    before,
    after,
    preconditions: [databaseHas(object, before)],
    expectation: [databaseHas(object, after)],
  };
}

/** The two states of a database. */
export const mounted: Fields = { Mounted: true };
export const dismounted: Fields = { Mounted: false };

/** Mounts a database, tried again while the directory tells of it. */
export function mountStep(object: ObjectIdentity, settings: FulfillSettings): DraftStep {
  const inverse = call('Dismount-Database', object, `dismount ${object.name}`, mounted, dismounted);
  return {
    ...call('Mount-Database', object, `mount ${object.name}`, dismounted, mounted),
    object,
    inverse: { kind: 'calls', calls: [inverse], notes: [] },
    retry: { attempts: settings.mountAttempts, waitMs: settings.mountWaitMs, onAnyError: true },
    follow: undefined,
    onFailure: 'leave',
  };
}

/** Dismounts a database; taken back, it is mounted again. */
export function dismountStep(object: ObjectIdentity): DraftStep {
  const inverse = call('Mount-Database', object, `mount ${object.name} again`, dismounted, mounted);
  return {
    ...call(
      'Dismount-Database',
      object,
      `dismount ${object.name}: nobody in it has mail meanwhile`,
      mounted,
      dismounted,
    ),
    object,
    inverse: { kind: 'calls', calls: [inverse], notes: [] },
    ...plain,
  };
}

/** Fields as the parameters of `Set-MailboxDatabase`. */
export function setParameters(object: ObjectIdentity, fields: Fields): Record<string, ParameterValue> {
  const parameters: Record<string, ParameterValue> = { Identity: identityOf(object) };
  for (const [name, value] of Object.entries(fields)) {
    const rule = databaseRule(name);
    if (rule !== undefined) parameters[name] = sentForm(rule, value);
  }
  return parameters;
}
