/* What -Identity takes for a mailbox: any of its names, or a name with `*` at an end. */
import { parseGuid } from '@exchange-connector/psrp';
import type { Recipient } from '../organization/mailbox.ts';
import { matchesWildcard } from './wildcard.ts';

function addresses(mailbox: Recipient): readonly string[] {
  return mailbox.emailAddresses.map((address) => address.slice(address.indexOf(':') + 1).toLowerCase());
}

/** A test for one identity, that reads no more of a mailbox than this form of identity needs. */
export function matchesIdentity(identity: string): (mailbox: Recipient) => boolean {
  const wanted = identity.toLowerCase();
  const guid = parseGuid(identity);
  if (guid !== undefined) return (m) => m.guid === guid || m.exchangeGuid === guid;
  if (wanted.startsWith('cn=')) return (m) => m.distinguishedName.toLowerCase() === wanted;
  if (wanted.startsWith('/o=')) return (m) => m.legacyExchangeDn.toLowerCase() === wanted;
  if (/^[^\\/@]+\\[^\\/]+$/.test(identity)) {
    const [domain, sam] = wanted.split('\\') as [string, string];
    return (m) =>
      m.samAccountName.toLowerCase() === sam &&
      (m.domain.netBiosName.toLowerCase() === domain || m.domain.name === domain);
  }
  if (wanted.includes('*'))
    return (m) => [m.name, m.displayName, m.alias].some((text) => matchesWildcard(text, identity));
  if (wanted.includes('@')) return (m) => m.userPrincipalName.toLowerCase() === wanted || addresses(m).includes(wanted);
  if (wanted.includes('/')) return (m) => m.canonicalName.toLowerCase() === wanted || m.name.toLowerCase() === wanted;
  return (m) => [m.samAccountName, m.alias, m.name, m.displayName].some((text) => text.toLowerCase() === wanted);
}
