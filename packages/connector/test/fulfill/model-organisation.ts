/*
 * A small organisation with Exchange's rules, written apart from the planner: it answers reads and obeys calls, and
 * refuses what Exchange refuses.
 */
import type { CmdletCall, Fields, FieldValue, LiveObject, Read, ReadResult } from '@exchange-connector/connector';

export interface ModelAccount {
  readonly guid: string;
  samAccountName: string;
  name: string;
  /** `User`, `DisabledUser`, `MailUser`, a group's type; a mailbox's kind stands in the mailbox. */
  details: string;
  domain: string;
  /** Addresses of what is no mailbox. */
  addresses: string[];
  mailbox: Record<string, FieldValue> | undefined;
}

export interface ModelDatabase {
  readonly guid: string;
  fields: Record<string, FieldValue>;
  monitoring: boolean;
}

const lower = (value: unknown): string => String(value ?? '').toLowerCase();
const keyOf = (address: string): string => lower(address);

export class ModelRefusal extends Error {}

function guidOf(number: number): string {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** State that two organisations are compared by. */
export type ModelState = Readonly<Record<string, unknown>>;

export class ModelOrganisation {
  readonly accounts = new Map<string, ModelAccount>();
  readonly databases = new Map<string, ModelDatabase>();
  readonly moves = new Map<string, { status: string; source: string; target: string }>();
  readonly disconnected = new Map<string, Record<string, FieldValue>>();
  /** `false`: moves stay queued. */
  movesEnd = false;
  reads = 0;
  readonly calls: CmdletCall[] = [];
  /** Cmdlets that the account may not use (`all`), or only with these parameters. */
  readonly lacking = new Map<string, string>();
  #next = 1;

  addDatabase(name: string, fields: Fields = {}): ModelDatabase {
    const guid = guidOf(this.#next++);
    const database: ModelDatabase = {
      guid,
      monitoring: false,
      fields: {
        Name: name,
        Server: 'MBX1',
        Mounted: true,
        EdbFilePath: `D:\\${name}\\${name}.edb`,
        LogFolderPath: `D:\\${name}`,
        ReplicationType: 'None',
        Servers: ['MBX1'],
        IssueWarningQuota: '1.9 GB (2,040,109,466 bytes)',
        ProhibitSendQuota: '2 GB (2,147,483,648 bytes)',
        ProhibitSendReceiveQuota: '2.3 GB (2,469,606,195 bytes)',
        DeletedItemRetention: '14.00:00:00',
        MailboxRetention: '30.00:00:00',
        CircularLoggingEnabled: false,
        MountAtStartup: true,
        JournalRecipient: null,
        ...fields,
      },
    };
    this.databases.set(guid, database);
    return database;
  }

  addAccount(
    samAccountName: string,
    details = 'User',
    addresses: readonly string[] = [],
    domain = 'contoso.com',
  ): ModelAccount {
    const guid = guidOf(this.#next++);
    const account: ModelAccount = {
      guid,
      samAccountName,
      name: samAccountName,
      details,
      domain,
      addresses: [...addresses],
      mailbox: undefined,
    };
    this.accounts.set(guid, account);
    return account;
  }

  addMailbox(
    samAccountName: string,
    addresses: readonly string[],
    fields: Fields = {},
    database = 'DB1',
  ): ModelAccount {
    const account = this.addAccount(samAccountName);
    account.mailbox = { ...this.#fresh(account, 'UserMailbox', database), EmailAddresses: [...addresses], ...fields };
    return account;
  }

  #fresh(account: ModelAccount, details: string, database: string): Record<string, FieldValue> {
    return {
      ExchangeGuid: guidOf(this.#next++).replace(/^00000000/, '11111111'),
      Database: database,
      EmailAddresses: [],
      EmailAddressPolicyEnabled: true,
      RecipientTypeDetails: details,
      Alias: account.samAccountName,
      DisplayName: account.name,
      Name: account.name,
      UserPrincipalName: `${account.samAccountName}@contoso.com`,
      UseDatabaseQuotaDefaults: true,
      IssueWarningQuota: 'Unlimited',
      ProhibitSendQuota: 'Unlimited',
      ProhibitSendReceiveQuota: 'Unlimited',
      MaxSendSize: 'Unlimited',
      ForwardingAddress: null,
      ForwardingSmtpAddress: null,
      DeliverToMailboxAndForward: false,
      AccountDisabled: false,
      HiddenFromAddressListsEnabled: false,
      CustomAttribute1: '',
      Office: '',
      LitigationHoldEnabled: false,
      WhenCreatedUTC: '2024-01-01T00:00:00Z',
      IsDirSynced: false,
    };
  }

  addressesOf(account: ModelAccount): readonly string[] {
    return account.mailbox === undefined ? account.addresses : (account.mailbox['EmailAddresses'] as string[]);
  }

  #dn(account: ModelAccount): string {
    return `CN=${account.name},OU=People,${account.domain
      .split('.')
      .map((part) => `DC=${part}`)
      .join(',')}`;
  }

  #user(account: ModelAccount): LiveObject {
    return {
      Guid: account.guid,
      Name: account.name,
      DisplayName: account.name,
      SamAccountName: account.samAccountName,
      Identity: `${account.domain}/People/${account.name}`,
      DistinguishedName: this.#dn(account),
      RecipientType: 'User',
      RecipientTypeDetails:
        account.mailbox === undefined ? account.details : (account.mailbox['RecipientTypeDetails'] ?? ''),
      UserAccountControl: /Disabled/.test(account.details) ? 'AccountDisabled, NormalAccount' : 'NormalAccount',
    };
  }

  #recipient(account: ModelAccount): LiveObject {
    return { ...this.#user(account), EmailAddresses: [...this.addressesOf(account)] };
  }

  #find(identity: string): ModelAccount | undefined {
    const wanted = lower(identity);
    return [...this.accounts.values()].find((account) => {
      const names = [
        account.guid,
        account.samAccountName,
        account.name,
        `${account.domain}/People/${account.name}`,
        `contoso\\${account.samAccountName}`,
        ...this.addressesOf(account).map((address) => address.slice(address.indexOf(':') + 1)),
      ];
      return names.some((name) => lower(name) === wanted);
    });
  }

  #database(identity: string): ModelDatabase | undefined {
    const wanted = lower(identity);
    return [...this.databases.values()].find(
      (database) => database.guid === wanted || lower(database.fields['Name']) === wanted,
    );
  }

  isRecipient(account: ModelAccount): boolean {
    return account.mailbox !== undefined || !/^(User|DisabledUser)$/.test(account.details);
  }

  answer(read: Read): ReadResult {
    this.reads += 1;
    return { kind: 'read', objects: this.#objects(read) };
  }

  #objects(read: Read): LiveObject[] {
    const accounts = [...this.accounts.values()];
    switch (read.kind) {
      case 'user': {
        const near = accounts.filter(({ domain }) => read.view === 'forest' || domain === 'contoso.com');
        if (read.by === 'samAccountName') {
          return near
            .filter(({ samAccountName }) => lower(samAccountName) === lower(read.value))
            .map((account) => this.#user(account));
        }
        const found = this.#find(read.value);
        return found === undefined || !near.includes(found) ? [] : [this.#user(found)];
      }
      case 'mailbox': {
        const account = this.accounts.get(read.guid);
        if (account?.mailbox === undefined) return [];
        const primary = this.addressesOf(account).find((address) => address.startsWith('SMTP:'));
        return [
          {
            ...this.#user(account),
            ...structuredClone(account.mailbox),
            PrimarySmtpAddress: primary?.slice(5) ?? null,
          },
        ];
      }
      case 'addressHolders':
        return accounts
          .filter(({ domain }) => read.view === 'forest' || domain === 'contoso.com')
          .filter((account) => this.isRecipient(account))
          .filter((account) => this.addressesOf(account).some((address) => keyOf(address) === keyOf(read.address)))
          .map((account) => this.#recipient(account));
      case 'recipient': {
        const found = this.#find(read.identity);
        return found === undefined || !this.isRecipient(found) ? [] : [this.#recipient(found)];
      }
      case 'database': {
        const found = this.#database(read.identity);
        return found === undefined ? [] : [{ Guid: found.guid, ...structuredClone(found.fields) }];
      }
      case 'inhabitants':
        return this.#inhabitants(read.database, read.population);
      case 'moveRequest': {
        const move = this.moves.get(read.guid);
        return move === undefined
          ? []
          : [{ Guid: read.guid, Status: move.status, SourceDatabase: move.source, TargetDatabase: move.target }];
      }
      case 'command': {
        const lacks = this.lacking.get(read.name);
        if (lacks === 'all') return [];
        return [{ Name: read.name, Parameters: lacks === undefined ? null : lacks.split(' ') }];
      }
      case 'mailboxCount':
        return accounts
          .filter(({ mailbox }) => mailbox !== undefined)
          .slice(0, read.upTo)
          .map(({ guid }) => ({ Guid: guid }));
    }
  }

  #inhabitants(database: string, population: string): LiveObject[] {
    const details: Readonly<Record<string, string>> = {
      arbitration: 'ArbitrationMailbox',
      publicFolder: 'PublicFolderMailbox',
      auditLog: 'AuditLogMailbox',
      monitoring: 'MonitoringMailbox',
    };
    const hidden = Object.values(details);
    const all = [...this.accounts.values()].filter(({ mailbox }) => mailbox !== undefined);
    const inIt = all.filter(({ mailbox }) => lower(mailbox?.['Database']) === lower(database));
    const kind = ({ mailbox }: ModelAccount): string => String(mailbox?.['RecipientTypeDetails']);
    const show = (accounts: readonly ModelAccount[]): LiveObject[] =>
      accounts.slice(0, 6).map((account) => ({
        ...this.#user(account),
        Database: account.mailbox?.['Database'] ?? null,
        ArchiveDatabase: account.mailbox?.['ArchiveDatabase'] ?? null,
      }));
    if (population === 'mailboxes') return show(inIt.filter((account) => !hidden.includes(kind(account))));
    if (population === 'archives')
      return show(all.filter(({ mailbox }) => lower(mailbox?.['ArchiveDatabase']) === lower(database)));
    if (population === 'moveRequests') {
      return [...this.moves]
        .filter(([, move]) => lower(move.target) === lower(database))
        .map(([guid, move]) => ({ Guid: guid, DisplayName: guid, Status: move.status }));
    }
    const wanted = details[population];
    return wanted === undefined ? [] : show(inIt.filter((account) => kind(account) === wanted));
  }

  // ---- what calls do -------------------------------------------------------------------------------------------

  #mailboxOf(call: CmdletCall): { account: ModelAccount; mailbox: Record<string, FieldValue> } {
    const account = this.#find(String(call.parameters['Identity']));
    if (account?.mailbox === undefined) throw new ModelRefusal(`no mailbox ${String(call.parameters['Identity'])}`);
    return { account, mailbox: account.mailbox };
  }

  #requireFree(addresses: readonly string[], account: ModelAccount): void {
    for (const other of this.accounts.values()) {
      if (other === account || !this.isRecipient(other)) continue;
      for (const held of this.addressesOf(other)) {
        if (addresses.some((address) => keyOf(address) === keyOf(held))) {
          throw new ModelRefusal(`The proxy address "${held}" is already being used by ${other.name}`);
        }
      }
    }
  }

  #requireOnePrimary(addresses: readonly string[]): void {
    const primaries = addresses.filter((address) => address.startsWith('SMTP:'));
    if (primaries.length !== 1) throw new ModelRefusal(`there must be one primary address: ${addresses.join(' ')}`);
    if (new Set(addresses.map(keyOf)).size !== addresses.length) throw new ModelRefusal('an address stands twice');
  }

  /** Carries out a call. @throws ModelRefusal as Exchange refuses */
  run(call: CmdletCall): void {
    this.calls.push(call);
    switch (call.cmdlet) {
      case 'Set-Mailbox':
        this.#setMailbox(call);
        return;
      case 'Enable-Mailbox':
        this.#enable(call);
        return;
      case 'Disable-Mailbox': {
        const { account, mailbox } = this.#mailboxOf(call);
        this.disconnected.set(String(mailbox['ExchangeGuid']), mailbox);
        account.mailbox = undefined;
        return;
      }
      case 'Connect-Mailbox':
        this.#connect(call);
        return;
      case 'Remove-Mailbox': {
        this.accounts.delete(this.#mailboxOf(call).account.guid);
        return;
      }
      case 'New-MoveRequest':
        this.#move(call);
        return;
      case 'Remove-MoveRequest':
        if (!this.moves.delete(String(call.parameters['Identity']))) throw new ModelRefusal('no move request');
        return;
      case 'Get-MoveRequestStatistics':
        this.endMoves();
        return;
      default:
        this.#databaseCall(call);
        return;
    }
  }

  endMoves(): void {
    for (const [guid, move] of this.moves) {
      const mailbox = this.accounts.get(guid)?.mailbox;
      if (move.status !== 'Queued' || mailbox === undefined) continue;
      mailbox['Database'] = move.target;
      move.status = 'Completed';
    }
  }

  #move(call: CmdletCall): void {
    const { account, mailbox } = this.#mailboxOf(call);
    const target = this.#database(String(call.parameters['TargetDatabase']));
    if (target === undefined) throw new ModelRefusal('no such database');
    if (this.moves.has(account.guid)) throw new ModelRefusal('there is a move request already');
    const name = String(target.fields['Name']);
    if (lower(mailbox['Database']) === lower(name)) throw new ModelRefusal('it is there already');
    this.moves.set(account.guid, { status: 'Queued', source: String(mailbox['Database']), target: name });
    if (this.movesEnd) this.endMoves();
  }

  #setMailbox(call: CmdletCall): void {
    const { account, mailbox } = this.#mailboxOf(call);
    const { Identity: _, EmailAddresses: wanted, Type: type, ...plain } = call.parameters;
    const policy = plain['EmailAddressPolicyEnabled'] ?? mailbox['EmailAddressPolicyEnabled'];
    let addresses = [...this.addressesOf(account)];
    if (Array.isArray(wanted)) addresses = [...(wanted as string[])];
    else if (typeof wanted === 'object' && wanted !== null) {
      const { add = [], remove = [] } = wanted as { add?: readonly string[]; remove?: readonly string[] };
      addresses = [...addresses.filter((held) => !remove.some((gone) => keyOf(gone) === keyOf(held))), ...add];
    }
    this.#requireOnePrimary(addresses);
    this.#requireFree(addresses, account);
    const primary = (list: readonly string[]): string => list.find((address) => address.startsWith('SMTP:')) ?? '';
    if (policy === true && keyOf(primary(addresses)) !== keyOf(primary(this.addressesOf(account)))) {
      throw new ModelRefusal('the primary address is that of the e-mail address policy');
    }
    const next: Record<string, FieldValue> = {
      ...mailbox,
      ...(plain as Record<string, FieldValue>),
      EmailAddresses: addresses,
    };
    for (const [name, value] of Object.entries(plain)) {
      if (!(name in mailbox))
        throw new ModelRefusal(`A parameter cannot be found that matches parameter name '${name}'`);
      if (name === 'ForwardingAddress' && value !== null && this.#find(String(value)) === undefined)
        throw new ModelRefusal('no recipient');
    }
    // The server shows an empty text where one was taken away.
    for (const name of ['Office', 'CustomAttribute1']) if (next[name] === null) next[name] = '';
    const kinds: Readonly<Record<string, string>> = {
      Regular: 'UserMailbox',
      Shared: 'SharedMailbox',
      Room: 'RoomMailbox',
      Equipment: 'EquipmentMailbox',
    };
    if (type !== undefined) {
      next['RecipientTypeDetails'] = kinds[String(type)] ?? 'UserMailbox';
      if (!('AccountDisabled' in plain)) next['AccountDisabled'] = type !== 'Regular';
    }
    account.mailbox = next;
  }

  #enable(call: CmdletCall): void {
    const {
      Identity,
      Database = 'DB1',
      Alias,
      PrimarySmtpAddress,
      Shared,
      Room,
      Equipment,
      LinkedMasterAccount,
      ...rest
    } = call.parameters;
    const account = this.#find(String(Identity));
    if (account === undefined) throw new ModelRefusal('no account');
    if (this.isRecipient(account)) throw new ModelRefusal(`${account.name} is a ${account.details} already`);
    const special = Shared === true || Room === true || Equipment === true || LinkedMasterAccount !== undefined;
    if (special !== /Disabled/.test(account.details))
      throw new ModelRefusal('the account must be logon-enabled or -disabled');
    for (const name of Object.keys(rest))
      if (name !== 'LinkedDomainController') throw new ModelRefusal(`no parameter ${name}`);
    const database = this.#database(String(Database));
    if (database === undefined) throw new ModelRefusal('no such database');
    const details =
      Shared === true
        ? 'SharedMailbox'
        : Room === true
          ? 'RoomMailbox'
          : Equipment === true
            ? 'EquipmentMailbox'
            : LinkedMasterAccount !== undefined
              ? 'LinkedMailbox'
              : 'UserMailbox';
    const mailbox = this.#fresh(account, details, String(database.fields['Name']));
    if (Alias !== undefined) mailbox['Alias'] = String(Alias);
    const primary =
      PrimarySmtpAddress === undefined ? `${account.samAccountName}@policy.example` : String(PrimarySmtpAddress);
    if (PrimarySmtpAddress !== undefined) mailbox['EmailAddressPolicyEnabled'] = false;
    this.#requireFree([`SMTP:${primary}`], account);
    mailbox['EmailAddresses'] = [`SMTP:${primary}`];
    account.mailbox = mailbox;
  }

  #connect(call: CmdletCall): void {
    const { Identity, Database, User, Alias } = call.parameters;
    const mailbox = this.disconnected.get(String(Identity));
    const account = this.accounts.get(String(User));
    if (mailbox === undefined || account === undefined || mailbox['Database'] !== Database)
      throw new ModelRefusal('nothing to connect');
    const fresh = this.#fresh(account, String(mailbox['RecipientTypeDetails']), String(Database));
    account.mailbox = {
      ...fresh,
      ExchangeGuid: String(Identity),
      Alias: Alias as FieldValue,
      EmailAddresses: [`SMTP:${account.samAccountName}@policy.example`],
    };
    this.disconnected.delete(String(Identity));
  }

  #databaseCall(call: CmdletCall): void {
    const { Identity, ...rest } = call.parameters;
    if (call.cmdlet === 'New-MailboxDatabase') {
      const name = String(rest['Name']);
      if (this.#database(name) !== undefined) throw new ModelRefusal(`there is a database ${name}`);
      this.addDatabase(name, { ...(rest as Fields), Mounted: false });
      return;
    }
    const database = this.#database(String(Identity));
    if (database === undefined) throw new ModelRefusal(`no database ${String(Identity)}`);
    const name = String(database.fields['Name']);
    switch (call.cmdlet) {
      case 'Mount-Database':
        database.fields['Mounted'] = true;
        return;
      case 'Dismount-Database':
        database.fields['Mounted'] = false;
        return;
      case 'Set-MailboxDatabase': {
        const other = rest['Name'] === undefined ? undefined : this.#database(String(rest['Name']));
        if (other !== undefined && other !== database) throw new ModelRefusal('there is a database of that name');
        for (const { mailbox } of this.accounts.values()) {
          if (mailbox !== undefined && lower(mailbox['Database']) === lower(name))
            mailbox['Database'] = (rest['Name'] ?? name) as string;
        }
        database.fields = { ...database.fields, ...(rest as Fields) };
        return;
      }
      case 'Remove-MailboxDatabase': {
        const lives = [...this.accounts.values()].some(
          ({ mailbox }) =>
            mailbox !== undefined &&
            mailbox['RecipientTypeDetails'] !== 'MonitoringMailbox' &&
            [mailbox['Database'], mailbox['ArchiveDatabase']].some((place) => lower(place) === lower(name)),
        );
        if (lives) throw new ModelRefusal('This mailbox database contains one or more mailboxes');
        this.databases.delete(database.guid);
        return;
      }
      default:
        throw new ModelRefusal(`no cmdlet ${call.cmdlet}`);
    }
  }

  /** Everything that orders can change, in a form to be compared. */
  state(): ModelState {
    const accounts = [...this.accounts.values()].map((account) => [
      account.samAccountName,
      account.mailbox === undefined
        ? { details: account.details, addresses: [...account.addresses].sort() }
        : { ...account.mailbox, EmailAddresses: [...this.addressesOf(account)].sort() },
    ]);
    const databases = [...this.databases.values()].map(({ fields }) => [String(fields['Name']), { ...fields }]);
    const byName = (list: unknown[][]): unknown[][] =>
      list.sort(([left], [right]) => (String(left) < String(right) ? -1 : 1));
    return {
      accounts: Object.fromEntries(byName(accounts)),
      databases: Object.fromEntries(byName(databases)),
      moves: Object.fromEntries(this.moves),
    };
  }
}
