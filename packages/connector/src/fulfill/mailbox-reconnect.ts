/* How a mailbox that was disabled, and its archive, are given back to their account. */
import { mailboxHas, noMailbox } from './checks.ts';
import { listOf } from './field-rule.ts';
import type { FieldValue, Fields } from './field-value.ts';
import type { LiveObject } from './live-state.ts';
import { mailboxRules } from './mailbox-fields.ts';
import { kindOfDetails } from './mailbox-kind.ts';
import { lockedUser, policyNote, restoring } from './mailbox-undo.ts';
import { forced, noForwarding } from './mailbox-wishes.ts';
import { textField } from './organisation-view.ts';
import type { Check, Inverse, InverseCall, ObjectIdentity, ParameterValue } from './plan.ts';
import { parseProxyAddress, type ProxyAddress } from './proxy-address.ts';

const ownedByAccount = new Set(['Name', 'UserPrincipalName', 'AccountDisabled']);
const kindSwitch: Readonly<Record<string, string>> = { shared: 'Shared', room: 'Room', equipment: 'Equipment' };

/** Whether a mailbox has an archive on the premises. */
export function hasArchive(mailbox: LiveObject): boolean {
  return textField(mailbox, 'ArchiveGuid').replace(/[0-]/g, '') !== '';
}

/** A command as an administrator types it. */
function typed(parameters: Readonly<Record<string, ParameterValue>>): string {
  const words = Object.entries(parameters).map(([name, value]) =>
    value === true ? `-${name}` : `-${name} '${String(value).replaceAll("'", "''")}'`,
  );
  return ['Connect-Mailbox', ...words].join(' ');
}

/**
 * Why `Connect-Mailbox` of a linked mailbox cannot be sent, with what to do by hand: the account's own forest is asked
 * about it, by a domain controller that the settings have to name.
 */
export function linkedByHand(connect: Readonly<Record<string, ParameterValue>>): string {
  return `a linked mailbox is connected with a domain controller of its account's forest: set LinkedDomainController in Options and undo again, or connect it by hand: ${typed(connect)} -LinkedDomainController <its domain controller> -LinkedCredential (Get-Credential)`;
}

function archiveCall(object: ObjectIdentity, mailbox: LiveObject, connected: Fields): InverseCall | undefined {
  const guid = textField(mailbox, 'ArchiveGuid');
  const database = textField(mailbox, 'ArchiveDatabase');
  if (!hasArchive(mailbox) || database === '') return undefined;
  const archive: Fields = { ArchiveGuid: guid, ArchiveDatabase: database };
  return {
    cmdlet: 'Connect-Mailbox',
    parameters: { Identity: guid, Database: database, User: object.guid ?? '', Archive: true },
    purpose: `connect the archive of ${object.name} again`,
    before: { ArchiveGuid: null, ArchiveDatabase: null },
    after: archive,
    preconditions: [mailboxHas(object, connected)],
    expectation: [mailboxHas(object, { ArchiveGuid: guid })],
  };
}

/** Which account the mailbox is connected to, and as what; or why it has to be by hand. */
function connection(
  object: ObjectIdentity,
  mailbox: LiveObject,
  linkedDomainController: string | undefined,
): { readonly parameters: Record<string, ParameterValue>; readonly isLockedUser: boolean } | string {
  const [exchangeGuid, database] = [textField(mailbox, 'ExchangeGuid'), textField(mailbox, 'Database')];
  if (exchangeGuid === '' || database === '')
    return 'the ExchangeGuid and the database of the mailbox were not known: it cannot be found again';
  const parameters: Record<string, ParameterValue> = {
    Identity: exchangeGuid,
    Database: database,
    User: object.guid ?? '',
  };
  const alias = textField(mailbox, 'Alias');
  if (alias !== '') parameters['Alias'] = alias;
  const details = textField(mailbox, 'RecipientTypeDetails');
  const kind = kindOfDetails(details);
  if (kind === undefined) return `a ${details} is connected by hand: ${typed(parameters)}`;
  if (kind === 'linked') {
    const account = textField(mailbox, 'LinkedMasterAccount');
    if (account === '') {
      return `its LinkedMasterAccount was not known: it is connected by hand: ${typed(parameters)} -LinkedMasterAccount <DOMAIN\\name> -LinkedDomainController <its domain controller> -LinkedCredential (Get-Credential)`;
    }
    parameters['LinkedMasterAccount'] = account;
    if (linkedDomainController !== undefined) parameters['LinkedDomainController'] = linkedDomainController;
    return { parameters, isLockedUser: false };
  }
  // Exchange connects a user's mailbox to an enabled account only, and enables that of one that it makes a user's.
  const isLockedUser = kind === 'user' && mailbox['AccountDisabled'] === true;
  const name = isLockedUser ? 'Shared' : kindSwitch[kind];
  if (name !== undefined) parameters[name] = true;
  return { parameters, isLockedUser };
}

/** All that is put back once the mailbox is connected. */
function settingsOf(mailbox: LiveObject): { fields: Fields; parameters: InverseCall['parameters'] } {
  const fields: Record<string, FieldValue> = {};
  for (const rule of mailboxRules) {
    const value = mailbox[rule.name];
    if (value === undefined || value === null || value === '' || ownedByAccount.has(rule.name)) continue;
    fields[rule.name] = value;
  }
  const addresses = listOf(mailbox['EmailAddresses']);
  if (addresses.length > 0) fields['EmailAddresses'] = [...addresses];
  const { parameters } = restoring(fields);
  Object.assign(parameters, forced(noForwarding, fields));
  // A mailbox that was just connected is under the policies; once its settings are back, it is not any more.
  fields['EmailAddressPolicyEnabled'] = false;
  return { fields, parameters: { ...parameters, EmailAddressPolicyEnabled: false } };
}

/**
 * The inverse of a `Disable-Mailbox`: the disconnected mailbox is connected again, its fields are set, and its archive is
 * connected. Of a linked mailbox `LinkedDomainController` is left out where nobody has said it: {@link linkedByHand}.
 */
export function undoDisable(
  object: ObjectIdentity,
  mailbox: LiveObject,
  free: (addresses: readonly ProxyAddress[]) => readonly Check[],
  linkedDomainController: string | undefined,
): Inverse {
  const connecting = connection(object, mailbox, linkedDomainController);
  if (typeof connecting === 'string') return { kind: 'impossible', reason: connecting };
  const connected: Fields = {
    ExchangeGuid: textField(mailbox, 'ExchangeGuid'),
    Database: textField(mailbox, 'Database'),
  };
  const fresh: Fields = { ...connected, EmailAddressPolicyEnabled: true };
  const { fields, parameters } = settingsOf(mailbox);
  const archive = archiveCall(object, mailbox, connected);
  const calls: InverseCall[] = [
    {
      cmdlet: 'Connect-Mailbox',
      parameters: connecting.parameters,
      purpose: `connect the mailbox of ${object.name} again`,
      before: { ExchangeGuid: null, Database: null },
      after: fresh,
      preconditions: [
        noMailbox(object),
        ...free(listOf(mailbox['EmailAddresses']).map((address) => parseProxyAddress(address))),
      ],
      expectation: [mailboxHas(object, connected)],
    },
    {
      cmdlet: 'Set-Mailbox',
      parameters: { Identity: object.guid ?? '', ...parameters },
      purpose: `give the mailbox of ${object.name} its addresses and settings again`,
      before: Object.fromEntries(Object.keys(fields).map((key) => [key, null])),
      after: fields,
      preconditions: [mailboxHas(object, fresh)],
      expectation: [mailboxHas(object, fields)],
    },
    ...(archive === undefined ? [] : [archive]),
  ];
  return {
    kind: 'calls',
    calls,
    notes: [
      ...(connecting.isLockedUser ? [lockedUser] : []),
      ...(mailbox['EmailAddressPolicyEnabled'] === true ? [policyNote] : []),
      ...(hasArchive(mailbox) && archive === undefined
        ? [
            `the database of its archive was not known: it is connected by hand: ${typed({ Identity: textField(mailbox, 'ArchiveGuid'), User: object.guid ?? '', Archive: true })} -Database <its database>`,
          ]
        : []),
      'permissions on the mailbox and group memberships by mail are not restored',
      'it can be connected again until the retention of its database ends',
    ],
  };
}
