/* What -Identity takes for a recipient: any of its names, or a name with `*` at an end. */
import { parseGuid } from '@exchange-connector/psrp';
import type { DomainController } from '../organization/domain-controller.ts';
import type { Recipient } from '../organization/mailbox.ts';
import type { Organization } from '../organization/organization.ts';
import type { NameForm } from '../organization/recipient-index.ts';
import { matchesWildcard } from './wildcard.ts';

const noGuid = '00000000-0000-0000-0000-000000000000';

function addresses(recipient: Recipient): readonly string[] {
  return recipient.emailAddresses.map((address) => address.slice(address.indexOf(':') + 1).toLowerCase());
}

/** A test for one identity, and where the index looks for it; a wildcard is not looked up. */
export interface IdentityTest {
  readonly matches: (recipient: Recipient) => boolean;
  readonly lookup: { readonly form: NameForm; readonly text: string } | undefined;
}

/** The name that a canonical name ends in, or undefined for what is none. */
function lastComponent(canonical: string): string {
  const parts = canonical.match(/(?:[^/\\]|\\.)+/gs) ?? [canonical];
  return (parts.at(-1) as string).replace(/\\(.)/gs, '$1');
}

/** The name that a distinguished name begins with. */
function firstRdn(dn: string): string {
  const value = /^cn=((?:[^,\\]|\\.)*)/is.exec(dn)?.[1] ?? dn;
  return value.replace(/\\(0A|0D|.)/gis, (_, escaped: string) =>
    escaped.toUpperCase() === '0A' ? '\n' : escaped.toUpperCase() === '0D' ? '\r' : escaped,
  );
}

/** How an identity is to be understood; the test reads no more of a recipient than this form needs. */
export function identityTest(identity: string): IdentityTest {
  const wanted = identity.toLowerCase();
  const guid = parseGuid(identity);
  if (guid !== undefined) {
    return {
      matches: (r) => guid !== noGuid && (r.guid === guid || r.exchangeGuid === guid),
      lookup: { form: 'guid', text: guid },
    };
  }
  if (wanted.startsWith('cn=')) {
    return {
      matches: (r) => r.distinguishedName.toLowerCase() === wanted,
      lookup: { form: 'name', text: firstRdn(identity) },
    };
  }
  if (wanted.startsWith('/o=')) {
    return {
      matches: (r) => r.legacyExchangeDn.toLowerCase() === wanted,
      lookup: { form: 'legacyDn', text: identity },
    };
  }
  if (/^[^\\/@]+\\[^\\/]+$/.test(identity)) {
    const [domain, sam] = wanted.split('\\') as [string, string];
    return {
      matches: (r) =>
        r.samAccountName.toLowerCase() === sam &&
        (r.domain.netBiosName.toLowerCase() === domain || r.domain.name === domain),
      lookup: { form: 'account', text: sam },
    };
  }
  if (wanted.includes('*')) {
    return {
      matches: (r) => [r.name, r.displayName, r.alias].some((text) => matchesWildcard(text, identity)),
      lookup: undefined,
    };
  }
  if (wanted.includes('@')) {
    // An address may come with its type.
    const bare = wanted.replace(/^smtp:/, '');
    return {
      matches: (r) => r.userPrincipalName.toLowerCase() === wanted || addresses(r).includes(bare),
      lookup: { form: 'address', text: bare },
    };
  }
  if (wanted.includes('/')) {
    return {
      matches: (r) => r.canonicalName.toLowerCase() === wanted || r.name.toLowerCase() === wanted,
      // The text as a whole may be a name too; where it is, its last component is looked up in vain.
      lookup:
        identity.includes('\\') || !/^[^/]+\.[^/]+\//.test(identity)
          ? undefined
          : { form: 'name', text: lastComponent(identity) },
    };
  }
  return {
    matches: (r) => [r.samAccountName, r.alias, r.name, r.displayName].some((text) => text.toLowerCase() === wanted),
    lookup: { form: 'plain', text: identity },
  };
}

/** A test for one identity. */
export function matchesIdentity(identity: string): (recipient: Recipient) => boolean {
  return identityTest(identity).matches;
}

/**
 * The ids of recipients of one controller's copy that may answer to a name, in the directory's order: those the
 * index of the computed ones knows, and that of the changed ones. Undefined: any may.
 */
export function candidateIds(
  organization: Organization,
  controller: DomainController,
  lookup: IdentityTest['lookup'],
): readonly number[] | undefined {
  if (lookup === undefined) return undefined;
  const indexed = organization.index.candidates(lookup.form, lookup.text);
  return [...new Set([...indexed, ...controller.changedNamed(lookup.form, lookup.text)])].sort((a, b) => a - b);
}
