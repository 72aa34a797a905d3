/* A mailbox that is there, brought to what an order asks for: one `Set-Mailbox`, and a move. */
import { freeFor, mailboxHas } from './checks.ts';
import type { Draft, DraftStep } from './draft.ts';
import { listOf, showValue } from './field-rule.ts';
import type { FieldValue, Fields } from './field-value.ts';
import type { LiveObject } from './live-state.ts';
import { changedText, detailsOfKind, kindOfDetails, requireResource, typeOfKind, wantedKind } from './mailbox-kind.ts';
import type { MailboxContext } from './mailbox-place.ts';
import { undoSetMailbox } from './mailbox-undo.ts';
import {
  addressWish,
  emptyKeysNotes,
  forced,
  heldAside,
  mailboxCatalogue,
  settingNotes,
  withPair,
} from './mailbox-wishes.ts';
import { movePart } from './move-order.ts';
import type { Order } from './order.ts';
import { type OrganisationView, textField } from './organisation-view.ts';
import type { FulfillSettings, ObjectIdentity, ParameterValue } from './plan.ts';
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
import { requireQuotaOrder, type SettingChanges, settingChanges } from './setting-changes.ts';
import { type AddressWish, wantedAddresses } from './wanted-addresses.ts';

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

interface KindPart {
  readonly before: string;
  readonly after: string;
  readonly type: string;
  /** What a room or equipment loses when it becomes something else. */
  readonly lost: Fields;
  readonly notes: readonly string[];
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

function kindPart(order: Order, mailbox: LiveObject, changes: SettingChanges): KindPart | undefined {
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
  // The type settles whether the account can log on: enabled for a user's mailbox, disabled for the others.
  const isDisabled = wanted !== 'user';
  const asked = changes.asked['AccountDisabled'];
  const does = `Exchange ${isDisabled ? 'disables' : 'enables'} the account of a mailbox that becomes a ${detailsOfKind[wanted]}`;
  if (asked !== undefined && asked !== isDisabled) {
    throw new Refused(
      'invalid',
      `${does}, and the order asks for AccountDisabled ${showValue(asked)}: leave that out, and settle it in Active Directory afterwards`,
    );
  }
  return {
    before: details,
    after: detailsOfKind[wanted],
    type: typeOfKind[wanted],
    lost: wanted === 'user' || wanted === 'shared' ? capacityOf(mailbox) : {},
    notes: (present === 'user') === (wanted === 'user') ? [] : [does],
  };
}

function capacityOf({ ResourceCapacity: capacity }: LiveObject): Fields {
  return capacity === undefined || capacity === null ? {} : { ResourceCapacity: capacity };
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
  known: LiveObject,
): DraftStep | undefined {
  const before: Record<string, FieldValue> = { ...changes.before };
  const after: Record<string, FieldValue> = { ...changes.after };
  const parameters: Record<string, ParameterValue> = {
    Identity: object.guid ?? '',
    ...changes.after,
    ...forced(mailbox, changes.after),
  };
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
  requireResource(textField({ ...mailbox, ...after }, 'RecipientTypeDetails'), changes.after);
  const gained = addresses === undefined ? [] : added(addresses.before, addresses.after);
  const free = freeFor(object, view, settings)(gained);
  // Of a mailbox that the batch itself makes, not every field is known before.
  const relied = Object.fromEntries(Object.entries(before).filter(([name]) => mailbox[name] !== undefined));
  const step = { cmdlet: 'Set-Mailbox', parameters, object, purpose: `change ${object.name}`, before, after };
  return {
    ...step,
    preconditions: [mailboxHas(object, relied), ...free],
    expectation: [mailboxHas(object, after)],
    inverse: undoSetMailbox(object, known, { ...before, ...kind?.lost }, after, {
      held: heldAside(mailbox, after),
      free: freeFor(object, view, settings),
    }),
    retry: undefined,
    follow: undefined,
    onFailure: 'leave',
  };
}

/** @param isLocked the account cannot log on @throws Refused, ReadingNeeded */
export function draftChange(
  ordered: Order,
  object: ObjectIdentity,
  mailbox: LiveObject,
  isLocked: boolean,
  context: MailboxContext,
): Draft {
  const { view, settings } = context;
  const order = withPair(ordered);
  const changes = settingChanges(view, order, mailbox, mailboxCatalogue);
  requireQuotaOrder(mailbox, changes.after);
  const addresses = addressPart(mailbox, addressWish(order, settings), changes);
  const kind = kindPart(order, mailbox, changes);
  const known = isLocked ? { ...mailbox, AccountDisabled: true } : mailbox;
  const change = changeStep(object, mailbox, changes, kind, addresses, view, settings, known);
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
      ...(kind?.notes ?? []),
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
            mailbox: known,
          },
    needs: move.needs,
  };
}
