/* What a step relies on and what it has to lead to, as questions for the moment of carrying it out. */
import type { Fields } from './field-value.ts';
import type { Read } from './live-state.ts';
import type { OrganisationView } from './organisation-view.ts';
import type { Check, FulfillSettings, ObjectIdentity } from './plan.ts';
import { formatProxyAddress, type ProxyAddress } from './proxy-address.ts';

/** The read of a mailbox. */
export function mailboxRead(object: ObjectIdentity): Read {
  return { kind: 'mailbox', guid: object.guid ?? '', domain: object.domain };
}

/** A mailbox with these fields. */
export function mailboxHas(object: ObjectIdentity, fields: Fields): Check {
  return { read: mailboxRead(object), expect: { kind: 'fields', fields } };
}

/** No mailbox. */
export function noMailbox(object: ObjectIdentity): Check {
  return { read: mailboxRead(object), expect: { kind: 'absent' } };
}

/** The text that addresses are searched by. */
export function searchedAddress(address: ProxyAddress): string {
  return formatProxyAddress({ ...address, primary: false });
}

/** An address that nobody but one object has, as the batch's controller and the forest see it. */
export function addressFree(
  address: ProxyAddress,
  guid: string | undefined,
  domainController: string | undefined,
  batchDomain: string | undefined,
): Check[] {
  const searched = searchedAddress(address);
  const check = (view: 'batch' | 'forest', outside: string | undefined): Check => ({
    read: { kind: 'addressHolders', address: searched, view },
    expect: { kind: 'noneBut', guid, outside },
  });
  return domainController === undefined
    ? [check('forest', undefined)]
    : [check('batch', undefined), check('forest', batchDomain)];
}

/** The checks that addresses are nobody else's than an object's. */
export function freeFor(
  { guid }: ObjectIdentity,
  view: OrganisationView,
  settings: FulfillSettings,
): (addresses: readonly ProxyAddress[]) => readonly Check[] {
  return (addresses) =>
    addresses.flatMap((address) => addressFree(address, guid, settings.domainController, view.batchDomain));
}
