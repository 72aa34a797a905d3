/*
 * One mailbox order → its steps, on the state that the orders before it leave. Whether its addresses are free is decided
 * for the whole batch, later.
 */
import { freeFor, mailboxHas, noMailbox } from './checks.ts';
import type { Draft, DraftStep } from './draft.ts';
import { listOf } from './field-rule.ts';
import type { FieldValue, Fields } from './field-value.ts';
import type { LiveObject } from './live-state.ts';
import { draftChange } from './mailbox-change.ts';
import { draftEnable, isDisabledAccount, kindOfAccount } from './mailbox-enable.ts';
import { describeIdentity, findAccount, mailboxObject, requireTouchable } from './mailbox-identity.ts';
import type { MailboxContext } from './mailbox-place.ts';
import { hasArchive, undoDisable } from './mailbox-reconnect.ts';
import type { Order } from './order.ts';
import { type OrganisationView, textField } from './organisation-view.ts';
import type { FulfillSettings, ObjectIdentity } from './plan.ts';
import { parseProxyAddress } from './proxy-address.ts';
import { Refused } from './refused.ts';

/** @throws Refused, ReadingNeeded */
export function draftMailboxOrder(order: Order, context: MailboxContext): Draft {
  const { view, settings } = context;
  const user = findAccount(view, order);
  if (user === undefined) return withoutAccount(order, settings);
  const object = mailboxObject(user);
  const mailbox = hasMailbox(user, view, object) ? view.mailbox(object.guid ?? '', object.domain) : undefined;
  requireTouchable(settings, user, mailbox);
  switch (order.changeType) {
    case 'Added':
      if (mailbox === undefined) return draftEnable(order, user, object, context);
      return withNote(
        draftChange(order, object, mailbox, isDisabledAccount(user), context),
        'the mailbox exists already: it is brought to what the order asks for',
      );
    case 'Modified':
      if (mailbox !== undefined) return draftChange(order, object, mailbox, isDisabledAccount(user), context);
      throw new Refused('not-found', `${object.name} has no mailbox (it is a ${kindOfAccount(user)})`);
    case 'Deleted':
      return mailbox === undefined
        ? nothing(order, object, `${object.name} has no mailbox: nothing is to be taken away`)
        : draftDisable(order, user, object, mailbox, context);
  }
}

/** Asking for the mailbox of an account that is known to have none would be a question for nothing. */
function hasMailbox(user: LiveObject, view: OrganisationView, object: ObjectIdentity): boolean {
  if (view.isOverlaid(object.guid ?? '')) return true;
  return /Mailbox$/i.test(kindOfAccount(user)) && !/^Remote/i.test(kindOfAccount(user));
}

function withoutAccount(order: Order, { forestInView, domainController }: FulfillSettings): Draft {
  const identity = order.identities[0];
  const named = identity === undefined ? '' : describeIdentity(identity);
  if (forestInView === false) {
    const seen = domainController === undefined ? "the account's own domain" : `the domain of ${domainController}`;
    throw new Refused(
      'not-allowed',
      `there is no account with ${named} in ${seen}, and no other domain is in view: give the account of this connection a role with Set-ADServerSettings, e.g. "View-Only Configuration"`,
    );
  }
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
      : undoDisable(
          object,
          isDisabledAccount(user) ? { ...mailbox, AccountDisabled: true } : mailbox,
          freeFor(object, view, settings),
          settings.linkedDomainController,
        ),
    retry: undefined,
    follow: undefined,
    onFailure: 'leave',
  };
  view.setMailbox(object.guid ?? '', undefined);
  return {
    order,
    object,
    steps: [step],
    before,
    after,
    notes: [
      ...(remove ? [`AllowRemoveMailbox is True: the account ${account} is deleted with the mailbox`] : []),
      ...(hasArchive(mailbox) ? ['its archive goes with it'] : []),
    ],
    addresses: {
      guid: object.guid ?? '',
      before: listOf(mailbox['EmailAddresses']).map(parseProxyAddress),
      after: [],
      step: 0,
      divisible: false,
      policyEnabled: false,
      alias: '',
      mailbox: {},
    },
    needs: [],
  };
}
