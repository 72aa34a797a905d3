/*
 * The two halves of a divided address change: the mailbox gives up some addresses, and later has the ones it is to have.
 * In between it must have a primary address: one that stays, or one made for the time between.
 */
import { addressFree, mailboxHas, searchedAddress } from './checks.ts';
import type { AddressChange, Draft, DraftStep } from './draft.ts';
import type { Fields } from './field-value.ts';
import { undoSetMailbox } from './mailbox-undo.ts';
import type { OrganisationView } from './organisation-view.ts';
import type { Check, ParameterValue } from './plan.ts';
import { addressKey, formatProxyAddress, isPrimarySmtp, type ProxyAddress } from './proxy-address.ts';
import { Refused } from './refused.ts';

const mostTries = 5;

/** An address that nobody has: told from others by the mailbox's GUID. @throws ReadingNeeded */
function passingAddress(change: AddressChange, domain: string, view: OrganisationView): ProxyAddress {
  const name = (change.alias.replace(/[^A-Za-z0-9]/g, '') || 'mailbox').slice(0, 20).toLowerCase();
  for (let attempt = 1; attempt <= mostTries; attempt += 1) {
    const suffix = attempt === 1 ? '' : `-${attempt}`;
    const address = `${name}-${change.guid.replaceAll('-', '').slice(0, 12)}${suffix}@${domain}`;
    const passing: ProxyAddress = { type: 'SMTP', address, primary: true };
    if (view.holders(searchedAddress(passing)).length === 0) return passing;
  }
  throw new Refused('conflict', `no address was free for the time between two steps; ${mostTries} were tried`);
}

function between(change: AddressChange, keys: readonly string[], view: OrganisationView): ProxyAddress[] {
  const kept = change.before.filter((address) => !keys.includes(addressKey(address)));
  if (kept.some(isPrimarySmtp)) return kept;
  const later = new Set(change.after.map(addressKey));
  const smtp = kept.filter(({ type }) => type === 'SMTP');
  const next = smtp.find((address) => later.has(addressKey(address))) ?? smtp[0];
  if (next !== undefined) {
    return kept.map((address) => (address === next ? { ...address, primary: true } : address));
  }
  const old = change.before.find(isPrimarySmtp)?.address ?? '';
  return [passingAddress(change, old.slice(old.lastIndexOf('@') + 1), view), ...kept];
}

/** Both halves of a divided order. */
export interface Halves {
  readonly release: DraftStep;
  readonly rest: readonly DraftStep[];
}

/** @throws ReadingNeeded, Refused */
export function divide(
  draft: Draft,
  change: AddressChange,
  keys: readonly string[],
  view: OrganisationView,
  domainController: string | undefined,
): Halves {
  const free = (addresses: readonly ProxyAddress[]): Check[] =>
    addresses.flatMap((address) => addressFree(address, change.guid, domainController, view.batchDomain));
  const passing = between(change, keys, view).map(formatProxyAddress);
  const held = change.before.map(formatProxyAddress);
  const policyOff = change.policyEnabled;
  const before: Fields = { EmailAddresses: held, ...(policyOff ? { EmailAddressPolicyEnabled: true } : {}) };
  const after: Fields = { EmailAddresses: passing, ...(policyOff ? { EmailAddressPolicyEnabled: false } : {}) };
  const parameters: Record<string, ParameterValue> = { Identity: change.guid, ...after };
  const release: DraftStep = {
    cmdlet: 'Set-Mailbox',
    parameters,
    object: draft.object,
    purpose: `${draft.object.name} gives up ${keys.map((key) => key.slice(key.indexOf(':') + 1)).join(', ')}, which goes to another mailbox`,
    before,
    after,
    preconditions: [mailboxHas(draft.object, before)],
    expectation: [mailboxHas(draft.object, after)],
    inverse: undoSetMailbox(draft.object, {}, before, after, { held: undefined, free }),
    retry: undefined,
    follow: undefined,
    onFailure: 'leave',
  };
  return {
    release,
    rest: draft.steps.map((step, at) => (at === change.step ? secondHalf(draft, change, step, after, free) : step)),
  };
}

function secondHalf(
  draft: Draft,
  change: AddressChange,
  step: DraftStep,
  passing: Fields,
  free: (addresses: readonly ProxyAddress[]) => readonly Check[],
): DraftStep {
  const before: Fields = { ...step.before, ...passing };
  const relied = Object.fromEntries(Object.keys(step.before).map((name) => [name, before[name] ?? null]));
  const own: Check = mailboxHas(draft.object, { ...relied, EmailAddresses: passing['EmailAddresses'] ?? null });
  return {
    ...step,
    before: relied,
    preconditions: [own, ...step.preconditions.slice(1)],
    inverse: undoSetMailbox(draft.object, change.mailbox, relied, step.after, { held: undefined, free }),
    onFailure: 'takeBack',
  };
}
