/*
 * One mailbox order → its steps, on the state that the orders before it leave. Whether its addresses are free is decided
 * for the whole batch, later.
 */
import type { Draft, DraftStep } from './draft.ts';
import type { FieldValue, Fields } from './field-value.ts';
import { listOf } from './field-rule.ts';
import { addressFree, mailboxHas, noMailbox } from './checks.ts';
import type { LiveObject } from './live-state.ts';
import { findAccount, describeIdentity, mailboxObject, requireTouchable } from './mailbox-identity.ts';
import { changedText, detailsOfKind, kindOfDetails, type MailboxKind, typeOfKind, wantedKind } from './mailbox-kind.ts';
import { mailboxKeys, mailboxReadOnly, mailboxRule } from './mailbox-fields.ts';
import { undoDisable, undoSetMailbox } from './mailbox-undo.ts';
import { type MailboxContext, placeOf } from './mailbox-place.ts';
import { movePart } from './move-order.ts';
import type { Order } from './order.ts';
import { type OrganisationView, textField } from './organisation-view.ts';
import type { Check, FulfillSettings, ObjectIdentity, ParameterValue } from './plan.ts';
import {
  added,
  addressKey,
  formatProxyAddress,
  isPrimarySmtp,
  type ProxyAddress,
  parseProxyAddress,
  primaryField,
  sameAddressLists,
} from './proxy-address.ts';
import { Refused } from './refused.ts';
import { newMailboxQuotas, requireQuotaOrder, type SettingChanges, settingChanges } from './setting-changes.ts';
import { type AddressWish, readAddressWish, wantedAddresses } from './wanted-addresses.ts';

const catalogue = {
  rule: (name: string) => (mailboxKeys.has(name) ? undefined : mailboxRule(name)),
  readOnly: mailboxReadOnly,
  keys: mailboxKeys,
  required: new Set(['displayname', 'name', 'alias', 'userprincipalname']),
};

/** @throws Refused, ReadingNeeded */
export function draftMailboxOrder(order: Order, context: MailboxContext): Draft {
  const { view, settings } = context;
  const user = findAccount(view, order);
  if (user === undefined) return withoutAccount(order);
  const object = mailboxObject(user);
  const mailbox = hasMailbox(user, view, object) ? view.mailbox(object.guid ?? '', object.domain) : undefined;
  requireTouchable(settings, user, mailbox);
  switch (order.changeType) {
    case 'Added':
      if (mailbox === undefined) return draftEnable(order, user, object, context);
      return withNote(
        draftChange(order, object, mailbox, context),
        'the mailbox exists already: it is brought to what the order asks for',
      );
    case 'Modified':
      if (mailbox !== undefined) return draftChange(order, object, mailbox, context);
      throw new Refused('not-found', `${object.name} has no mailbox (it is a ${kindOfAccount(user)})`);
    case 'Deleted':
      return mailbox === undefined
        ? nothing(order, object, `${object.name} has no mailbox: nothing is to be taken away`)
        : draftDisable(order, user, object, mailbox, context);
  }
}

function kindOfAccount(user: LiveObject): string {
  return textField(user, 'RecipientTypeDetails') || textField(user, 'RecipientType') || 'User';
}

/** Asking for the mailbox of an account that is known to have none would be a question for nothing. */
function hasMailbox(user: LiveObject, view: OrganisationView, object: ObjectIdentity): boolean {
  if (view.isOverlaid(object.guid ?? '')) return true;
  return /Mailbox$/i.test(kindOfAccount(user)) && !/^Remote/i.test(kindOfAccount(user));
}

function withoutAccount(order: Order): Draft {
  const identity = order.identities[0];
  const named = identity === undefined ? '' : describeIdentity(identity);
  if (order.changeType === 'Deleted') {
    return nothing(
      order,
      { kind: 'mailbox', guid: undefined, name: named, domain: undefined },
      `there is no account with ${named}: nothing is to be taken away`,
    );
  }
  const old = order.resource.get('samaccountname')?.value;
  const renamed =
    typeof old === 'string' && identity?.by === 'samAccountName' && old.toLowerCase() !== identity.value.toLowerCase()
      ? `; Resource has "${old}": accounts are renamed in Active Directory, not by this connector`
      : '';
  throw new Refused('not-found', `there is no account with ${named}${renamed}`);
}

function nothing(order: Order, object: ObjectIdentity, note: string): Draft {
  return { order, object, steps: [], before: {}, after: {}, notes: [note], addresses: undefined, needs: [] };
}

function withNote(draft: Draft, note: string): Draft {
  return { ...draft, notes: [note, ...draft.notes] };
}

function addressWish(order: Order, settings: FulfillSettings): AddressWish | undefined {
  const wish = readAddressWish(order, settings.valueSeparator);
  if (typeof wish === 'string') throw new Refused('invalid', wish);
  return wish;
}

function emptyKeysNotes(order: Order): string[] {
  return ['EmailAddresses', 'PrimarySmtpAddress', 'Database', 'RecipientTypeDetails']
    .filter((name) => {
      const field = order.changes.get(name.toLowerCase());
      return (
        field !== undefined && (field.value === null || (typeof field.value === 'object' && field.value.length === 0))
      );
    })
    .map((name) => `${name} is empty in the order: a mailbox cannot be without, it stays`);
}

/** `True;False` → AccountDisabled. The second half, IsDirSynced, is nobody's to write. */
function withPair(order: Order): Order {
  const pair = changedText(order, 'AccountDisabledIsDirSynced');
  if (pair === undefined || order.changes.has('accountdisabled')) return order;
  const [disabled = '', synced] = pair.split(';').map((part) => part.trim());
  const changes = new Map(order.changes);
  changes.set('accountdisabled', { name: 'AccountDisabled', value: disabled });
  if (synced !== undefined && synced !== '') changes.set('isdirsynced', { name: 'IsDirSynced', value: synced });
  return { ...order, changes };
}

const policyNote =
  'the mailbox takes no addresses from e-mail address policies any more (EmailAddressPolicyEnabled False): Exchange would change them back';

interface AddressPart {
  readonly before: readonly ProxyAddress[];
  readonly after: readonly ProxyAddress[];
  readonly switchPolicyOff: boolean;
  readonly notes: readonly string[];
}

function addressPart(
  mailbox: LiveObject,
  wish: AddressWish | undefined,
  settings: SettingChanges,
): AddressPart | undefined {
  if (wish === undefined) return undefined;
  const held = listOf(mailbox['EmailAddresses']).map(parseProxyAddress);
  const wanted = wantedAddresses(held, wish);
  if (wanted.kind === 'invalid') throw new Refused('invalid', wanted.reason);
  if (sameAddressLists(held.map(formatProxyAddress), wanted.addresses.map(formatProxyAddress))) return undefined;
  const kept = new Set(wanted.addresses.map(addressKey));
  const oldPrimary = held.find(isPrimarySmtp);
  const newPrimary = wanted.addresses.find(isPrimarySmtp);
  const primaryChanges =
    oldPrimary === undefined || newPrimary === undefined || addressKey(oldPrimary) !== addressKey(newPrimary);
  const loses = held.some((address) => address.type === 'SMTP' && !kept.has(addressKey(address)));
  const underPolicy = mailbox['EmailAddressPolicyEnabled'] === true;
  const asked = settings.asked['EmailAddressPolicyEnabled'];
  if (asked === true && primaryChanges) {
    throw new Refused(
      'invalid',
      'the order changes the primary address and asks for EmailAddressPolicyEnabled True: Exchange would change the address back',
    );
  }
  // Under a policy a new alias makes a new primary address, which the order does not ask for.
  const newAlias = 'Alias' in settings.after;
  const switchPolicyOff = underPolicy && asked === undefined && (primaryChanges || loses || newAlias);
  return {
    before: held,
    after: wanted.addresses,
    switchPolicyOff,
    notes: switchPolicyOff ? [...wanted.notes, policyNote] : wanted.notes,
  };
}

function settingNotes(mailbox: LiveObject, changes: SettingChanges): string[] {
  const notes: string[] = [];
  const useDefaults = changes.asked['UseDatabaseQuotaDefaults'] ?? mailbox['UseDatabaseQuotaDefaults'];
  const quotas = Object.keys(changes.after).filter((name) => name.endsWith('Quota'));
  if (quotas.length > 0 && useDefaults === true) {
    notes.push(
      `${quotas.join(', ')} ${quotas.length === 1 ? 'has' : 'have'} no effect while UseDatabaseQuotaDefaults is True`,
    );
  }
  const forwards = (name: string): boolean => (name in changes.after ? changes.after[name] : mailbox[name]) !== null;
  const isSet = (name: string): boolean => forwards(name) && (name in changes.after || mailbox[name] !== undefined);
  if ('ForwardingSmtpAddress' in changes.after && isSet('ForwardingSmtpAddress') && isSet('ForwardingAddress')) {
    notes.push('ForwardingAddress takes precedence over ForwardingSmtpAddress');
  }
  if (heldAside(mailbox, changes.after) !== undefined) {
    notes.push('the e-mail address policy gives the mailbox its primary address anew');
  }
  if (mailbox['IsDirSynced'] === true)
    notes.push('the mailbox is synchronised from a directory that may write the old values back');
  return notes;
}

interface KindPart {
  readonly before: string;
  readonly after: string;
  readonly type: string;
}

/** The account of a linked mailbox is said when it is made. @throws Refused */
function requireSameMaster(order: Order, mailbox: LiveObject): void {
  const wanted = changedText(order, 'LinkedMasterAccount');
  const present = textField(mailbox, 'LinkedMasterAccount');
  if (wanted === undefined || wanted.toLowerCase() === present.toLowerCase()) return;
  throw new Refused(
    'invalid',
    `LinkedMasterAccount is ${present === '' ? 'empty' : present}, the order asks for ${wanted}: orders say it of new mailboxes only`,
  );
}

function kindPart(order: Order, mailbox: LiveObject): KindPart | undefined {
  const details = textField(mailbox, 'RecipientTypeDetails');
  const present = kindOfDetails(details);
  requireSameMaster(order, mailbox);
  // A kind that orders do not make may be named as it is.
  const named = changedText(order, 'RecipientTypeDetails');
  if (present === undefined && named?.toLowerCase() === details.toLowerCase()) return undefined;
  const wanted = wantedKind(order, present);
  if (wanted === undefined || wanted === present) return undefined;
  if (wanted === 'linked' || present === undefined || present === 'linked') {
    throw new Refused('invalid', `a ${details} cannot be made a ${detailsOfKind[wanted]} by an order`);
  }
  return { before: details, after: detailsOfKind[wanted], type: typeOfKind[wanted] };
}

/** The checks that addresses are nobody else's than an object's. */
function freeFor(
  { guid }: ObjectIdentity,
  view: OrganisationView,
  settings: FulfillSettings,
): (addresses: readonly ProxyAddress[]) => readonly Check[] {
  return (addresses) =>
    addresses.flatMap((address) => addressFree(address, guid, settings.domainController, view.batchDomain));
}

/** The addresses before, where a policy changes them beside what the order asks for. */
function heldAside(mailbox: LiveObject, after: Fields): readonly string[] | undefined {
  const policy = after['EmailAddressPolicyEnabled'] ?? mailbox['EmailAddressPolicyEnabled'];
  if (policy !== true || 'EmailAddresses' in after) return undefined;
  const applies = 'Alias' in after || after['EmailAddressPolicyEnabled'] === true;
  return applies ? listOf(mailbox['EmailAddresses']) : undefined;
}

/** The one `Set-Mailbox` of a change: fields, kind and addresses together, so that they stand or fall together. */
function changeStep(
  object: ObjectIdentity,
  mailbox: LiveObject,
  changes: SettingChanges,
  kind: KindPart | undefined,
  addresses: AddressPart | undefined,
  view: OrganisationView,
  settings: FulfillSettings,
): DraftStep | undefined {
  const before: Record<string, FieldValue> = { ...changes.before };
  const after: Record<string, FieldValue> = { ...changes.after };
  const parameters: Record<string, ParameterValue> = { Identity: object.guid ?? '', ...changes.after };
  if (kind !== undefined) {
    parameters['Type'] = kind.type;
    before['RecipientTypeDetails'] = kind.before;
    after['RecipientTypeDetails'] = kind.after;
  }
  if (addresses !== undefined) {
    parameters['EmailAddresses'] = addresses.after.map(formatProxyAddress);
    before['EmailAddresses'] = addresses.before.map(formatProxyAddress);
    after['EmailAddresses'] = addresses.after.map(formatProxyAddress);
    if (addresses.switchPolicyOff) {
      parameters['EmailAddressPolicyEnabled'] = false;
      before['EmailAddressPolicyEnabled'] = true;
      after['EmailAddressPolicyEnabled'] = false;
    }
  }
  if (Object.keys(after).length === 0) return undefined;
  const gained = addresses === undefined ? [] : added(addresses.before, addresses.after);
  const free = freeFor(object, view, settings)(gained);
  // Of a mailbox that the batch itself makes, not every field is known before.
  const relied = Object.fromEntries(Object.entries(before).filter(([name]) => mailbox[name] !== undefined));
  const step = { cmdlet: 'Set-Mailbox', parameters, object, purpose: `change ${object.name}`, before, after };
  return {
    ...step,
    preconditions: [mailboxHas(object, relied), ...free],
    expectation: [mailboxHas(object, after)],
    inverse: undoSetMailbox(object, before, after, heldAside(mailbox, after), freeFor(object, view, settings)),
    retry: undefined,
    follow: undefined,
    onFailure: 'leave',
  };
}

function draftChange(ordered: Order, object: ObjectIdentity, mailbox: LiveObject, context: MailboxContext): Draft {
  const { view, settings } = context;
  const order = withPair(ordered);
  const changes = settingChanges(view, order, mailbox, catalogue);
  requireQuotaOrder(mailbox, changes.after);
  const addresses = addressPart(mailbox, addressWish(order, settings), changes);
  const kind = kindPart(order, mailbox);
  const change = changeStep(object, mailbox, changes, kind, addresses, view, settings);
  const move = movePart(order, object, mailbox, context);
  const steps = [...(change === undefined ? [] : [change]), ...move.steps];
  const before = { ...change?.before, ...move.before };
  const after = { ...change?.after, ...move.after };
  if (steps.length > 0) {
    view.setMailbox(object.guid ?? '', { ...mailbox, ...after, ...primaryField(after), ...move.leaves });
  }
  return {
    order: ordered,
    object,
    steps,
    before,
    after,
    notes: [
      ...changes.notes,
      ...emptyKeysNotes(order),
      ...(addresses?.notes ?? []),
      ...settingNotes(mailbox, changes),
      ...move.notes,
    ],
    addresses:
      addresses === undefined
        ? undefined
        : {
            guid: object.guid ?? '',
            before: addresses.before,
            after: addresses.after,
            step: 0,
            divisible: true,
            policyEnabled: mailbox['EmailAddressPolicyEnabled'] === true,
            alias: textField(mailbox, 'Alias'),
          },
    needs: move.needs,
  };
}

const disabledAccount = /AccountDisabled|DisabledUser/i;

/** What `Enable-Mailbox` takes beside the account, for a kind. @throws Refused where the account is not fit for it */
function kindParameters(order: Order, kind: MailboxKind, user: LiveObject): Record<string, ParameterValue> {
  const isDisabled =
    disabledAccount.test(textField(user, 'UserAccountControl')) || disabledAccount.test(kindOfAccount(user));
  if (kind === 'user') {
    if (!isDisabled) return {};
    throw new Refused(
      'conflict',
      `the account ${textField(user, 'SamAccountName')} is disabled, and a UserMailbox needs one that is enabled; enable it in Active Directory first, or ask for another kind (RecipientTypeDetails)`,
    );
  }
  if (!isDisabled) {
    throw new Refused(
      'conflict',
      `a ${detailsOfKind[kind]} needs an account that is disabled, and ${textField(user, 'SamAccountName')} is not; disable it in Active Directory first`,
    );
  }
  if (kind === 'shared') return { Shared: true };
  if (kind === 'room') return { Room: true };
  if (kind === 'equipment') return { Equipment: true };
  const account = changedText(order, 'LinkedMasterAccount');
  const controller = changedText(order, 'LinkedDomainController');
  if (account === undefined || controller === undefined) {
    throw new Refused(
      'invalid',
      'a linked mailbox needs LinkedMasterAccount (DOMAIN\\name) and LinkedDomainController',
    );
  }
  return { LinkedMasterAccount: account, LinkedDomainController: controller };
}

function requireEnablable(user: LiveObject, object: ObjectIdentity): void {
  const kind = kindOfAccount(user);
  if (/^(User|DisabledUser|LegacyUser|\w*UserAccount)?$/i.test(kind)) return;
  throw new Refused(
    'conflict',
    `${object.name} is a ${kind} already: Enable-Mailbox is for accounts without mail; take that away first (Disable-MailUser)`,
  );
}

function draftEnable(ordered: Order, user: LiveObject, object: ObjectIdentity, context: MailboxContext): Draft {
  const { view, settings } = context;
  const order = withPair(ordered);
  if (!view.isOverlaid(object.guid ?? '')) requireEnablable(user, object);
  const kind = wantedKind(order, undefined) ?? 'user';
  const wish = addressWish(order, settings);
  const wanted = wish === undefined ? undefined : wantedAddresses([], wish);
  if (wanted?.kind === 'invalid') throw new Refused('invalid', wanted.reason);
  const place = placeOf(order, context);
  const primary = wanted?.addresses.find(isPrimarySmtp);
  const enabled: Record<string, FieldValue> = { RecipientTypeDetails: detailsOfKind[kind] };
  const parameters: Record<string, ParameterValue> = {
    Identity: object.guid ?? '',
    ...kindParameters(order, kind, user),
  };
  if (place.name !== undefined) {
    parameters['Database'] = place.name;
    enabled['Database'] = place.name;
  }
  const alias = changedText(order, 'Alias');
  if (alias !== undefined) {
    parameters['Alias'] = alias;
    enabled['Alias'] = alias;
  }
  if (primary !== undefined) {
    parameters['PrimarySmtpAddress'] = primary.address;
    enabled['PrimarySmtpAddress'] = primary.address;
  }
  const before: Fields = Object.fromEntries(Object.keys(enabled).map((name) => [name, null]));
  const free = freeFor(object, view, settings)(wanted?.addresses ?? []);
  const enable: DraftStep = {
    cmdlet: 'Enable-Mailbox',
    parameters,
    object,
    purpose: `give ${object.name} a mailbox`,
    before,
    after: enabled,
    preconditions: [noMailbox(object), ...free],
    expectation: [mailboxHas(object, enabled)],
    inverse: {
      kind: 'calls',
      calls: [
        {
          cmdlet: 'Disable-Mailbox',
          parameters: { Identity: object.guid ?? '' },
          purpose: `take the mailbox of ${object.name} away`,
          before: enabled,
          after: before,
          preconditions: [mailboxHas(object, enabled)],
          expectation: [noMailbox(object)],
        },
      ],
      notes: ['what the mailbox has received since stays in the database, disconnected, until its retention ends'],
    },
    retry: undefined,
    follow: undefined,
    onFailure: 'leave',
  };
  const rest = afterEnable(order, object, user, enabled, wanted?.addresses ?? [], context);
  const after = { ...enabled, ...rest.step?.after };
  view.setMailbox(object.guid ?? '', {
    ...user,
    ...after,
    EmailAddresses: (wanted?.addresses ?? []).map(formatProxyAddress),
  });
  const policy =
    primary === undefined
      ? []
      : [
          'the mailbox takes no addresses from e-mail address policies (EmailAddressPolicyEnabled False), as the order names its primary address',
        ];
  return {
    order: ordered,
    object,
    steps: rest.step === undefined ? [enable] : [enable, rest.step],
    before: { ...before, ...rest.step?.before },
    after,
    notes: [...rest.notes, ...emptyKeysNotes(order), ...(wanted?.notes ?? []), ...policy],
    addresses:
      wanted === undefined
        ? undefined
        : {
            guid: object.guid ?? '',
            before: [],
            after: wanted.addresses,
            step: 0,
            divisible: false,
            policyEnabled: false,
            alias: '',
          },
    needs: place.needs,
  };
}

/** What an enabled mailbox still lacks: the other fields, the other addresses. */
function afterEnable(
  order: Order,
  object: ObjectIdentity,
  user: LiveObject,
  enabled: Fields,
  addresses: readonly ProxyAddress[],
  context: MailboxContext,
): { readonly step: DraftStep | undefined; readonly notes: readonly string[] } {
  // Of the new mailbox nothing is known but what the account has: what the order names is set.
  const known: LiveObject = { ...accountFields(user), ...enabled };
  const changes = settingChanges(context.view, order, known, catalogue);
  requireQuotaOrder(newMailboxQuotas, changes.after);
  const primary = addresses.filter(isPrimarySmtp);
  const others = addresses.filter((address) => !isPrimarySmtp(address));
  const before: Record<string, FieldValue> = { ...changes.before };
  const after: Record<string, FieldValue> = { ...changes.after };
  const parameters: Record<string, ParameterValue> = { Identity: object.guid ?? '', ...changes.after };
  if (others.length > 0) {
    parameters['EmailAddresses'] = { add: others.map(formatProxyAddress) };
    before['EmailAddresses'] = primary.map(formatProxyAddress);
    after['EmailAddresses'] = addresses.map(formatProxyAddress);
  }
  if (Object.keys(after).length === 0) return { step: undefined, notes: changes.notes };
  const relied = others.length > 0 ? { EmailAddresses: before['EmailAddresses'] ?? null } : {};
  const step: DraftStep = {
    cmdlet: 'Set-Mailbox',
    parameters,
    object,
    purpose: `set up the mailbox of ${object.name}`,
    before,
    after,
    preconditions: [mailboxHas(object, relied)],
    expectation: [mailboxHas(object, after)],
    inverse: { kind: 'calls', calls: [], notes: [] },
    retry: undefined,
    follow: undefined,
    onFailure: 'leave',
  };
  return { step, notes: [...changes.notes, ...settingNotes(known, changes)] };
}

const sharedWithAccount = ['DisplayName', 'Name', 'UserPrincipalName', 'SamAccountName', 'DistinguishedName'] as const;

function accountFields(user: LiveObject): LiveObject {
  return Object.fromEntries(
    sharedWithAccount.flatMap((name) => {
      const value = user[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function draftDisable(
  order: Order,
  user: LiveObject,
  object: ObjectIdentity,
  mailbox: LiveObject,
  context: MailboxContext,
): Draft {
  const { view, settings } = context;
  const remove = settings.allowRemoveMailbox;
  const before: Record<string, FieldValue> = {};
  for (const name of ['RecipientTypeDetails', 'Database', 'PrimarySmtpAddress', 'EmailAddresses', 'Alias']) {
    const value = mailbox[name];
    if (value !== undefined && value !== null) before[name] = value;
  }
  if (mailbox['LitigationHoldEnabled'] === true) {
    throw new Refused(
      'not-allowed',
      'the mailbox is on litigation hold: it is not taken away before the hold is lifted',
    );
  }
  const after: Fields = Object.fromEntries(Object.keys(before).map((name) => [name, null]));
  const relied: Record<string, FieldValue> = { ...before };
  if (typeof mailbox['ExchangeGuid'] === 'string') relied['ExchangeGuid'] = mailbox['ExchangeGuid'];
  const account = textField(user, 'SamAccountName') || object.name;
  const step: DraftStep = {
    cmdlet: remove ? 'Remove-Mailbox' : 'Disable-Mailbox',
    parameters: { Identity: object.guid ?? '' },
    object,
    purpose: remove
      ? `remove the mailbox of ${object.name} and the account ${account}`
      : `take the mailbox of ${object.name} away; the account ${account} stays`,
    before,
    after,
    preconditions: [mailboxHas(object, relied)],
    expectation: [noMailbox(object)],
    inverse: remove
      ? {
          kind: 'impossible',
          reason: `Remove-Mailbox deleted the account ${account}: it has to be restored in Active Directory, then its mailbox can be connected`,
        }
      : undoDisable(object, mailbox, freeFor(object, view, settings)),
    retry: undefined,
    follow: undefined,
    onFailure: 'leave',
  };
  view.setMailbox(object.guid ?? '', undefined);
  const archive = textField(mailbox, 'ArchiveGuid').replace(/[0-]/g, '') !== '';
  return {
    order,
    object,
    steps: [step],
    before,
    after,
    notes: [
      ...(remove ? [`AllowRemoveMailbox is True: the account ${account} is deleted with the mailbox`] : []),
      ...(archive ? ['its archive goes with it'] : []),
    ],
    addresses: {
      guid: object.guid ?? '',
      before: listOf(mailbox['EmailAddresses']).map(parseProxyAddress),
      after: [],
      step: 0,
      divisible: false,
      policyEnabled: false,
      alias: '',
    },
    needs: [],
  };
}
