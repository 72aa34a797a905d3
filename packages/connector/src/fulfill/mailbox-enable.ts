/* An account that gets a mailbox: `Enable-Mailbox`, then one `Set-Mailbox` for what else the order names. */
import { freeFor, mailboxHas, noMailbox } from './checks.ts';
import type { Draft, DraftStep } from './draft.ts';
import type { FieldValue, Fields } from './field-value.ts';
import type { LiveObject } from './live-state.ts';
import {
  changedText,
  detailsOfKind,
  kindOfDetails,
  type MailboxKind,
  requireResource,
  wantedKind,
} from './mailbox-kind.ts';
import { type MailboxContext, placeOf } from './mailbox-place.ts';
import {
  addressWish,
  emptyKeysNotes,
  forced,
  mailboxCatalogue,
  noForwarding,
  settingNotes,
  withPair,
} from './mailbox-wishes.ts';
import type { Order } from './order.ts';
import { textField } from './organisation-view.ts';
import type { FulfillSettings, ObjectIdentity, ParameterValue } from './plan.ts';
import { formatProxyAddress, isPrimarySmtp, type ProxyAddress } from './proxy-address.ts';
import { Refused } from './refused.ts';
import { newMailboxQuotas, requireQuotaOrder, settingChanges } from './setting-changes.ts';
import { wantedAddresses } from './wanted-addresses.ts';

/** What an account is, as `Get-User` says it. */
export function kindOfAccount(user: LiveObject): string {
  return textField(user, 'RecipientTypeDetails') || textField(user, 'RecipientType') || 'User';
}

const disabledAccount = /AccountDisabled|DisabledUser/i;

/** Whether an account cannot log on, as the directory says it: a mailbox tells only what Exchange keeps of that. */
export function isDisabledAccount(user: LiveObject): boolean {
  return disabledAccount.test(textField(user, 'UserAccountControl')) || disabledAccount.test(kindOfAccount(user));
}

/** What `Enable-Mailbox` takes beside the account, for a kind. @throws Refused where the account is not fit for it */
function kindParameters(
  order: Order,
  kind: MailboxKind,
  user: LiveObject,
  settings: FulfillSettings,
): Record<string, ParameterValue> {
  const isDisabled = isDisabledAccount(user);
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
  const controller = changedText(order, 'LinkedDomainController') ?? settings.linkedDomainController;
  if (account === undefined || controller === undefined) {
    throw new Refused(
      'invalid',
      'a linked mailbox needs LinkedMasterAccount (DOMAIN\\name) and LinkedDomainController, which may stand in Options, too',
    );
  }
  return { LinkedMasterAccount: account, LinkedDomainController: controller };
}

/** The kind of a new mailbox whose order names none. @throws Refused */
function unsaidKind(order: Order, { newMailboxKind }: FulfillSettings): MailboxKind {
  if (changedText(order, 'LinkedMasterAccount') !== undefined) return 'linked';
  if (newMailboxKind === undefined) return 'user';
  const kind = kindOfDetails(newMailboxKind);
  if (kind !== undefined) return kind;
  throw new Refused(
    'invalid',
    `RecipientTypeDetails of Options is "${newMailboxKind}"; allowed are ${Object.values(detailsOfKind).join(', ')}`,
  );
}

function requireEnablable(user: LiveObject, object: ObjectIdentity): void {
  const kind = kindOfAccount(user);
  if (/^(User|DisabledUser|LegacyUser|\w*UserAccount)?$/i.test(kind)) return;
  throw new Refused(
    'conflict',
    `${object.name} is a ${kind} already: Enable-Mailbox is for accounts without mail; take that away first (Disable-MailUser)`,
  );
}

/** @throws Refused, ReadingNeeded */
export function draftEnable(ordered: Order, user: LiveObject, object: ObjectIdentity, context: MailboxContext): Draft {
  const { view, settings } = context;
  const order = withPair(ordered);
  if (!view.isOverlaid(object.guid ?? '')) requireEnablable(user, object);
  const kind = wantedKind(order, undefined) ?? unsaidKind(order, settings);
  const wish = addressWish(order, settings);
  const wanted = wish === undefined ? undefined : wantedAddresses([], wish);
  if (wanted?.kind === 'invalid') throw new Refused('invalid', wanted.reason);
  const place = placeOf(order, context);
  const primary = wanted?.addresses.find(isPrimarySmtp);
  const enabled: Record<string, FieldValue> = { RecipientTypeDetails: detailsOfKind[kind] };
  const parameters: Record<string, ParameterValue> = {
    Identity: object.guid ?? '',
    ...kindParameters(order, kind, user, settings),
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
            mailbox: {},
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
  const changes = settingChanges(context.view, order, known, mailboxCatalogue);
  requireQuotaOrder(newMailboxQuotas, changes.after);
  requireResource(String(enabled['RecipientTypeDetails']), changes.after);
  const primary = addresses.filter(isPrimarySmtp);
  const others = addresses.filter((address) => !isPrimarySmtp(address));
  const before: Record<string, FieldValue> = { ...changes.before };
  const after: Record<string, FieldValue> = { ...changes.after };
  const parameters: Record<string, ParameterValue> = {
    Identity: object.guid ?? '',
    ...changes.after,
    ...forced(noForwarding, changes.after),
  };
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
  return { step, notes: [...changes.notes, ...settingNotes({ ...newMailboxQuotas, ...known }, changes)] };
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
