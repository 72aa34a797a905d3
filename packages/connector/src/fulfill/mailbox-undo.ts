/* How what was done to a mailbox is taken back. */
import { mailboxHas, noMailbox } from './checks.ts';
import { formatByteSize, parseByteSize } from './byte-size.ts';
import { type FieldRule, listOf } from './field-rule.ts';
import type { FieldValue, Fields } from './field-value.ts';
import type { LiveObject } from './live-state.ts';
import { kindOfDetails, typeOfKind } from './mailbox-kind.ts';
import { mailboxRule, mailboxRules } from './mailbox-fields.ts';
import { textField } from './organisation-view.ts';
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
function restoring(fields: Fields): {
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

/** Why a policy that was switched off stays off. */
const policyNote =
  'EmailAddressPolicyEnabled stays False: switched on, Exchange applies its e-mail address policies at once, and may change the addresses that were just put back';

/**
 * The inverse of a `Set-Mailbox`: the fields as they were.
 * @param held all addresses before, where the step changes them as a side effect: a policy that is switched on, or that
 *   makes an address of a new alias
 * @param free the checks that addresses are nobody else's
 */
export function undoSetMailbox(
  object: ObjectIdentity,
  before: Fields,
  after: Fields,
  held: readonly string[] | undefined,
  free: (addresses: readonly ProxyAddress[]) => readonly Check[],
): Inverse {
  const target: Record<string, FieldValue> = { ...before };
  if (held !== undefined) Object.assign(target, { EmailAddresses: held, EmailAddressPolicyEnabled: false });
  const { parameters, unknown } = restoring(target);
  const notes = unknown.map((name) => `${name} had no value that is known: it stays as it is`);
  for (const name of unknown) delete target[name];
  const details = before['RecipientTypeDetails'];
  const kind = typeof details === 'string' ? kindOfDetails(details) : undefined;
  if (kind !== undefined && kind !== 'linked') {
    parameters['Type'] = typeOfKind[kind];
    notes.push('whether the account is disabled stays as the change of the kind left it');
  }
  if (before['EmailAddressPolicyEnabled'] === true || held !== undefined) notes.push(policyNote);
  if (target['EmailAddressPolicyEnabled'] === true) delete target['EmailAddressPolicyEnabled'];
  if (target['EmailAddressPolicyEnabled'] === false) parameters['EmailAddressPolicyEnabled'] = false;
  if (Object.keys(parameters).length === 0) return { kind: 'calls', calls: [], notes };
  const call: InverseCall = {
    cmdlet: 'Set-Mailbox',
    parameters: { Identity: object.guid ?? '', ...parameters },
    purpose: `change ${object.name} back`,
    before: pick(after, Object.keys(target)),
    after: target,
    preconditions: [mailboxHas(object, after), ...free(lost(target, after))],
    expectation: [mailboxHas(object, target)],
  };
  return { kind: 'calls', calls: [call], notes };
}

const ownedByAccount = new Set(['Name', 'UserPrincipalName', 'AccountDisabled']);
const kindSwitch: Readonly<Record<string, string>> = { shared: 'Shared', room: 'Room', equipment: 'Equipment' };

/** Addresses that a change takes away: whoever takes it back needs them again. */
function lost(before: Fields, after: Fields): ProxyAddress[] {
  const addresses = (fields: Fields): ProxyAddress[] => listOf(fields['EmailAddresses']).map(parseProxyAddress);
  return added(addresses(after), addresses(before));
}

/** Whether a mailbox has an archive on the premises. */
export function hasArchive(mailbox: LiveObject): boolean {
  return textField(mailbox, 'ArchiveGuid').replace(/[0-]/g, '') !== '';
}

/** The inverse of a `Disable-Mailbox`: the disconnected mailbox is connected again, and its fields are set. */
export function undoDisable(
  object: ObjectIdentity,
  mailbox: LiveObject,
  free: (addresses: readonly ProxyAddress[]) => readonly Check[],
): Inverse {
  const exchangeGuid = textField(mailbox, 'ExchangeGuid');
  const database = textField(mailbox, 'Database');
  if (exchangeGuid === '' || database === '') {
    return {
      kind: 'impossible',
      reason: 'the ExchangeGuid and the database of the mailbox were not known: it cannot be found again',
    };
  }
  const kind = kindOfDetails(textField(mailbox, 'RecipientTypeDetails'));
  if (kind === undefined || kind === 'linked') {
    return {
      kind: 'impossible',
      reason: `a ${textField(mailbox, 'RecipientTypeDetails')} is connected by hand (Connect-Mailbox)`,
    };
  }
  const connect: Record<string, ParameterValue> = {
    Identity: exchangeGuid,
    Database: database,
    User: object.guid ?? '',
  };
  const alias = textField(mailbox, 'Alias');
  if (alias !== '') connect['Alias'] = alias;
  // Exchange connects a user's mailbox to an enabled account only; a shared one becomes a user's by -Type Regular.
  const isLockedUser = kind === 'user' && mailbox['AccountDisabled'] === true;
  const name = isLockedUser ? 'Shared' : kindSwitch[kind];
  if (name !== undefined) connect[name] = true;
  const connected: Fields = { ExchangeGuid: exchangeGuid, Database: database };
  // A mailbox that was just connected is under the policies; once its settings are back, it is not any more.
  const fresh: Fields = { ...connected, EmailAddressPolicyEnabled: true };
  const fields: Record<string, FieldValue> = {};
  for (const rule of mailboxRules) {
    const value = mailbox[rule.name];
    if (value === undefined || value === null || value === '' || ownedByAccount.has(rule.name)) continue;
    fields[rule.name] = value;
  }
  const addresses = listOf(mailbox['EmailAddresses']);
  if (addresses.length > 0) fields['EmailAddresses'] = [...addresses];
  const { parameters } = restoring(fields);
  if (isLockedUser) {
    parameters['Type'] = typeOfKind[kind];
    fields['RecipientTypeDetails'] = textField(mailbox, 'RecipientTypeDetails');
  }
  const policy = mailbox['EmailAddressPolicyEnabled'];
  delete fields['EmailAddressPolicyEnabled'];
  const step = (more: Record<string, ParameterValue>, after: Fields, purpose: string): InverseCall => ({
    cmdlet: 'Set-Mailbox',
    parameters: { Identity: object.guid ?? '', ...more },
    purpose,
    before: Object.fromEntries(Object.keys(after).map((key) => [key, null])),
    after,
    preconditions: [mailboxHas(object, fresh)],
    expectation: [mailboxHas(object, after)],
  });
  const calls: InverseCall[] = [
    {
      cmdlet: 'Connect-Mailbox',
      parameters: connect,
      purpose: `connect the mailbox of ${object.name} again`,
      before: { ExchangeGuid: null, Database: null },
      after: fresh,
      preconditions: [noMailbox(object), ...free(addresses.map(parseProxyAddress))],
      expectation: [mailboxHas(object, connected)],
    },
    step(
      { ...parameters, EmailAddressPolicyEnabled: false },
      { ...fields, EmailAddressPolicyEnabled: false },
      `give the mailbox of ${object.name} its addresses and settings again`,
    ),
  ];
  return {
    kind: 'calls',
    calls,
    notes: [
      ...(policy === true ? [policyNote] : []),
      ...(hasArchive(mailbox) ? ['its archive is connected by hand (Connect-Mailbox -Archive)'] : []),
      'permissions on the mailbox and group memberships by mail are not restored',
      'it can be connected again until the retention of its database ends',
    ],
  };
}
