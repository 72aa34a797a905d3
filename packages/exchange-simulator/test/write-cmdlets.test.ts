/* The cmdlets that write: each rule of Exchange's kept, and broken. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createTestOrganization, openInProcessSession, type TestOrganization } from '../src/index.ts';
import { type Argument, only, type Outcome, run } from './in-process.ts';

interface Place {
  readonly organization: TestOrganization;
  readonly run: (name: string, parameters?: Readonly<Record<string, Argument>>) => Promise<Outcome>;
  /** The state of the mailbox of `nora`. */
  readonly mailbox: (...names: readonly string[]) => Promise<readonly unknown[]>;
}

/** An organisation with an account `nora`, and with her mailbox in DB01 unless told otherwise. */
async function place(
  options: { without?: readonly string[]; account?: 'bare'; roles?: readonly string[] } = {},
): Promise<Place> {
  const organization = createTestOrganization({ mailboxes: 60, clock: 'virtual' });
  organization.change({ kind: 'createRecipient', recipientClass: 'user', name: 'Nora Berg', samAccountName: 'nora' });
  const { account, ...server } = options;
  const session = openInProcessSession(organization, server);
  const call: Place['run'] = (name, parameters) => run(session, name, parameters);
  if (account !== 'bare') {
    organization.change({ kind: 'enableMailbox', account: guidOf(organization, 'nora') });
    organization.clock.advance(3_600_000);
  }
  return {
    organization,
    run: call,
    mailbox: async (...names) => only(await call('Get-Mailbox', { Identity: 'nora' }), ...names),
  };
}

function guidOf(organization: TestOrganization, samAccountName: string): string {
  const found = [...organization.truth().others()].find((other) => other.samAccountName === samAccountName);
  assert.ok(found !== undefined);
  return found.guid;
}

function refused(outcome: Outcome, reason: string, message: RegExp): void {
  assert.equal(outcome.failure, undefined);
  assert.deepEqual(
    outcome.errors.map(([seen]) => seen),
    [reason],
  );
  assert.match(outcome.errors[0]?.[1] ?? '', message);
}

function done(outcome: Outcome): void {
  assert.deepEqual([outcome.errors, outcome.failure, outcome.warnings], [[], undefined, []]);
}

const off = { EmailAddressPolicyEnabled: false };

test('Enable-Mailbox gives an account a mailbox in a database, and tells of it', async () => {
  const { run: call, organization } = await place({ account: 'bare' });
  const guid = guidOf(organization, 'nora');
  const made = await call('Enable-Mailbox', { Identity: 'nora', Database: 'DB02', Alias: 'nora.b' });
  assert.deepEqual(
    only(made, 'Guid', 'Alias', 'Database', 'PrimarySmtpAddress', 'EmailAddressPolicyEnabled', 'RecipientTypeDetails'),
    [guid, 'nora.b', 'DB02', 'nora.b@example.test', true, 'UserMailbox'],
  );
  refused(
    await call('Enable-Mailbox', { Identity: 'nora' }),
    'RecipientTaskException',
    /does not support recipients of this type.*Nora Berg is of type UserMailbox/,
  );
  refused(
    await call('Enable-Mailbox', { Identity: 'nobody' }),
    'ManagementObjectNotFoundException',
    /'nobody' couldn't be found on 'dc01\.example\.test'/,
  );
  refused(await call('Enable-Mailbox', { Identity: 'mailuser0' }), 'RecipientTaskException', /is of type MailUser\./);
  refused(
    await call('Enable-Mailbox', { Identity: 'remote0' }),
    'RecipientTaskException',
    /is of type RemoteUserMailbox\./,
  );
});

test('Enable-Mailbox with a primary address takes the mailbox out of the policy; without one an address that is taken gets a number', async () => {
  const { run: call, organization } = await place({ account: 'bare' });
  const made = await call('Enable-Mailbox', { Identity: 'nora', PrimarySmtpAddress: 'n.berg@example.test' });
  assert.deepEqual(only(made, 'PrimarySmtpAddress', 'EmailAddressPolicyEnabled'), ['n.berg@example.test', false]);
  organization.change({ kind: 'createRecipient', recipientClass: 'user', samAccountName: 'second' });
  refused(
    await call('Enable-Mailbox', { Identity: 'second', PrimarySmtpAddress: 'N.Berg@example.test' }),
    'ProxyAddressExistsException',
    /^The proxy address "SMTP:N\.Berg@example\.test" is already being used by the proxy addresses or LegacyExchangeDN of "example\.test\/Staff\/Nora Berg"\. Please choose another proxy address\.$/,
  );
  const numbered = await call('Enable-Mailbox', { Identity: 'second', Alias: 'team1' });
  assert.deepEqual(only(numbered, 'PrimarySmtpAddress'), ['team12@example.test']);
});

test('a shared, room or linked mailbox needs an account that cannot log on, a user’s one that can', async () => {
  const { run: call, organization } = await place({ account: 'bare' });
  refused(
    await call('Enable-Mailbox', { Identity: 'nora', Shared: true }),
    'RecipientTaskException',
    /must be logon-disabled for linked, shared, or resource mailbox/,
  );
  const { guid } = organization.change({ kind: 'createRecipient', recipientClass: 'user', samAccountName: 'room' });
  organization.change({ kind: 'setMailbox', mailbox: guid, properties: { accountDisabled: true } });
  refused(await call('Enable-Mailbox', { Identity: 'room' }), 'RecipientTaskException', /must be logon-enabled/);
  assert.deepEqual(
    only(await call('Enable-Mailbox', { Identity: 'room', Room: true }), 'RecipientTypeDetails', 'IsResource'),
    ['RoomMailbox', true],
  );
  assert.equal(
    (await call('Enable-Mailbox', { Identity: 'nora', Room: true, Shared: true })).failureId,
    'AmbiguousParameterSet,Enable-Mailbox',
  );
});

test('the database of a new mailbox must be there', async () => {
  const { run: call } = await place({ account: 'bare' });
  refused(
    await call('Enable-Mailbox', { Identity: 'nora', Database: 'DB99' }),
    'ManagementObjectNotFoundException',
    /^Couldn't find database "DB99"\. Make sure you have typed it correctly\.$/,
  );
});

test('Set-Mailbox writes what it is given, and Get-Mailbox shows it', async () => {
  const { run: call, mailbox } = await place();
  const before = (await mailbox('WhenChangedUTC'))[0];
  done(
    await call('Set-Mailbox', {
      Identity: 'nora',
      DisplayName: 'Berg, Nora',
      UseDatabaseQuotaDefaults: false,
      IssueWarningQuota: '1.5GB',
      ProhibitSendQuota: '2 GB (2,147,483,648 bytes)',
      ProhibitSendReceiveQuota: 'Unlimited',
      MaxSendSize: '25MB',
      HiddenFromAddressListsEnabled: true,
      CustomAttribute1: 'one',
      CustomAttribute15: 'fifteen',
      RetainDeletedItemsFor: '30.00:00:00',
      ForwardingAddress: 'contact3@partner.example',
      ForwardingSmtpAddress: 'nora@elsewhere.example',
      DeliverToMailboxAndForward: true,
      Force: true,
      Office: 'Oslo',
      RequireSenderAuthenticationEnabled: true,
    }),
  );
  assert.deepEqual(
    await mailbox(
      'DisplayName',
      'UseDatabaseQuotaDefaults',
      'IssueWarningQuota',
      'ProhibitSendQuota',
      'ProhibitSendReceiveQuota',
      'MaxSendSize',
      'HiddenFromAddressListsEnabled',
      'CustomAttribute1',
      'CustomAttribute15',
      'RetainDeletedItemsFor',
      'ForwardingAddress',
      'ForwardingSmtpAddress',
      'DeliverToMailboxAndForward',
      'Office',
      'RequireSenderAuthenticationEnabled',
    ),
    [
      'Berg, Nora',
      false,
      '1.5 GB (1,610,612,736 bytes)',
      '2 GB (2,147,483,648 bytes)',
      'Unlimited',
      '25 MB (26,214,400 bytes)',
      true,
      'one',
      'fifteen',
      '30.00:00:00',
      'example.test/Partners/Contact 3',
      'smtp:nora@elsewhere.example',
      true,
      'Oslo',
      true,
    ],
  );
  assert.notEqual((await mailbox('WhenChangedUTC'))[0], before);
  done(await call('Set-Mailbox', { Identity: 'nora', ForwardingAddress: null, ForwardingSmtpAddress: null }));
  assert.deepEqual(await mailbox('ForwardingAddress', 'ForwardingSmtpAddress'), [null, null]);
});

test('Set-Mailbox that changes nothing warns, and leaves whenChanged alone', async () => {
  const { run: call, mailbox } = await place();
  const before = await mailbox('WhenChangedUTC');
  const outcome = await call('Set-Mailbox', { Identity: 'nora', DisplayName: 'Nora Berg' });
  assert.deepEqual(outcome.warnings, [
    "The command completed successfully but no settings of 'example.test/Staff/Nora Berg' have been modified.",
  ]);
  assert.deepEqual(await mailbox('WhenChangedUTC'), before);
});

test('addresses are replaced as a whole; the first SMTP one is primary where none is marked', async () => {
  const { run: call, mailbox } = await place();
  const list = ['smtp:one@example.test', 'two@example.test', 'X400:C=NO;A= ;P=Org;S=Berg;'];
  done(await call('Set-Mailbox', { Identity: 'nora', EmailAddresses: list, ...off }));
  assert.deepEqual(await mailbox('PrimarySmtpAddress', 'EmailAddresses'), [
    'one@example.test',
    ['SMTP:one@example.test', 'smtp:two@example.test', 'X400:C=NO;A= ;P=Org;S=Berg;'],
  ]);
});

test('a hashtable adds and removes; an added primary address makes the old one secondary', async () => {
  const { run: call, mailbox } = await place();
  done(await call('Set-Mailbox', { Identity: 'nora', ...off }));
  done(
    await call('Set-Mailbox', {
      Identity: 'nora',
      EmailAddresses: { Add: ['SMTP:first@example.test', 'smtp:third@example.test'], Remove: 'smtp:none@example.test' },
    }),
  );
  assert.deepEqual(await mailbox('EmailAddresses'), [
    ['SMTP:first@example.test', 'smtp:nora@example.test', 'smtp:third@example.test'],
  ]);
  done(await call('Set-Mailbox', { Identity: 'nora', EmailAddresses: { Remove: ['NORA@example.test'] } }));
  assert.deepEqual(await mailbox('EmailAddresses'), [['SMTP:first@example.test', 'smtp:third@example.test']]);
  refused(
    await call('Set-Mailbox', { Identity: 'nora', EmailAddresses: { Remove: 'first@example.test' } }),
    'DataValidationException',
    /primary SMTP address "first@example\.test" can't be removed/,
  );
  assert.match(
    (await call('Set-Mailbox', { Identity: 'nora', EmailAddresses: { Put: 'x@example.test' } })).failure?.[1] ?? '',
    /The key "Put" isn't valid/,
  );
});

test('two primary addresses, an address that is none, and both address parameters at once are refused', async () => {
  const { run: call, mailbox } = await place();
  const two = await call('Set-Mailbox', { Identity: 'nora', EmailAddresses: ['SMTP:a@b.test', 'SMTP:c@b.test'] });
  assert.equal(two.failureId, 'ParameterArgumentTransformationError,Set-Mailbox');
  assert.match(two.failure?.[1] ?? '', /multiple primary proxy addresses of type "SMTP"/);
  const none = await call('Set-Mailbox', { Identity: 'nora', EmailAddresses: 'not an address' });
  assert.match(none.failure?.[1] ?? '', /"not an address" isn't a valid SMTP address/);
  refused(
    await call('Set-Mailbox', { Identity: 'nora', EmailAddresses: 'a@b.test', PrimarySmtpAddress: 'c@b.test', ...off }),
    'RecipientTaskException',
    /^You can't use the EmailAddresses and PrimarySmtpAddress parameters in the same command\.$/,
  );
  for (const EmailAddresses of [null, [], ['X400:C=NO;S=Berg;']])
    refused(
      await call('Set-Mailbox', { Identity: 'nora', EmailAddresses, ...off }),
      'DataValidationException',
      /must contain one primary SMTP address/,
    );
  assert.deepEqual(await mailbox('EmailAddresses'), [['SMTP:nora@example.test']]);
});

test('the policy keeps the primary address, with a warning, until it is switched off', async () => {
  const { run: call, mailbox } = await place();
  const warned = await call('Set-Mailbox', { Identity: 'nora', PrimarySmtpAddress: 'boss@example.test' });
  assert.deepEqual([warned.errors, warned.warnings.length], [[], 1]);
  assert.match(warned.warnings[0] ?? '', /configured to use an email address policy/);
  assert.deepEqual(await mailbox('PrimarySmtpAddress'), ['nora@example.test']);
  done(await call('Set-Mailbox', { Identity: 'nora', EmailAddresses: { Add: 'second@example.test' } }));
  done(await call('Set-Mailbox', { Identity: 'nora', PrimarySmtpAddress: 'chief@example.test', ...off }));
  assert.deepEqual(await mailbox('PrimarySmtpAddress', 'EmailAddressPolicyEnabled'), ['chief@example.test', false]);
  done(await call('Set-Mailbox', { Identity: 'nora', EmailAddressPolicyEnabled: true }));
  assert.deepEqual(await mailbox('PrimarySmtpAddress'), ['nora@example.test']);
  done(await call('Set-Mailbox', { Identity: 'nora', Alias: 'nberg' }));
  assert.deepEqual(await mailbox('PrimarySmtpAddress'), ['nberg@example.test']);
});

test('an address of any recipient of the forest is taken, whatever its kind, domain or case', async () => {
  const { run: call, organization } = await place();
  const takers = [...organization.truth().others()].filter(({ emailAddresses }) => emailAddresses.length > 0);
  const kinds = new Set(takers.map(({ recipientClass }) => recipientClass));
  assert.deepEqual([...kinds].sort(), ['contact', 'group', 'mailUser', 'publicFolder', 'remoteMailbox']);
  const emea = [...organization.truth().mailboxes()].find(({ domain }) => domain.startsWith('emea'));
  const addresses = [
    ...[...kinds].map(
      (kind) => takers.findLast(({ recipientClass }) => recipientClass === kind)?.emailAddresses[0] ?? '',
    ),
    `smtp:${emea?.properties['PrimarySmtpAddress']}`,
  ];
  for (const address of addresses) {
    const wanted = `smtp:${address.slice(address.indexOf(':') + 1).toUpperCase()}`;
    refused(
      await call('Set-Mailbox', { Identity: 'nora', EmailAddresses: { Add: wanted } }),
      'ProxyAddressExistsException',
      /is already being used by the proxy addresses or LegacyExchangeDN of "(emea\.)?example\.test\//,
    );
  }
});

test('quotas that have a size keep their order, where the mailbox does not have those of its database', async () => {
  const { run: call, mailbox } = await place();
  const violation =
    /^The value of property 'ProhibitSendQuota' must be greater than or equal to that of property 'IssueWarningQuota'\. ProhibitSendQuota: '2 GB \(2,147,483,648 bytes\)', IssueWarningQuota: '3 GB \(3,221,225,472 bytes\)'\.$/;
  const set = (given: Record<string, string | boolean>) => call('Set-Mailbox', { Identity: 'nora', ...given });
  done(await set({ IssueWarningQuota: '3GB', ProhibitSendQuota: '2GB' }));
  // What stands there is not looked at anew; what is changed is.
  done(await set({ UseDatabaseQuotaDefaults: false, DisplayName: 'Nora' }));
  refused(await set({ IssueWarningQuota: '3GB', ProhibitSendQuota: '2.5GB' }), 'DataValidationException', /2\.5 GB/);
  done(await set({ IssueWarningQuota: 'Unlimited' }));
  refused(await set({ IssueWarningQuota: '3GB' }), 'DataValidationException', violation);
  refused(
    await set({ IssueWarningQuota: '3GB', ProhibitSendQuota: 'Unlimited', ProhibitSendReceiveQuota: '2GB' }),
    'DataValidationException',
    /'ProhibitSendReceiveQuota' must be greater than or equal to that of property 'IssueWarningQuota'/,
  );
  refused(await set({ RecoverableItemsQuota: '1GB' }), 'DataValidationException', /'RecoverableItemsWarningQuota'/);
  refused(await set({ CalendarLoggingQuota: '31GB' }), 'DataValidationException', /'CalendarLoggingQuota'/);
  assert.deepEqual(await mailbox('IssueWarningQuota', 'ProhibitSendQuota'), [
    'Unlimited',
    '2 GB (2,147,483,648 bytes)',
  ]);
  assert.equal((await set({ MaxSendSize: 'much' })).failureId, 'ParameterArgumentTransformationError,Set-Mailbox');
});

test('names are unique where the directory wants them so', async () => {
  const { run: call, organization } = await place();
  organization.change({ kind: 'createMailbox', name: 'Other', samAccountName: 'other' });
  refused(
    await call('Set-Mailbox', { Identity: 'nora', Name: 'OTHER' }),
    'ADObjectAlreadyExistsException',
    /The object 'CN=Other,OU=Staff,DC=example,DC=test' already exists/,
  );
  refused(
    await call('Set-Mailbox', { Identity: 'nora', SamAccountName: 'other' }),
    'PropertyValueExistsException',
    /"SamAccountName" is already being used/,
  );
  refused(
    await call('Set-Mailbox', { Identity: 'nora', UserPrincipalName: 'other@example.test' }),
    'PropertyValueExistsException',
    /"UserPrincipalName"/,
  );
  refused(
    await call('Set-Mailbox', { Identity: 'nora', Alias: 'no spaces' }),
    'DataValidationException',
    /Property expression "no spaces" isn't valid/,
  );
  done(await call('Set-Mailbox', { Identity: 'nora', Name: 'Berg' }));
  assert.deepEqual(only(await call('Get-Mailbox', { Identity: 'nora' }), 'Identity', 'DistinguishedName'), [
    'example.test/Staff/Berg',
    'CN=Berg,OU=Staff,DC=example,DC=test',
  ]);
});

test('Set-Mailbox and its neighbours tell no recipient from one of another kind', async () => {
  const { run: call } = await place();
  for (const name of ['Set-Mailbox', 'Disable-Mailbox', 'Remove-Mailbox']) {
    refused(
      await call(name, { Identity: 'nobody', Confirm: false }),
      'ManagementObjectNotFoundException',
      /'nobody' couldn't be found on/,
    );
    refused(
      await call(name, { Identity: 'remote0', Confirm: false }),
      'ManagementObjectNotFoundException',
      /^remote0 isn't a mailbox user\.$/,
    );
  }
  assert.equal((await call('Set-Mailbox', { DisplayName: 'x' })).failureId, 'MissingMandatoryParameter,Set-Mailbox');
});

test('a hidden mailbox is written with its switch only', async () => {
  const { run: call, organization } = await place();
  const hidden = [...organization.truth().mailboxes()].find(({ hiddenBehind }) => hiddenBehind === 'Arbitration');
  const target = { Identity: hidden?.guid ?? '', DisplayName: 'changed' };
  refused(await call('Set-Mailbox', target), 'ManagementObjectNotFoundException', /couldn't be found/);
  done(await call('Set-Mailbox', { ...target, Arbitration: true }));
});

test('Disable-Mailbox leaves the account, which gets another mailbox with a new ExchangeGuid and its own Guid', async () => {
  const { run: call, mailbox } = await place();
  const [guid, exchangeGuid] = await mailbox('Guid', 'ExchangeGuid');
  done(await call('Disable-Mailbox', { Identity: 'nora', Confirm: false }));
  refused(await call('Get-Mailbox', { Identity: 'nora' }), 'ManagementObjectNotFoundException', /couldn't be found/);
  assert.deepEqual(only(await call('Get-User', { Identity: 'nora' }), 'Guid', 'RecipientType', 'WindowsEmailAddress'), [
    guid,
    'User',
    '',
  ]);
  const again = only(await call('Enable-Mailbox', { Identity: 'nora' }), 'Guid', 'ExchangeGuid');
  assert.equal(again[0], guid);
  assert.notEqual(again[1], exchangeGuid);
});

test('Remove-Mailbox takes the account with it; another of the same name is another object', async () => {
  const { run: call, mailbox, organization } = await place();
  const [guid] = await mailbox('Guid');
  done(await call('Remove-Mailbox', { Identity: 'nora', Confirm: false }));
  refused(await call('Get-User', { Identity: 'nora' }), 'ManagementObjectNotFoundException', /couldn't be found/);
  organization.change({ kind: 'createMailbox', name: 'Nora Berg', samAccountName: 'nora' });
  assert.notEqual((await mailbox('Guid'))[0], guid);
});

test('a mailbox on hold, or on its way, is not disabled', async () => {
  const { run: call } = await place();
  done(await call('Set-Mailbox', { Identity: 'nora', LitigationHoldEnabled: true }));
  refused(
    await call('Disable-Mailbox', { Identity: 'nora', Confirm: false }),
    'RecipientTaskException',
    /litigation hold/,
  );
  await call('New-MoveRequest', { Identity: 'nora', TargetDatabase: 'DB02' });
  refused(
    await call('Remove-Mailbox', { Identity: 'nora', Confirm: false, IgnoreLegalHold: true }),
    'RecipientTaskException',
    /is being moved/,
  );
});

test('what destroys asks first, and fails where nobody answers; -Confirm:$false does not ask', async () => {
  const organization = createTestOrganization({ mailboxes: 30, clock: 'virtual' });
  const { guid } = organization.change({ kind: 'createMailbox', samAccountName: 'nora' });
  const silent = openInProcessSession(organization);
  assert.equal((await run(silent, 'Disable-Mailbox', { Identity: 'nora' })).failureId, 'HostFunctionNotImplemented');
  // This client answers every question of a server with a refusal.
  const asking = openInProcessSession(organization, { asksNullHosts: true });
  for (const name of ['Disable-Mailbox', 'Remove-Mailbox']) {
    assert.match(
      (await run(asking, name, { Identity: 'nora' })).failure?.[1] ?? '',
      /PromptForChoice cannot be answered/,
    );
  }
  assert.equal((await run(asking, 'Dismount-Database', { Identity: 'DB01' })).failureId, 'InvalidOperation');
  assert.equal(
    (await run(asking, 'Remove-MailboxDatabase', { Identity: 'DB01' })).errors[0]?.[0],
    'AssociatedUserMailboxExistException',
  );
  // What does not destroy asks when it is told to.
  done(await run(asking, 'Set-Mailbox', { Identity: 'nora', DisplayName: 'a' }));
  assert.equal(
    (await run(asking, 'Set-Mailbox', { Identity: 'nora', DisplayName: 'b', Confirm: true })).failureId,
    'InvalidOperation',
  );
  assert.deepEqual(only(await run(asking, 'Get-Mailbox', { Identity: guid }), 'DisplayName'), ['a']);
  // A second way of forwarding is a question of its own: -Force answers it, -Confirm:$false does not.
  done(await run(silent, 'Set-Mailbox', { Identity: 'nora', ForwardingSmtpAddress: 'nora@elsewhere.example' }));
  const both = { Identity: 'nora', ForwardingAddress: 'contact3@partner.example', Confirm: false };
  assert.equal((await run(silent, 'Set-Mailbox', both)).failureId, 'HostFunctionNotImplemented');
  done(await run(silent, 'Set-Mailbox', { ...both, Force: true }));
  done(await run(silent, 'Set-Mailbox', { ...both, ForwardingAddress: 'contact7@partner.example' }));
  done(await run(asking, 'Disable-Mailbox', { Identity: 'nora', Confirm: false }));
});

test('-WhatIf changes nothing, and says nothing to a client without a host', async () => {
  const { run: call, mailbox, organization } = await place();
  const before = await mailbox('DisplayName', 'WhenChangedUTC', 'Database');
  const whatIf = { Identity: 'nora', WhatIf: true };
  for (const [name, parameters] of [
    ['Set-Mailbox', { DisplayName: 'x' }],
    ['Disable-Mailbox', {}],
    ['Remove-Mailbox', {}],
    ['New-MoveRequest', { TargetDatabase: 'DB02' }],
  ] as const) {
    const outcome = await call(name, { ...whatIf, ...parameters });
    assert.deepEqual([outcome.rows, outcome.errors, outcome.failure], [[], [], undefined], name);
  }
  await call('New-MailboxDatabase', { Name: 'Never', Server: 'EX01', WhatIf: true });
  await call('Dismount-Database', { Identity: 'DB01', WhatIf: true });
  assert.deepEqual(await mailbox('DisplayName', 'WhenChangedUTC', 'Database'), before);
  assert.ok(organization.databases.every(({ name, mounted }) => name !== 'Never' && (name !== 'DB01' || mounted)));
});

test('a move is queued, copied and completed by the clock, and blocks the next until it is removed', async () => {
  const { run: call, mailbox, organization } = await place();
  const queued = await call('New-MoveRequest', { Identity: 'nora', TargetDatabase: 'DB02', BatchName: 'night' });
  assert.deepEqual(only(queued, 'Status', 'PercentComplete', 'SourceDatabase', 'TargetDatabase', 'BatchName'), [
    'Queued',
    0,
    'DB01',
    'DB02',
    'night',
  ]);
  refused(
    await call('New-MoveRequest', { Identity: 'nora', TargetDatabase: 'DB03' }),
    'ManagementObjectAlreadyExistsException',
    /already being moved to 'DB02'/,
  );
  organization.clock.advance(30_000);
  assert.deepEqual(
    only(await call('Get-MoveRequestStatistics', { Identity: 'nora' }), 'Status', 'StatusDetail', 'PercentComplete'),
    ['InProgress', 'CopyingMessages', 43],
  );
  assert.deepEqual(await mailbox('Database', 'MailboxMoveStatus'), ['DB01', 'InProgress']);
  organization.clock.advance(30_000);
  assert.deepEqual(await mailbox('Database', 'MailboxMoveStatus', 'WhenChangedUTC'), [
    'DB02',
    'Completed',
    '2025-07-01T09:01:00Z',
  ]);
  refused(
    await call('New-MoveRequest', { Identity: 'nora', TargetDatabase: 'DB03' }),
    'RecipientTaskException',
    /^Mailbox 'Nora Berg' has a completed move request associated with it\. Before you create a new move request for the mailbox, run the Remove-MoveRequest cmdlet/,
  );
  assert.deepEqual(
    (await call('Get-MoveRequest', { TargetDatabase: 'DB02' })).rows.map((row) => row('Status')),
    ['Completed'],
  );
  assert.deepEqual((await call('Get-MoveRequest', { TargetDatabase: 'DB03' })).rows, []);
  done(await call('Remove-MoveRequest', { Identity: 'nora', Confirm: false }));
  refused(
    await call('Get-MoveRequest', { Identity: 'nora' }),
    'ManagementObjectNotFoundException',
    /^Couldn't find a move request that corresponds to the specified identity 'nora'\.$/,
  );
  assert.equal((await call('New-MoveRequest', { Identity: 'nora', TargetDatabase: 'DB03' })).rows.length, 1);
});

test('a move that is removed on its way leaves the mailbox where it was; one into a database that goes down fails', async () => {
  const { run: call, mailbox, organization } = await place();
  await call('New-MoveRequest', { Identity: 'nora', TargetDatabase: 'DB02' });
  organization.clock.advance(20_000);
  done(await call('Remove-MoveRequest', { Identity: 'nora', Confirm: false }));
  organization.clock.advance(100_000);
  assert.deepEqual(await mailbox('Database'), ['DB01']);
  refused(
    await call('New-MoveRequest', { Identity: 'nora', TargetDatabase: 'DB01' }),
    'RecipientTaskException',
    /already in the target database/,
  );
  await call('New-MoveRequest', { Identity: 'nora', TargetDatabase: 'DB02' });
  organization.change({ kind: 'dismountDatabase', database: 'DB02' });
  organization.clock.advance(100_000);
  assert.deepEqual(only(await call('Get-MoveRequestStatistics', { Identity: 'nora' }), 'Status'), ['Failed']);
  assert.deepEqual(await mailbox('Database'), ['DB01']);
});

test('a database is made, mounted when the directory has come to its server, changed, dismounted and removed', async () => {
  const { run: call, organization } = await place();
  organization.setReplicationLag('dc02.example.test', 60_000);
  const made = await call('New-MailboxDatabase', {
    Name: 'Fresh',
    Server: 'EX02',
    EdbFilePath: 'D:\\Fresh\\Fresh.edb',
  });
  assert.deepEqual(made.warnings, [
    'Please restart the Microsoft Exchange Information Store service on server EX02 after adding new mailbox databases.',
  ]);
  assert.deepEqual(only(made, 'Name', 'Server', 'EdbFilePath', 'Mounted'), [
    'Fresh',
    'EX02',
    'D:\\Fresh\\Fresh.edb',
    null,
  ]);
  refused(
    await call('Mount-Database', { Identity: 'Fresh' }),
    'InvalidOperationException',
    /MapiExceptionNotFound: Unable to mount database\. \(hr=0x8004010f, ec=-2147221233\)/,
  );
  organization.clock.advance(60_000);
  done(await call('Mount-Database', { Identity: 'Fresh' }));
  done(
    await call('Set-MailboxDatabase', {
      Identity: 'Fresh',
      Name: 'Fresher',
      DeletedItemRetention: '30.00:00:00',
      ProhibitSendReceiveQuota: '5GB',
      CircularLoggingEnabled: true,
    }),
  );
  const seen = await call('Get-MailboxDatabase', { Identity: 'Fresher', Status: true });
  assert.deepEqual(
    only(seen, 'Mounted', 'DeletedItemRetention', 'ProhibitSendReceiveQuota', 'CircularLoggingEnabled'),
    [true, '30.00:00:00', '5 GB (5,368,709,120 bytes)', true],
  );
  refused(
    await call('Set-MailboxDatabase', { Identity: 'Fresher', IssueWarningQuota: '9GB' }),
    'DataValidationException',
    /must be greater than or equal to/,
  );
  done(await call('Dismount-Database', { Identity: 'Fresher', Confirm: false }));
  const removed = await call('Remove-MailboxDatabase', { Identity: 'Fresher', Confirm: false });
  assert.match(
    removed.warnings[0] ?? '',
    /^The specified database has been removed\. You must remove the database file located in D:\\Fresh\\Fresh\.edb/,
  );
  refused(
    await call('Get-MailboxDatabase', { Identity: 'Fresher' }),
    'ManagementObjectNotFoundException',
    /Couldn't find database "Fresher"/,
  );
});

test('a database whose name or file is taken, or whose server is unknown, is not made', async () => {
  const { run: call } = await place();
  refused(
    await call('New-MailboxDatabase', { Name: 'db01', Server: 'EX01' }),
    'ADObjectAlreadyExistsException',
    /The object 'CN=DB01,/,
  );
  refused(
    await call('New-MailboxDatabase', { Name: 'X', Server: 'EX09' }),
    'ManagementObjectNotFoundException',
    /'EX09' couldn't be found/,
  );
  refused(
    await call('New-MailboxDatabase', { Name: 'X', Server: 'EX01', EdbFilePath: 'X.edb' }),
    'ArgumentException',
    /isn't a valid path/,
  );
  refused(await call('New-MailboxDatabase', { Name: 'a/b', Server: 'EX01' }), 'DataValidationException', /isn't valid/);
  refused(
    await call('Set-MailboxDatabase', { Identity: 'DB01', Name: 'DB02' }),
    'ADObjectAlreadyExistsException',
    /CN=DB02,/,
  );
});

test('a database in which a mailbox, an archive, a hidden mailbox or a move is, is not removed', async () => {
  const { run: call, organization } = await place();
  const make = (name: string): void => void organization.change({ kind: 'createDatabase', name });
  const remove = (name: string): Promise<Outcome> => call('Remove-MailboxDatabase', { Identity: name, Confirm: false });
  for (const name of ['Of mailbox', 'Of archive', 'Of arbitration', 'Of move', 'Of nobody']) make(name);
  organization.change({ kind: 'createMailbox', samAccountName: 'inside', database: 'Of mailbox' });
  await call('Enable-Mailbox', { Identity: 'nora', Archive: true, ArchiveDatabase: 'Of archive' });
  organization.change({ kind: 'createMailbox', mailboxKind: 'arbitration', database: 'Of arbitration' });
  await call('New-MoveRequest', { Identity: 'inside', TargetDatabase: 'Of move' });
  for (const name of ['Of mailbox', 'Of archive', 'Of arbitration', 'Of move']) {
    refused(
      await remove(name),
      'AssociatedUserMailboxExistException',
      /^This mailbox database contains one or more mailboxes, mailbox plans, archive mailboxes, public folder mailboxes or arbitration mailboxes\. To get a list of all mailboxes in this database, run the command Get-Mailbox -Database <Database ID>\./,
    );
  }
  assert.deepEqual((await remove('Of nobody')).errors, []);
});

test('a write goes to the domain controller that is named, and is seen there first', async () => {
  const { run: call, organization } = await place();
  organization.setReplicationLag('dc01.example.test', 600_000);
  const there = { Identity: 'nora', DomainController: 'dc02.example.test' };
  done(await call('Set-Mailbox', { ...there, DisplayName: 'There' }));
  assert.deepEqual(only(await call('Get-Mailbox', there), 'DisplayName', 'OriginatingServer'), [
    'There',
    'dc02.example.test',
  ]);
  assert.deepEqual(only(await call('Get-Mailbox', { Identity: 'nora' }), 'DisplayName'), ['Nora Berg']);
  organization.clock.advance(600_000);
  assert.deepEqual(only(await call('Get-Mailbox', { Identity: 'nora' }), 'DisplayName'), ['There']);
  refused(
    await call('Set-Mailbox', { Identity: 'nora', DisplayName: 'x', DomainController: 'dc09' }),
    'SuitabilityDirectoryException',
    /0x51/,
  );
});

test('Get-Recipient finds every kind that has mail, by address, filter and name; Get-User every account', async () => {
  const { run: call, organization } = await place({ account: 'bare' });
  const all = await call('Get-Recipient', { ResultSize: 'Unlimited' });
  const details = new Set(all.rows.map((row) => row('RecipientTypeDetails')));
  for (const name of [
    'UserMailbox',
    'SharedMailbox',
    'MailContact',
    'MailUser',
    'RemoteUserMailbox',
    'MailUniversalDistributionGroup',
    'PublicFolder',
  ])
    assert.ok(details.has(name), name);
  assert.ok(!details.has('User') && !details.has('ArbitrationMailbox'));
  assert.deepEqual(
    only(await call('Get-Recipient', { Identity: 'contact7@partner.example' }), 'Name', 'RecipientType'),
    ['Contact 7', 'MailContact'],
  );
  for (const address of ['smtp:TEAM1@example.test', 'team1@example.test', 'SMTP:team1@example.test'])
    assert.deepEqual(only(await call('Get-Recipient', { Filter: `EmailAddresses -eq '${address}'` }), 'Alias'), [
      'team1',
    ]);
  assert.deepEqual(only(await call('Get-User', { Filter: "SamAccountName -eq 'nora'" }), 'RecipientTypeDetails'), [
    'User',
  ]);
  refused(await call('Get-Recipient', { Identity: 'nora' }), 'ManagementObjectNotFoundException', /couldn't be found/);
  organization.change({
    kind: 'createMailbox',
    name: 'Twin',
    samAccountName: 'twin1',
    organizationalUnit: 'example.test/Shared',
  });
  organization.change({ kind: 'createMailbox', name: 'Twin', samAccountName: 'twin2' });
  refused(
    await call('Set-Mailbox', { Identity: 'Twin', Office: 'x' }),
    'ManagementObjectAmbiguousException',
    /'Twin' matches multiple entries/,
  );
});

test('what a role lacks is absent: cmdlets, parameters, and in Get-Command', async () => {
  const { run: call } = await place({ without: ['Set-Mailbox:ForwardingAddress', 'Remove-Mailbox'] });
  assert.equal((await call('Remove-Mailbox', { Identity: 'nora' })).failureId, 'CommandNotFoundException');
  assert.equal(
    (await call('Set-Mailbox', { Identity: 'nora', ForwardingAddress: 'x' })).failureId,
    'NamedParameterNotFound,Set-Mailbox',
  );
  assert.equal((await call('Get-Command', { Name: 'Remove-Mailbox' })).errors.length, 1);
  const viewer = await place({ roles: ['View-Only Recipients'] });
  assert.equal(
    (await viewer.run('Set-Mailbox', { Identity: 'nora', Office: 'x' })).failureId,
    'CommandNotFoundException',
  );
  assert.equal((await viewer.run('Get-Recipient', { Identity: 'nora' })).rows.length, 1);
  const both = await place({ roles: ['Mail Recipients', 'Databases'] });
  const names = (await both.run('Get-Command')).rows.map((row) => row('Name'));
  assert.ok(names.includes('Set-Mailbox') && names.includes('Mount-Database') && !names.includes('Remove-Mailbox'));
  await assert.rejects(
    place({ roles: ['Mail Recipient'] }),
    /there is no management role "Mail Recipient"; there are View-Only Recipients,/,
  );
});

test('values that are too long, and lists too large for the directory, are refused', async () => {
  const { run: call, mailbox } = await place();
  refused(
    await call('Set-Mailbox', { Identity: 'nora', Name: 'n'.repeat(65) }),
    'DataValidationException',
    /maximum length is 64 and the length of the value provided is 65/,
  );
  refused(
    await call('Set-Mailbox', { Identity: 'nora', CustomAttribute2: 'n'.repeat(1_025) }),
    'DataValidationException',
    /"CustomAttribute2" is too long/,
  );
  refused(
    await call('Set-Mailbox', { Identity: 'nora', RecipientLimits: 'many' }),
    'DataValidationException',
    /a number or Unlimited/,
  );
  const many = Array.from({ length: 50_000 }, (_, count) => `smtp:a${count}@example.test`);
  for (const EmailAddresses of [many, { Add: many }, `smtp:${'x'.repeat(2_000)}@example.test`] as const) {
    const outcome = await call('Set-Mailbox', { Identity: 'nora', EmailAddresses });
    assert.equal(outcome.failureId, 'ParameterArgumentTransformationError,Set-Mailbox');
    assert.match(outcome.failure?.[1] ?? '', /administrative limit|too long/);
  }
  const most = Array.from({ length: 1_199 }, (_, count) => `smtp:a${count}@example.test`);
  done(await call('Set-Mailbox', { Identity: 'nora', EmailAddresses: { Add: most } }));
  refused(
    await call('Set-Mailbox', { Identity: 'nora', EmailAddresses: { Add: 'one@example.test' } }),
    'DataValidationException',
    /administrative limit/,
  );
  assert.equal(((await mailbox('EmailAddresses'))[0] as readonly string[]).length, 1_200);
});

test('after any changes of addresses, one of them is primary, and nobody else has one of them', async () => {
  const names = fc.constantFrom('a', 'b', 'c', 'd', 'team1');
  const address = fc
    .record({ type: fc.constantFrom('smtp:', 'SMTP:', '', 'X400:', 'x500:'), name: names })
    .map(({ type, name }) => `${type}${name}@example.test`);
  const list = fc.array(address, { maxLength: 4 });
  const change = fc.oneof(
    list.map((EmailAddresses) => ({ EmailAddresses })),
    fc.record({ Add: list, Remove: list }).map((EmailAddresses) => ({ EmailAddresses })),
    names.map((name) => ({ PrimarySmtpAddress: `${name}@example.test` })),
    fc.boolean().map((EmailAddressPolicyEnabled) => ({ EmailAddressPolicyEnabled })),
    names.map((Alias) => ({ Alias })),
  );
  const of = fc.constantFrom('nora', 'other');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(of, change), { maxLength: 12 }), async (changes) => {
      const { run: call, organization } = await place();
      organization.change({ kind: 'createMailbox', samAccountName: 'other' });
      for (const [identity, parameters] of changes) await call('Set-Mailbox', { Identity: identity, ...parameters });
      const seen = new Set(
        [...organization.truth().others()].flatMap(({ emailAddresses }) =>
          emailAddresses.map((one) => one.toLowerCase()),
        ),
      );
      for (const Identity of ['nora', 'other']) {
        const [addresses, primary] = only(
          await call('Get-Mailbox', { Identity }),
          'EmailAddresses',
          'PrimarySmtpAddress',
        );
        const all = addresses as readonly string[];
        const primaries = all.filter((one) => one.startsWith('SMTP:'));
        assert.deepEqual(primaries, all.some((one) => /^smtp:/i.test(one)) ? [`SMTP:${primary}`] : []);
        for (const type of ['X400:', 'X500:']) assert.ok(all.filter((one) => one.startsWith(type)).length <= 1);
        for (const one of all) {
          assert.ok(!seen.has(one.toLowerCase()), one);
          seen.add(one.toLowerCase());
        }
      }
    }),
    { numRuns: 60 },
  );
});
