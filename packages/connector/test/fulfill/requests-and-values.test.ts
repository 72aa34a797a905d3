import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  callRequest,
  classOfError,
  isProjectionMissing,
  joinAddresses,
  LiveReadings,
  mailboxHeader,
  type Read,
  readKey,
  readRequest,
  readResultOf,
} from '@exchange-connector/connector';
import {
  type ErrorRecord,
  type PsValue,
  psArray,
  psBoolean,
  psNull,
  psObject,
  psString,
} from '@exchange-connector/psrp';
import fc from 'fast-check';
import { formatByteSize, parseByteSize, sameByteSize } from '../../src/fulfill/byte-size.ts';
import { databaseRules } from '../../src/fulfill/database-fields.ts';
import { mailboxKeys, mailboxReadOnly, mailboxRule, mailboxRules } from '../../src/fulfill/mailbox-fields.ts';
import {
  formatProxyAddress,
  parseProxyAddress,
  sameAddressLists,
  splitProxyAddresses,
} from '../../src/fulfill/proxy-address.ts';
import { formatTimeSpan, parseTimeSpan } from '../../src/fulfill/time-span.ts';

function record(init: Partial<ErrorRecord>): ErrorRecord {
  return {
    message: '',
    fullyQualifiedErrorId: '',
    category: 0,
    categoryActivity: '',
    categoryReason: '',
    categoryTargetName: '',
    categoryTargetType: '',
    categoryMessage: '',
    exceptionTypeNames: [],
    details: undefined,
    raw: psNull,
    ...init,
  };
}

/** A request as text: `Get-User -Filter x | Select-Object …`. */
function shown(read: Read, project = false): string {
  const request = readRequest(read, {
    domainController: (domain) => (domain === undefined ? 'dc1' : `dc.${domain}`),
    project,
  });
  return (request.statements[0] ?? [])
    .map(({ name, parameters }) =>
      [
        name,
        ...parameters.map((each) => `-${each.name} ${'value' in each.value ? String(each.value.value) : '…'}`),
      ].join(' '),
    )
    .join(' | ');
}

test('every read is one cmdlet with typed arguments, quotes doubled, the domain controller where it belongs', () => {
  const expected: readonly [Read, string][] = [
    [
      { kind: 'user', by: 'samAccountName', value: "o'brien", view: 'batch' },
      "Get-User -Filter SamAccountName -eq 'o''brien' -ResultSize 3 -DomainController dc1",
    ],
    [{ kind: 'user', by: 'guid', value: 'g', view: 'forest' }, 'Get-User -Identity g'],
    [
      { kind: 'mailbox', guid: 'g', domain: 'emea.contoso.com' },
      'Get-Mailbox -Identity g -DomainController dc.emea.contoso.com',
    ],
    [
      { kind: 'addressHolders', address: "smtp:o'b@c.d", view: 'batch' },
      "Get-Recipient -Filter EmailAddresses -eq 'smtp:o''b@c.d' -ResultSize 10 -DomainController dc1",
    ],
    [
      { kind: 'addressHolders', address: 'smtp:a@c.d', view: 'forest' },
      "Get-Recipient -Filter EmailAddresses -eq 'smtp:a@c.d' -ResultSize 10",
    ],
    [{ kind: 'recipient', identity: 'sales' }, 'Get-Recipient -Identity sales'],
    [{ kind: 'database', identity: 'DB1' }, 'Get-MailboxDatabase -Identity DB1 -Status true -DomainController dc1'],
    [{ kind: 'inhabitants', database: 'DB1', population: 'mailboxes' }, 'Get-Mailbox -Database DB1 -ResultSize 6'],
    [
      { kind: 'inhabitants', database: 'DB1', population: 'auditLog' },
      'Get-Mailbox -Database DB1 -AuditLog true -ResultSize 6',
    ],
    [
      { kind: 'inhabitants', database: "CN=DB'1,CN=Databases,DC=b,DC=c", population: 'archives' },
      "Get-Mailbox -Filter ArchiveDatabase -eq 'CN=DB''1,CN=Databases,DC=b,DC=c' -ResultSize 6",
    ],
    [
      { kind: 'inhabitants', database: 'DB1', population: 'archives' },
      'Get-Mailbox -Database DB1 -Archive true -ResultSize 6',
    ],
    [{ kind: 'inhabitants', database: 'DB1', population: 'mailboxPlans' }, 'Get-MailboxPlan'],
    [
      { kind: 'inhabitants', database: 'DB1', population: 'moveRequests' },
      'Get-MoveRequest -TargetDatabase DB1 -ResultSize 6',
    ],
    [{ kind: 'moveRequest', guid: 'g', domain: undefined }, 'Get-MoveRequest -Identity g -DomainController dc1'],
    [{ kind: 'mailboxCount', upTo: 400 }, 'Get-Mailbox -ResultSize 400'],
  ];
  for (const [read, text] of expected) {
    assert.equal(shown(read), text);
    assert.match(shown(read, true), / \| Select-Object -Property …$/);
  }
});

test('a call names the domain controller, never asks for confirmation, and passes -WhatIf on', () => {
  const request = callRequest(
    {
      cmdlet: 'Set-Mailbox',
      parameters: {
        Identity: 'g',
        EmailAddresses: { add: ['smtp:a@b'], remove: ['smtp:c@d'] },
        Office: null,
        Limit: 3,
        Big: 2 ** 40,
      },
    },
    { domainController: 'dc1', whatIf: true },
  );
  const parameters = Object.fromEntries(
    (request.statements[0]?.[0]?.parameters ?? []).map(({ name, value }) => [name, value]),
  );
  assert.deepEqual(Object.keys(parameters), [
    'Identity',
    'EmailAddresses',
    'Office',
    'Limit',
    'Big',
    'DomainController',
    'Confirm',
    'WhatIf',
  ]);
  assert.deepEqual(parameters['Confirm'], psBoolean(false));
  assert.deepEqual(parameters['WhatIf'], psBoolean(true));
  assert.equal((parameters['EmailAddresses'] as { base?: PsValue }).base?.kind, 'DCT');
  const look = callRequest(
    { cmdlet: 'Get-MoveRequestStatistics', parameters: { Identity: 'g' } },
    { domainController: undefined, whatIf: true },
  );
  assert.deepEqual(
    look.statements[0]?.[0]?.parameters.map(({ name }) => name),
    ['Identity'],
  );
});

test('objects become plain fields: lists, Booleans, nulls, GUIDs in lower case, enumerations by name', () => {
  const object = psObject({
    adapted: {
      Guid: { kind: 'G', value: 'ABCDEF00-0000-0000-0000-000000000000' },
      EmailAddresses: psArray([psString('SMTP:a@b'), psString('smtp:c@d')]),
      EmailAddressPolicyEnabled: psBoolean(true),
      ForwardingAddress: psNull,
      RecipientTypeDetails: psObject({
        typeNames: ['System.Enum'],
        display: 'UserMailbox',
        base: { kind: 'I32', value: 1 },
      }),
      Unasked: psString('x'),
    },
  });
  const result = readResultOf({ kind: 'mailbox', guid: 'g', domain: undefined }, [object], {
    kind: 'completed',
    errors: [],
  });
  assert.deepEqual(result, {
    kind: 'read',
    objects: [
      {
        Guid: 'abcdef00-0000-0000-0000-000000000000',
        EmailAddresses: ['SMTP:a@b', 'smtp:c@d'],
        RecipientTypeDetails: 'UserMailbox',
        EmailAddressPolicyEnabled: true,
        ForwardingAddress: null,
      },
    ],
  });
});

test('not found is nothing; what the account may not ask is never taken for nothing, but where it can be done without', () => {
  const database: Read = { kind: 'database', identity: 'DB9' };
  const failed = (init: Partial<ErrorRecord>, read: Read = database): ReturnType<typeof readResultOf> =>
    readResultOf(read, [], { kind: 'completed', errors: [record(init)] });
  assert.deepEqual(failed({ categoryReason: 'ManagementObjectNotFoundException' }), { kind: 'read', objects: [] });
  const user: Read = { kind: 'user', by: 'samAccountName', value: 'anna', view: 'batch' };
  const plans: Read = { kind: 'inhabitants', database: 'DB9', population: 'mailboxPlans' };
  for (const [read, cmdlet, kind] of [
    [database, 'Get-MailboxDatabase', 'failed'],
    [user, 'Get-User', 'failed'],
    [{ kind: 'addressHolders', address: 'smtp:a@b.c', view: 'forest' }, 'Get-Recipient', 'failed'],
    [{ kind: 'mailbox', guid: 'g', domain: undefined }, 'Get-Mailbox', 'failed'],
    [{ ...plans, population: 'mailboxes' }, 'Get-Mailbox', 'failed'],
    [plans, 'Get-MailboxPlan', 'unavailable'],
  ] as const satisfies readonly (readonly [Read, string, string])[]) {
    for (const init of [
      { fullyQualifiedErrorId: 'CommandNotFoundException', categoryTargetName: cmdlet },
      { fullyQualifiedErrorId: `NamedParameterNotFound,${cmdlet}` },
    ]) {
      const result = failed(init, read);
      assert.equal(result.kind, kind, cmdlet);
      if (result.kind === 'failed')
        assert.match(`${result.class}: ${result.reason}`, /^not-allowed: .*may not use .*role/);
    }
  }
  const busy = failed({ categoryReason: 'ADTransientException', message: 'try later', fullyQualifiedErrorId: 'X' });
  assert.deepEqual(busy, {
    kind: 'failed',
    class: 'transient',
    reason: 'Get-MailboxDatabase failed: try later [X]',
    errorId: 'X',
  });
  const outcome = {
    kind: 'failed',
    error: record({ fullyQualifiedErrorId: 'CommandNotFoundException', categoryTargetName: 'Select-Object' }),
    errors: [],
  } as const;
  assert.ok(isProjectionMissing(outcome));
});

test('errors of Exchange fall into five classes, by the type of their exception or by their identifier', () => {
  const classes: readonly [Partial<ErrorRecord>, string][] = [
    [{ categoryReason: 'ManagementObjectNotFoundException' }, 'not-found'],
    [
      {
        fullyQualifiedErrorId:
          '[Server=E1,RequestId=x,TimeStamp=y] [FailureCategory=Cmdlet-ProxyAddressExistsException] 12AB,Microsoft.Exchange.X',
      },
      'conflict',
    ],
    [
      { exceptionTypeNames: ['Microsoft.Exchange.Data.Directory.ADObjectAlreadyExistsException', 'System.Exception'] },
      'conflict',
    ],
    [{ message: 'The proxy address "SMTP:a@b" is already being used by x.' }, 'conflict'],
    [{ fullyQualifiedErrorId: 'CommandNotFoundException' }, 'not-allowed'],
    [{ fullyQualifiedErrorId: 'NamedParameterNotFound,Set-Mailbox' }, 'not-allowed'],
    [{ exceptionTypeNames: ['Microsoft.Exchange.Data.Directory.ADTransientException'] }, 'transient'],
    [{ categoryReason: 'OverBudgetException' }, 'transient'],
    [{ categoryReason: 'ParameterBindingException' }, 'invalid'],
    [{}, 'invalid'],
  ];
  for (const [init, expected] of classes) assert.equal(classOfError(record(init)), expected, JSON.stringify(init));
  assert.equal(classOfError(undefined), 'transient');
});

test('reads are the same whatever the case of their values', () => {
  const one: Read = { kind: 'mailbox', guid: 'AB', domain: undefined };
  assert.equal(readKey(one), readKey({ kind: 'mailbox', domain: undefined, guid: 'ab' }));
  assert.notEqual(readKey(one), readKey({ kind: 'mailbox', guid: 'ab', domain: 'x' }));
  const live = new LiveReadings();
  live.set(one, { kind: 'read', objects: [] });
  assert.deepEqual(live.result({ kind: 'mailbox', guid: 'ab', domain: undefined }), { kind: 'read', objects: [] });
  live.forget([one]);
  assert.equal(live.result(one), undefined);
});

test('sizes are read as Exchange shows them and as people write them', () => {
  const sizes: readonly [string, bigint | 'unlimited' | undefined][] = [
    ['30 GB (32,212,254,720 bytes)', 32212254720n],
    ['30 GB (32.212.254.720 bytes)', 32212254720n],
    ['0 B (0 bytes)', 0n],
    ['1.5GB', 1610612736n],
    ['1,5 gb', 1610612736n],
    ['300', 300n],
    ['300 B', 300n],
    ['2 TB', 2199023255552n],
    ['UNLIMITED', 'unlimited'],
    ['9223372036854775807', 9223372036854775807n],
    ['9223372036854775808', undefined],
    ['1.5', undefined],
    ['-1', undefined],
    ['GB', undefined],
    ['', undefined],
    ['30 GB (x bytes)', undefined],
  ];
  for (const [text, size] of sizes) assert.equal(parseByteSize(text), size, text);
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (bytes) => {
      assert.equal(parseByteSize(formatByteSize(bytes)), bytes);
      assert.ok(sameByteSize(bytes, (bytes >> 10n) << 10n), 'rounded down');
      assert.ok(sameByteSize(((bytes + 1023n) >> 10n) << 10n, bytes), 'rounded up');
      assert.ok(!sameByteSize(bytes, bytes + 1024n) && !sameByteSize(bytes + 1024n, bytes));
    }),
  );
});

test('spans of time are read in days and in the form that Exchange shows', () => {
  assert.equal(parseTimeSpan('14'), 14 * 86_400);
  assert.equal(parseTimeSpan('14.00:00:00'), 14 * 86_400);
  assert.equal(parseTimeSpan('00:15'), 900);
  for (const bad of ['', '14 days', '1.25:00:00', '00:60:00', '-1']) assert.equal(parseTimeSpan(bad), undefined, bad);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000_000 }), (seconds) => {
      assert.equal(parseTimeSpan(formatTimeSpan(seconds)), seconds);
    }),
  );
});

test('addresses in the cell of an export are the addresses of an order', () => {
  const words = fc.stringMatching(/^[a-zA-Z0-9=/%]{1,8}( [a-zA-Z0-9=/%:]{1,8}){0,2}$/);
  const others = fc
    .tuple(fc.constantFrom('X500', 'x400', 'SIP', 'eum'), words)
    .map(([type, text]) => `${type}:/o=${text}`);
  const smtp = fc
    .tuple(fc.constantFrom('SMTP', 'smtp'), fc.stringMatching(/^[a-z0-9%]{1,8}$/))
    .map(([type, name]) => `${type}:${name}@contoso.com`);
  fc.assert(
    fc.property(fc.array(fc.oneof(others, smtp), { minLength: 1, maxLength: 6 }), (addresses) => {
      const read = splitProxyAddresses(joinAddresses(addresses), ' ').map(formatProxyAddress);
      assert.ok(sameAddressLists(read, addresses), `${read.join(' | ')} of ${addresses.join(' | ')}`);
    }),
  );
});

test('a prefix in capitals marks the primary address, in any other case it does not', () => {
  assert.deepEqual(parseProxyAddress('SMTP:a@b'), { type: 'SMTP', address: 'a@b', primary: true });
  assert.deepEqual(parseProxyAddress(' Smtp:a@b '), { type: 'SMTP', address: 'a@b', primary: false });
  assert.deepEqual(parseProxyAddress('a@b'), { type: 'SMTP', address: 'a@b', primary: false });
  assert.equal(formatProxyAddress(parseProxyAddress('Smtp:a@b')), 'smtp:a@b');
});

test('every column of the export is a field that orders write, one with a meaning of its own, or nobody\u2019s', () => {
  for (const column of mailboxHeader.split(',').slice(1)) {
    const name = column.toLowerCase();
    const places = [
      mailboxRule(name) !== undefined && !mailboxKeys.has(name),
      mailboxKeys.has(name),
      mailboxReadOnly.has(name),
    ];
    assert.equal(places.filter(Boolean).length, 1, column);
  }
});

test('the documentation of orders names every field', () => {
  const text = readFileSync(new URL('../../../../docs/fulfill-orders.md', import.meta.url), 'utf8');
  const names = [...mailboxRules, ...databaseRules]
    .map(({ name }) => name)
    .filter((name) => !/^CustomAttribute/.test(name));
  for (const name of [...names, ...mailboxHeader.split(',').slice(1)]) assert.ok(text.includes(`\`${name}\``), name);
});
