/* How what was done to a mailbox is taken back. */
import { mailboxHas } from './checks.ts';
import { formatByteSize, parseByteSize } from './byte-size.ts';
import { type FieldRule, listOf } from './field-rule.ts';
import type { LiveObject } from './live-state.ts';
import type { FieldValue, Fields } from './field-value.ts';
import { kindOfDetails, typeOfKind } from './mailbox-kind.ts';
import { mailboxRule } from './mailbox-fields.ts';
import { forced } from './mailbox-wishes.ts';
import type { Check, Inverse, InverseCall, ObjectIdentity, ParameterValue } from './plan.ts';
import { added, type ProxyAddress, parseProxyAddress } from './proxy-address.ts';

/** A value that was read, in the form in which it is sent. */
export function sentForm(rule: FieldRule, value: FieldValue): FieldValue {
  if (rule.kind !== 'size' || typeof value !== 'string') return value;
  const size = parseByteSize(value);
  return size === undefined ? value : formatByteSize(size);
}

const special = new Set(['RecipientTypeDetails', 'EmailAddressPolicyEnabled', 'Database']);

/** Fields → the parameters that lead back to them; what was unknown before cannot be restored. */
export function restoring(fields: Fields): {
  readonly parameters: Record<string, ParameterValue>;
  readonly unknown: string[];
} {
  const parameters: Record<string, ParameterValue> = {};
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (special.has(name)) continue;
    const rule = mailboxRule(name);
    if (rule === undefined) continue;
    if (value === null && !rule.nullable) unknown.push(name);
    else parameters[name] = sentForm(rule, value);
  }
  return { parameters, unknown };
}

function pick(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.filter((name) => name in fields).map((name) => [name, fields[name] ?? null]));
}

/** Why a mailbox does not become a user's again. */
export const lockedUser =
  'its account could not log on, and Exchange enables the account of a mailbox that it makes a user mailbox: it is a shared one then; by hand: Set-Mailbox -Type Regular, then disable the account in Active Directory';

/** Why a policy that was switched off stays off. */
export const policyNote =
  'EmailAddressPolicyEnabled stays False: switched on, Exchange applies its e-mail address policies at once, and may change the addresses that were just put back';

/**
 * The inverse of a `Set-Mailbox`: the fields as they were.
 * @param mailbox as it was before, as far as it is known
 * @param held all addresses before, where the step changes them as a side effect: a policy that is switched on, or that
 *   makes an address of a new alias
 * @param free the checks that addresses are nobody else's
 */
export function undoSetMailbox(
  object: ObjectIdentity,
  mailbox: LiveObject,
  before: Fields,
  after: Fields,
  {
    held,
    free,
  }: {
    readonly held: readonly string[] | undefined;
    readonly free: (addresses: readonly ProxyAddress[]) => readonly Check[];
  },
): Inverse {
  const target: Record<string, FieldValue> = { ...before };
  if (held !== undefined) Object.assign(target, { EmailAddresses: held, EmailAddressPolicyEnabled: false });
  const { parameters, unknown } = restoring(target);
  const notes = unknown.map((name) => `${name} had no value that is known: it stays as it is`);
  for (const name of unknown) delete target[name];
  const details = before['RecipientTypeDetails'];
  const kind = typeof details === 'string' ? kindOfDetails(details) : undefined;
  if (kind === 'user' && mailbox['AccountDisabled'] === true) {
    // Nobody gets an account back by an undo that could not log on before.
    delete target['RecipientTypeDetails'];
    notes.push(lockedUser);
  } else if (kind !== undefined && kind !== 'linked') {
    parameters['Type'] = typeOfKind[kind];
    notes.push('Exchange enables the account of a user mailbox with it, and disables that of the others');
  }
  if (before['EmailAddressPolicyEnabled'] === true || held !== undefined) notes.push(policyNote);
  if (target['EmailAddressPolicyEnabled'] === true) delete target['EmailAddressPolicyEnabled'];
  if (target['EmailAddressPolicyEnabled'] === false) parameters['EmailAddressPolicyEnabled'] = false;
  if (Object.keys(parameters).length === 0) {
    return notes.includes(lockedUser)
      ? { kind: 'impossible', reason: lockedUser }
      : { kind: 'calls', calls: [], notes };
  }
  const call: InverseCall = {
    cmdlet: 'Set-Mailbox',
    parameters: { Identity: object.guid ?? '', ...parameters, ...forced(after, target) },
    purpose: `change ${object.name} back`,
    before: pick(after, Object.keys(target)),
    after: target,
    preconditions: [mailboxHas(object, after), ...free(lost(target, after))],
    expectation: [mailboxHas(object, target)],
  };
  return { kind: 'calls', calls: [call], notes };
}

/** Addresses that a change takes away: whoever takes it back needs them again. */
function lost(before: Fields, after: Fields): ProxyAddress[] {
  const addresses = (fields: Fields): ProxyAddress[] => listOf(fields['EmailAddresses']).map(parseProxyAddress);
  return added(addresses(after), addresses(before));
}
