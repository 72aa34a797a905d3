/* Recipients that are no mailboxes: accounts without mail, contacts, groups, mail users, remote mailboxes, folders. */
import {
  administrativeGroup,
  type Domain,
  organizationName,
  type OrganizationalUnit,
  rootDomainName,
} from './forest.ts';
import { guidAt, pick, rootOf } from './hash.ts';
import { noMailbox, type StoredAttributes } from './live-recipient.ts';
import type { RecipientClass } from './mailbox.ts';
import { familyNames, givenNames, plainLetters, teams } from './names.ts';

const realmOthers = 14;
/** Computed mailboxes forward to `Contact 0` to `Contact 96` of their domain. */
const contactsPerDomain = 97;
const perDomain: Readonly<Partial<Record<RecipientClass, number>>> = {
  contact: contactsPerDomain,
  group: 10,
  mailUser: 6,
  remoteMailbox: 6,
  publicFolder: 5,
};

function shell(seed: number, serial: number, unit: OrganizationalUnit, name: string): StoredAttributes {
  return {
    ...noMailbox,
    name,
    displayName: name,
    samAccountName: '',
    userPrincipalName: '',
    unitGuid: unit.guid,
    guid: guidAt(rootOf(seed, realmOthers, serial), 0),
    accountDisabled: false,
    isDirSynced: false,
    whenCreated: { ms: Date.UTC(2018, 2, 1 + (serial % 28), 9, serial % 60, 7), fraction: '' },
    office: '',
  };
}

/** The distinguished name that Exchange's own directory knows a recipient by. */
export function legacyDnOf(guid: string, alias: string): string {
  return `/o=${organizationName}/ou=${administrativeGroup}/cn=Recipients/cn=${guid.replaceAll('-', '')}-${alias}`;
}

function account(seed: number, serial: number, domain: Domain): StoredAttributes {
  const given = pick(givenNames, serial * 7 + 3);
  const family = pick(familyNames, serial * 11 + 5);
  const letters = (plainLetters(given).slice(0, 1) + plainLetters(family)).slice(0, 12);
  const sam = `${letters === '' ? 'n' : letters}.n${serial}`;
  return {
    ...shell(seed, serial, pick(domain.staff, serial), `${given} ${family} (${serial})`),
    samAccountName: sam,
    userPrincipalName: `${sam}@${domain.name}`,
    accountDisabled: serial % 9 === 8,
  };
}

function mailEnabled(seed: number, serial: number, domain: Domain, kind: RecipientClass, n: number): StoredAttributes {
  const names: Readonly<Partial<Record<RecipientClass, readonly [string, string, OrganizationalUnit]>>> = {
    contact: [`Contact ${n}`, `contact${n}`, domain.partners],
    group: [`${pick(teams, n)} Team ${n}`, `team${n}`, domain.groups],
    mailUser: [`Mail User ${n}`, `mailuser${n}`, domain.partners],
    remoteMailbox: [`Remote Mailbox ${n}`, `remote${n}`, pick(domain.staff, n)],
    publicFolder: [`Folder ${n}`, `folder${n}`, domain.systemObjects],
  };
  const [name, word, unit] = names[kind] as readonly [string, string, OrganizationalUnit];
  const alias = domain.name === rootDomainName ? word : `emea.${word}`;
  const base = shell(seed, serial, unit, name);
  const external =
    kind === 'remoteMailbox'
      ? `SMTP:${alias}@cloud.mail.example.test`
      : kind === 'contact' || kind === 'mailUser'
        ? `SMTP:${alias}@partner.example`
        : undefined;
  const own = kind === 'contact' ? `${alias}@partner.example` : `${alias}@${rootDomainName}`;
  const isAccount = kind === 'mailUser' || kind === 'remoteMailbox';
  return {
    ...base,
    recipientClass: kind,
    alias,
    samAccountName: isAccount ? alias : kind === 'group' ? name : '',
    userPrincipalName: isAccount ? `${alias}@${domain.name}` : '',
    legacyExchangeDn: legacyDnOf(base.guid, alias),
    externalEmailAddress: external,
    emailAddresses: [
      `SMTP:${own}`,
      ...(n % 3 === 1 ? [`smtp:${alias}.old@${rootDomainName}`] : []),
      ...(kind === 'remoteMailbox' ? [`smtp:${alias}@cloud.mail.example.test`] : []),
    ],
    emailAddressPolicyEnabled: kind === 'group' && n % 2 === 0,
  };
}

/** The recipients of both domains that are no mailboxes, `users` accounts without mail among them. */
export function createOthers(seed: number, domains: readonly Domain[], users: number): readonly StoredAttributes[] {
  const made: StoredAttributes[] = [];
  for (const domain of domains) {
    for (const [kind, count] of Object.entries(perDomain) as readonly [RecipientClass, number][])
      for (let n = 0; n < count; n += 1) made.push(mailEnabled(seed, made.length, domain, kind, n));
  }
  for (let n = 0; n < users; n += 1) made.push(account(seed, made.length, pick(domains, n % 4 === 3 ? 1 : 0)));
  return made;
}
