import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ConnectionSettings, Secret } from '@exchange-connector/config';
import { orderOf, Rehearsal, skip } from './fulfilment.ts';

/* The shipped script in the real engine, on stand-ins for the Exchange cmdlets that keep an organisation in a file. */

const shipped = fileURLToPath(new URL('../../../../scripts/Fulfill-Exchange.ps1', import.meta.url));

interface Call {
  readonly command: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

interface Mailbox {
  readonly Guid: string;
  readonly SamAccountName: string;
  readonly Database: string;
  readonly EmailAddresses: readonly string[];
  readonly PrimarySmtpAddress: string;
  readonly EmailAddressPolicyEnabled?: boolean;
  readonly Kind?: string;
  readonly [more: string]: unknown;
}

interface Organisation {
  readonly users: readonly object[];
  readonly mailboxes: readonly Mailbox[];
  readonly databases: readonly { readonly Name: string; readonly [more: string]: unknown }[];
  readonly moveRequests: readonly { readonly [more: string]: unknown }[];
}

function mailbox(name: string, addresses: readonly string[], more: object = {}): Mailbox {
  const primary = addresses.find((address) => address.startsWith('SMTP:'))?.slice(5) ?? '';
  return {
    Guid: `00000000-0000-0000-0000-${String(name.length).padStart(12, '0')}`,
    Identity: `contoso.com/Users/${name}`,
    Name: name,
    SamAccountName: name,
    Database: 'DB1',
    EmailAddresses: addresses,
    PrimarySmtpAddress: primary,
    EmailAddressPolicyEnabled: true,
    ...more,
  };
}

const organisation: Organisation = {
  users: [{ SamAccountName: 'vbellanger', Name: 'BELLANGER Victor' }],
  mailboxes: [
    mailbox('anna', [
      'SMTP:anna@contoso.com',
      'smtp:a@contoso.com',
      'X500:/o=Contoso/cn=anna b',
      'SIP:anna@contoso.com',
    ]),
    mailbox('bobby', ['SMTP:bob@contoso.com', 'smtp:bobby@contoso.com']),
    mailbox('arbitrator', ['SMTP:arb@contoso.com'], { Database: 'DB3', Kind: 'Arbitration' }),
  ],
  databases: [1, 2, 3, 4].map((number) => ({
    Name: `DB${number}`,
    Identity: `DB${number}`,
    Guid: `11111111-0000-0000-0000-00000000000${number}`,
    Server: 'EX01',
    Mounted: true,
  })),
  moveRequests: [],
};

class ExchangeRehearsal extends Rehearsal {
  #failures: object[] = [];

  constructor(
    context: TestContext,
    options: Readonly<Record<string, string | number | boolean>> = {},
    connection: Partial<ConnectionSettings> = {},
  ) {
    super(context, '', {
      ...connection,
      fulfillScriptPath: shipped,
      fulfillOptions: [
        { name: 'Server', value: 'http://mailbox01.contoso.com/PowerShell/' },
        { name: 'Login', value: 'CONTOSO\\svc' },
        { name: 'Password', value: new Secret('hunter2') },
        ...Object.entries(options).map(([name, value]) => ({ name, value })),
      ],
    });
    writeFileSync(this.#file('organisation.json'), JSON.stringify(organisation));
  }

  #file(name: string): string {
    return join(this.folder, name);
  }

  fail(...failures: object[]): void {
    this.#failures = failures;
  }

  async carryOut(...orders: object[]): Promise<string[][]> {
    this.put('orders.json', ...orders);
    const set = {
      EXCHANGE_STAND_INS_ORGANISATION: this.#file('organisation.json'),
      EXCHANGE_STAND_INS_LOG: this.#file('calls.jsonl'),
      EXCHANGE_STAND_INS_FAILURES: this.#failures.length === 0 ? '' : JSON.stringify(this.#failures),
    };
    Object.assign(process.env, set);
    try {
      const outcome = await this.run();
      assert.ok(outcome.summary !== undefined, JSON.stringify(outcome));
      if (outcome.kind === 'failed') assert.fail(JSON.stringify(outcome));
    } finally {
      for (const name of Object.keys(set)) delete process.env[name];
    }
    return this.states();
  }

  /** What a mailbox has beside. */
  give(name: string, properties: object): void {
    const { mailboxes, ...rest } = this.organisation;
    const given = mailboxes.map((each) => (each.SamAccountName === name ? { ...each, ...properties } : each));
    writeFileSync(this.#file('organisation.json'), JSON.stringify({ ...rest, mailboxes: given }));
  }

  get organisation(): Organisation {
    return JSON.parse(readFileSync(this.#file('organisation.json'), 'utf8')) as Organisation;
  }

  mailbox(name: string): Mailbox | undefined {
    return this.organisation.mailboxes.find((each) => each.SamAccountName === name);
  }

  /** What was asked of Exchange, without the session's own commands. */
  asked(): Call[] {
    return this.log().filter(({ command }) => !/PSSession$|^Set-ADServerSettings$/.test(command));
  }

  log(): Call[] {
    const lines = readFileSync(this.#file('calls.jsonl'), 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Call);
  }

  /** The changes asked for, without the reads. */
  changes(): Call[] {
    return this.asked().filter(({ command }) => !command.startsWith('Get-'));
  }
}

function mailboxOrder(changeType: string, changes: object, resource: object = {}): object {
  return orderOf('1', { ChangeType: changeType, Changes: changes, Resource: resource });
}

function databaseOrder(changeType: string, changes: object, resource: object = {}): object {
  const ResourceType = { TargetEntityType: { Identifier: 'MicrosoftExchange_Database' } };
  return orderOf('1', { ChangeType: changeType, Changes: changes, Resource: resource, ResourceType });
}

const executed = [['1', 'Executed', '']];

test('a mailbox added: the account gets it in its database, then its addresses', { skip }, async (context) => {
  const rehearsal = new ExchangeRehearsal(context);
  const states = await rehearsal.carryOut(
    mailboxOrder('Added', {
      SamAccountName: 'vbellanger',
      PrimarySmtpAddress: 'victor.bellanger@contoso.com',
      EmailAddresses: 'smtp:vbellanger@contoso.com SMTP:victor.bellanger@contoso.com',
      Database: { Name: 'DB2' },
    }),
  );
  assert.deepEqual(states, executed);
  const held = rehearsal.mailbox('vbellanger');
  assert.equal(held?.Database, 'DB2');
  assert.deepEqual(held?.EmailAddresses, ['SMTP:victor.bellanger@contoso.com', 'smtp:vbellanger@contoso.com']);
  const [enable, set, ...more] = rehearsal.changes();
  assert.deepEqual([enable?.command, set?.command, more], ['Enable-Mailbox', 'Set-Mailbox', []]);
  assert.equal(set?.parameters['EmailAddressPolicyEnabled'], false);
  assert.ok(!('PrimarySmtpAddress' in (set?.parameters ?? {})));
  for (const { parameters } of rehearsal.changes()) assert.equal(parameters['Confirm'], false);
  const [session] = rehearsal.log();
  assert.equal(session?.parameters['ConfigurationName'], 'Microsoft.Exchange');
  assert.deepEqual(session?.parameters['Credential'], { UserName: 'CONTOSO\\svc', Password: 'hunter2' });
});

test('the list of addresses is the complete one of SMTP; other types stay unless it names them', {
  skip,
}, async (context) => {
  for (const [changes, expected] of [
    [
      { EmailAddresses: 'SMTP:new@contoso.com smtp:anna@contoso.com' },
      ['SMTP:new@contoso.com', 'smtp:anna@contoso.com', 'X500:/o=Contoso/cn=anna b', 'SIP:anna@contoso.com'],
    ],
    [
      { EmailAddresses: 'SMTP:anna@contoso.com SIP:anna.new@contoso.com' },
      ['SMTP:anna@contoso.com', 'SIP:anna.new@contoso.com', 'X500:/o=Contoso/cn=anna b'],
    ],
    [
      { EmailAddresses: 'smtp:extra@contoso.com smtp:ANNA@contoso.com smtp:extra@contoso.com' },
      ['SMTP:anna@contoso.com', 'smtp:extra@contoso.com', 'X500:/o=Contoso/cn=anna b', 'SIP:anna@contoso.com'],
    ],
    [
      { PrimarySmtpAddress: 'first@contoso.com' },
      [
        'SMTP:first@contoso.com',
        'smtp:anna@contoso.com',
        'smtp:a@contoso.com',
        'X500:/o=Contoso/cn=anna b',
        'SIP:anna@contoso.com',
      ],
    ],
    [
      { PrimarySmtpAddress: 'a@contoso.com' },
      ['SMTP:a@contoso.com', 'smtp:anna@contoso.com', 'X500:/o=Contoso/cn=anna b', 'SIP:anna@contoso.com'],
    ],
    [
      { EmailAddresses: 'SMTP:anna@contoso.com X500:/o=Contoso/cn=new%20b:c X400:c=us;a=%25x' },
      ['SMTP:anna@contoso.com', 'X500:/o=Contoso/cn=new b:c', 'X400:c=us;a=%x', 'SIP:anna@contoso.com'],
    ],
  ] as const) {
    const rehearsal = new ExchangeRehearsal(context);
    assert.deepEqual(await rehearsal.carryOut(mailboxOrder('Modified', changes, { SamAccountName: 'anna' })), executed);
    assert.deepEqual(rehearsal.mailbox('anna')?.EmailAddresses, expected);
  }
});

test('an order that contradicts itself, or names no mailbox, changes nothing', { skip }, async (context) => {
  for (const [changes, said] of [
    [{ PrimarySmtpAddress: 'x@contoso.com', EmailAddresses: 'SMTP:y@contoso.com' }, /contradicts itself/],
    [{ EmailAddresses: 'SMTP:x@contoso.com SMTP:y@contoso.com' }, /names 2 primary addresses/],
    [{ EmailAddresses: 'smtp:y@contoso.com' }, /names no primary address/],
    [{ SamAccountName: 'nobody', DisplayName: 'x' }, /couldn't be found/],
    [{ EmailAddresses: 'SMTP:bob@contoso.com' }, /already being used/],
  ] as const) {
    const rehearsal = new ExchangeRehearsal(context);
    const [row] = await rehearsal.carryOut(mailboxOrder('Modified', changes, { SamAccountName: 'anna' }));
    assert.equal(row?.[1], 'Errored');
    assert.match(row?.[2] ?? '', said);
    assert.deepEqual(rehearsal.organisation, organisation);
  }
  const rehearsal = new ExchangeRehearsal(context);
  const states = await rehearsal.carryOut(
    mailboxOrder('Deleted', {}),
    orderOf('2', { ChangeType: 'deleted' }),
    orderOf('3', { ResourceType: { TargetEntityType: { Identifier: 'AD_User' } } }),
    orderOf('4', { ChangeType: 'Deleted', Changes: {}, Resource: { SamAccountName: 'bobby' } }),
  );
  assert.deepEqual(
    states.map(([id, state]) => [id, state]),
    [
      ['1', 'Errored'],
      ['2', 'Errored'],
      ['3', 'Errored'],
      ['4', 'Executed'],
    ],
  );
  assert.deepEqual(
    rehearsal.changes().map(({ command }) => command),
    ['Disable-Mailbox'],
  );
});

test('the other columns of a mailbox are set as they are typed', { skip }, async (context) => {
  const rehearsal = new ExchangeRehearsal(context);
  const states = await rehearsal.carryOut(
    mailboxOrder(
      'Modified',
      {
        DisplayName: 'Anna B',
        ProhibitSendQuota: '30 GB (32,212,254,720 bytes)',
        MaxSendSize: 'Unlimited',
        DeliverToMailboxAndForward: 'False',
        UseDatabaseQuotaDefaults: false,
        ForwardingAddress: '',
        Guid: '00000000-0000-0000-0000-000000000004',
        RecipientType: 'UserMailbox',
      },
      { SamAccountName: 'anna' },
    ),
  );
  assert.deepEqual(states, executed);
  assert.deepEqual(rehearsal.changes(), [
    {
      command: 'Set-Mailbox',
      parameters: {
        ...rehearsal.changes()[0]?.parameters,
        Identity: 'anna',
        DisplayName: 'Anna B',
        ProhibitSendQuota: '32212254720',
        MaxSendSize: 'Unlimited',
        DeliverToMailboxAndForward: false,
        UseDatabaseQuotaDefaults: false,
        ForwardingAddress: null,
        Confirm: false,
      },
    },
  ]);
});

test('a changed database is a move request; with WaitForMove the order ends when the move has', {
  skip,
}, async (context) => {
  const queued = new ExchangeRehearsal(context);
  const order = mailboxOrder('Modified', { Database: { Name: 'DB2' } }, { SamAccountName: 'anna' });
  assert.deepEqual(await queued.carryOut(order), executed);
  const [move, ...more] = queued.changes();
  assert.deepEqual(more, []);
  assert.equal(move?.command, 'New-MoveRequest');
  assert.equal(move?.parameters['TargetDatabase'], 'DB2');
  const same = new ExchangeRehearsal(context);
  assert.deepEqual(
    await same.carryOut(mailboxOrder('Modified', { Database: { Name: 'DB1' } }, { SamAccountName: 'anna' })),
    executed,
  );
  assert.deepEqual(same.changes(), []);
  const archived = new ExchangeRehearsal(context);
  archived.give('anna', { ArchiveDatabase: 'Archives' });
  // A forwarding address goes with -Force, as Exchange may ask a person.
  const both = { Database: { Name: 'DB2' }, ForwardingAddress: 'ben' };
  assert.deepEqual(await archived.carryOut(mailboxOrder('Modified', both, { SamAccountName: 'anna' })), executed);
  const [set, alone] = archived.changes();
  assert.deepEqual(
    [set?.parameters['Force'], move?.parameters['PrimaryOnly'], alone?.parameters['PrimaryOnly']],
    [true, undefined, true],
  );
  const waited = new ExchangeRehearsal(context, { WaitForMove: true, MountWaitSeconds: 0 });
  assert.deepEqual(await waited.carryOut(order), executed);
  assert.ok(waited.asked().some(({ command }) => command === 'Get-MoveRequestStatistics'));
});

test('a deleted mailbox is disabled, and removed with its account only where that is allowed', {
  skip,
}, async (context) => {
  const order = mailboxOrder('Deleted', {}, { SamAccountName: 'anna' });
  for (const [options, connection, command] of [
    [{}, {}, 'Disable-Mailbox'],
    [{ AllowRemoveMailbox: 'true' }, {}, 'Remove-Mailbox'],
    [{}, { allowRemoveMailbox: true }, 'Remove-Mailbox'],
  ] as const) {
    const rehearsal = new ExchangeRehearsal(context, options, connection);
    assert.deepEqual(await rehearsal.carryOut(order), executed);
    assert.deepEqual(
      rehearsal.changes().map((call) => [call.command, call.parameters['Identity'], call.parameters['Confirm']]),
      [[command, 'anna', false]],
    );
    assert.equal(rehearsal.mailbox('anna'), undefined);
  }
});

test('a database added is mounted as soon as it can be', { skip }, async (context) => {
  const rehearsal = new ExchangeRehearsal(context, { MountWaitSeconds: 0 });
  rehearsal.fail({ command: 'Mount-Database', message: 'not replicated yet', times: 2 });
  const changes = { Name: 'DB9', Server: 'EX01', EdbFilePath: 'D:\\DB9\\DB9.edb', ProhibitSendQuota: '2 GB' };
  assert.deepEqual(await rehearsal.carryOut(databaseOrder('Added', changes)), executed);
  assert.deepEqual(
    rehearsal.changes().map(({ command }) => command),
    ['New-MailboxDatabase', 'Set-MailboxDatabase', 'Mount-Database', 'Mount-Database', 'Mount-Database'],
  );
  assert.equal(rehearsal.organisation.databases.find(({ Name }) => Name === 'DB9')?.['Mounted'], true);
  const never = new ExchangeRehearsal(context, { MountWaitSeconds: 0, MountAttempts: 2 });
  never.fail({ command: 'Mount-Database', message: 'no disk' });
  const [row] = await never.carryOut(databaseOrder('Added', { Name: 'DB9', Server: 'EX01' }));
  assert.deepEqual(row, ['1', 'Errored', 'DB9 could not be mounted in 2 attempts: no disk']);
});

test('a database modified: settings, a new name, mounted and dismounted', { skip }, async (context) => {
  const rehearsal = new ExchangeRehearsal(context, { MountWaitSeconds: 0 });
  const resource = { Name: 'DB4', Server: 'EX01' };
  assert.deepEqual(
    await rehearsal.carryOut(
      databaseOrder('Modified', { Name: 'DB5', CircularLoggingEnabled: 'true', Mounted: false }, resource),
    ),
    executed,
  );
  assert.deepEqual(
    rehearsal.changes().map(({ command, parameters }) => [command, parameters['Identity'], parameters['Confirm']]),
    [
      ['Set-MailboxDatabase', 'DB4', false],
      ['Dismount-Database', 'DB5', false],
    ],
  );
  const path = new ExchangeRehearsal(context);
  const [row] = await path.carryOut(databaseOrder('Modified', { EdbFilePath: 'E:\\x.edb' }, resource));
  assert.match(row?.[2] ?? '', /Move-DatabasePath/);
  assert.deepEqual(path.changes(), []);
});

test('a database deleted: refused while anything lives in it, else dismounted and removed', {
  skip,
}, async (context) => {
  for (const [name, said] of [
    ['DB1', /anna lives in it/],
    ['DB3', /arbitrator lives in it/],
  ] as const) {
    const rehearsal = new ExchangeRehearsal(context);
    const [row] = await rehearsal.carryOut(databaseOrder('Deleted', {}, { Name: name }));
    assert.match(row?.[2] ?? '', said);
    assert.deepEqual(rehearsal.changes(), []);
  }
  const rehearsal = new ExchangeRehearsal(context);
  assert.deepEqual(await rehearsal.carryOut(databaseOrder('Deleted', {}, { Name: 'DB2' })), executed);
  assert.deepEqual(
    rehearsal.changes().map(({ command }) => command),
    ['Dismount-Database', 'Remove-MailboxDatabase'],
  );
  const refused = new ExchangeRehearsal(context, { MountWaitSeconds: 0 });
  refused.fail({ command: 'Remove-MailboxDatabase', message: 'an archive lives there' });
  const [row] = await refused.carryOut(databaseOrder('Deleted', {}, { Name: 'DB2' }));
  assert.deepEqual(row?.[2], 'the database DB2 is not removed, and mounted again: an archive lives there');
  assert.equal(refused.organisation.databases.find(({ Name }) => Name === 'DB2')?.['Mounted'], true);
});

test('an error that a cmdlet reports without ending makes the order errored, and the next one goes on', {
  skip,
}, async (context) => {
  const rehearsal = new ExchangeRehearsal(context);
  rehearsal.fail({ command: 'Disable-Mailbox', identity: 'anna', message: 'held in litigation', terminating: false });
  const states = await rehearsal.carryOut(
    mailboxOrder('Deleted', {}, { SamAccountName: 'anna' }),
    orderOf('2', { ChangeType: 'Deleted', Changes: {}, Resource: { SamAccountName: 'bobby' } }),
  );
  assert.deepEqual(states, [
    ['1', 'Errored', 'held in litigation'],
    ['2', 'Executed', ''],
  ]);
});

test('what the settings protect is not touched, by whatever name an order knows it', { skip }, async (context) => {
  const rehearsal = new ExchangeRehearsal(
    context,
    {},
    {
      protectedMailboxes: ['smtp:A@contoso.com', '*llanger v*'],
      protectedDatabases: ['{11111111-0000-0000-0000-000000000004}'],
    },
  );
  const database = { ResourceType: { TargetEntityType: { Identifier: 'MicrosoftExchange_Database' } } };
  const states = await rehearsal.carryOut(
    orderOf('1', { ChangeType: 'Deleted', Changes: {}, Resource: { SamAccountName: 'anna' } }),
    orderOf('2', { ChangeType: 'Modified', Changes: { DisplayName: 'x' }, Resource: { SamAccountName: 'anna' } }),
    orderOf('3', { Changes: { SamAccountName: 'vbellanger' } }),
    orderOf('4', { ...database, ChangeType: 'Deleted', Changes: {}, Resource: { Name: 'DB4' } }),
    orderOf('5', { ChangeType: 'Deleted', Changes: {}, Resource: { SamAccountName: 'a*' } }),
    orderOf('6', { ChangeType: 'Deleted', Changes: {}, Resource: { SamAccountName: 'bobby' } }),
  );
  assert.deepEqual(states, [
    ['1', 'Errored', "not-allowed: it is protected: ProtectedMailboxes has 'smtp:A@contoso.com'"],
    ['2', 'Errored', "not-allowed: it is protected: ProtectedMailboxes has 'smtp:A@contoso.com'"],
    ['3', 'Errored', "not-allowed: it is protected: ProtectedMailboxes has '*llanger v*'"],
    ['4', 'Errored', "not-allowed: it is protected: ProtectedDatabases has '{11111111-0000-0000-0000-000000000004}'"],
    ['5', 'Errored', "'a*' names no single mailbox: * and control characters are not allowed in SamAccountName"],
    ['6', 'Executed', ''],
  ]);
  assert.deepEqual(
    rehearsal.changes().map(({ command, parameters }) => [command, parameters['Identity']]),
    [['Disable-Mailbox', 'bobby']],
  );
});
