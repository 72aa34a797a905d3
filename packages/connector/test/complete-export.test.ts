import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PipelineEvent, type PipelineRequest, psNull, psString, type PsValue } from '@exchange-connector/psrp';
import { ConnectorError, readOrganisation, singleSession } from '@exchange-connector/connector';
import {
  type Cmdlet,
  errorRecord,
  MemorySession,
  guid,
  mailbox,
  database,
  organisation,
  readAll,
} from './memory-exchange.ts';
import { wholePlan } from './whole-plan.ts';

test('the forest view comes first, then databases, then mailboxes, projected by the server', async () => {
  const seen = await readAll(organisation([mailbox(2), mailbox(1)]));
  assert.deepEqual(seen.asked, [
    'Set-ADServerSettings -ViewEntireForest',
    'Get-MailboxDatabase -Status | Select-Object -Property …',
    'Get-OrganizationalUnit -ResultSize Unlimited | Select-Object -Property …',
    'Get-Mailbox -ResultSize 1',
    `Get-Mailbox -Identity ${guid(2)} | Select-Object -Property …`,
    'Get-Mailbox -ResultSize Unlimited | Measure-Object',
    // From where the first mailbox came.
    'Set-ADServerSettings -ViewEntireForest -PreferredGlobalCatalog dc01.contoso.com',
    'Get-Mailbox -ResultSize Unlimited | Select-Object -Property …',
  ]);
  assert.deepEqual([...seen.rows.keys()].sort(), [guid(1), guid(2)]);
  assert.match(seen.rows.get(guid(1)) ?? '', /^Insert,DB1,SMTP:user1@x smtp:u1@x,/);
  assert.equal(seen.databases.size, 1);
  assert.deepEqual(seen.warnings, []);
  const { forestView, domains, domainControllers, projected, errors, received } = seen.reading;
  assert.deepEqual(
    { forestView, domains, domainControllers, projected, errors, received },
    {
      forestView: true,
      domains: ['contoso.com'],
      domainControllers: ['dc01.contoso.com'],
      projected: true,
      errors: [],
      received: { mailboxes: 2, databases: 1 },
    },
  );
  assert.deepEqual(seen.progress.filter(({ phase }) => phase === 'mailboxes').at(-1), {
    phase: 'mailboxes',
    done: 2,
    total: 2,
  });
});

test('with and without Select-Object the rows are the same', async () => {
  const people = [mailbox(1), mailbox(2, { Name: psString('A, B') })];
  const { 'Select-Object': _left, ...without } = organisation(people);
  const whole = await readAll(without);
  const projected = await readAll(organisation(people));
  assert.deepEqual(whole.rows, projected.rows);
  assert.deepEqual(whole.databases, projected.databases);
  assert.equal(whole.reading.projected, false);
  assert.equal(whole.asked.at(-1), 'Get-Mailbox -ResultSize Unlimited');
});

test('a projection that flattens a value is not used', async () => {
  const seen = await readAll(
    organisation([mailbox(1)], {
      'Select-Object': () => ({ objects: [{ EmailAddresses: psString('Exchange.ProxyAddressCollection') }] }),
    }),
  );
  assert.equal(seen.reading.projected, false);
  assert.match(seen.rows.get(guid(1)) ?? '', /SMTP:user1@x smtp:u1@x/);
  assert.match(seen.warnings.join(), /Select-Object cannot be used/);
});

test('a projection that tells another text than the whole object is not used', async () => {
  const seen = await readAll(
    organisation([mailbox(1)], { 'Select-Object': () => ({ objects: [{ Name: psString('Namespace.Type') }] }) }),
  );
  assert.equal(seen.reading.projected, false);
  assert.match(seen.warnings.join(), /Name of one mailbox reads differently/);
});

test('an account without Set-ADServerSettings reads its domain, with a warning, from the domain controller it is told', async () => {
  const { 'Set-ADServerSettings': _left, ...without } = organisation([mailbox(1)]);
  const seen = await readAll(without, { pins: { domainController: 'dc07.contoso.com', globalCatalog: undefined } });
  assert.equal(seen.reading.forestView, false);
  assert.match(seen.warnings.join(), /only one domain is in view, the one of dc07\.contoso\.com/);
  assert.match(seen.asked.at(-1) ?? '', /^Get-Mailbox -ResultSize Unlimited -DomainController dc07\.contoso\.com/);
});

test('servers named in the settings are pinned with the forest view', async () => {
  const seen = await readAll(organisation([mailbox(1)]), { pins: { domainController: 'dc1', globalCatalog: 'gc1' } });
  assert.equal(
    seen.asked[0],
    'Set-ADServerSettings -ViewEntireForest -PreferredGlobalCatalog gc1 -SetPreferredDomainControllers dc1',
  );
});

test('a domain controller that the server refuses ends the run', async () => {
  const refused = () => ({
    failure: errorRecord('The domain controller dc1 was not found.', 'ABC,Set-ADServerSettings'),
  });
  await assert.rejects(
    readAll(organisation([], { 'Set-ADServerSettings': refused }), {
      pins: { domainController: 'dc1', globalCatalog: undefined },
    }),
    (error: unknown) =>
      error instanceof ConnectorError &&
      error.code === 'EXCHANGE_COMMAND_FAILED' &&
      /dc1 was not found/.test(error.message),
  );
});

test('a warning that results were left out ends the run', async () => {
  const text =
    'By default, only the first 1000 items are returned. Use the ResultSize parameter to specify the number of items returned.';
  const cut = organisation([mailbox(1)]);
  const get = cut['Get-Mailbox'] as Cmdlet;
  cut['Get-Mailbox'] = (parameters) => ({ ...get(parameters), warnings: [text] });
  await assert.rejects(
    readAll(cut),
    (error: unknown) => error instanceof ConnectorError && error.code === 'EXCHANGE_RESULT_TRUNCATED',
  );
});

test("the server's own warnings are passed on", async () => {
  const slow = organisation([mailbox(1)]);
  const get = slow['Get-Mailbox'] as Cmdlet;
  slow['Get-Mailbox'] = (parameters) => ({
    ...get(parameters),
    warnings: ['Micro delay applied. Actual delayed: 42 ms'],
  });
  assert.deepEqual((await readAll(slow)).warnings, ['Micro delay applied. Actual delayed: 42 ms']);
});

test('error records beside the rows make the reading one with errors; the rows are there', async () => {
  const flawed = organisation([mailbox(1)]);
  const get = flawed['Get-Mailbox'] as Cmdlet;
  flawed['Get-Mailbox'] = (parameters) =>
    parameters.get('ResultSize')?.kind === 'S' && !parameters.has('Identity')
      ? { ...get(parameters), errors: [errorRecord('The object is corrupted.', '[Server=X] 1082ECE3,GetMailbox')] }
      : get(parameters);
  const seen = await readAll(flawed);
  assert.deepEqual(seen.reading.errors, [
    'reading mailboxes (all mailboxes): The object is corrupted. [[Server=X] 1082ECE3,GetMailbox]',
  ]);
  assert.equal(seen.rows.size, 1);
});

test('a pipeline that fails in the middle ends the run', async () => {
  const broken = organisation([mailbox(1)]);
  const get = broken['Get-Mailbox'] as Cmdlet;
  broken['Get-Mailbox'] = (parameters) =>
    parameters.get('ResultSize')?.kind === 'S'
      ? { ...get(parameters), failure: errorRecord('The LDAP server is unavailable.', 'X,GetMailbox') }
      : get(parameters);
  await assert.rejects(
    readAll(broken),
    /reading mailboxes \(all mailboxes\): Get-Mailbox failed: The LDAP server is unavailable/,
  );
});

test('an account without Get-Mailbox is told which role it needs', async () => {
  const { 'Get-Mailbox': _left, ...without } = organisation([]);
  await assert.rejects(readAll(without), (error: unknown) => {
    assert.ok(error instanceof ConnectorError);
    assert.match(error.message, /may not use Get-Mailbox/);
    assert.match(error.mend ?? '', /View-Only Organization Management/);
    return true;
  });
});

test('an account without -Status leaves Mounted empty, with a warning', async () => {
  const noStatus: Cmdlet = (parameters) =>
    parameters.has('Status')
      ? {
          failure: errorRecord(
            "A parameter cannot be found that matches parameter name 'Status'.",
            'NamedParameterNotFound,Get-MailboxDatabase',
          ),
        }
      : { objects: [{ ...database, Mounted: psNull }] };
  const seen = await readAll(organisation([mailbox(1)], { 'Get-MailboxDatabase': noStatus }));
  assert.equal(seen.databases.get(guid(900)), `Insert,DB1,,,,${guid(900)},,,\r\n`);
  assert.match(seen.warnings.join(), /column Mounted is empty/);
});

test('a row without a Guid is an error, not a silence', async () => {
  const { Guid: _left, ...nameless } = mailbox(7);
  const { 'Select-Object': _select, ...whole } = organisation([mailbox(1), nameless]);
  const seen = await readAll(whole);
  assert.deepEqual([...seen.rows.keys()], [guid(1)]);
  assert.match(seen.reading.errors.join(), /row 2 of the mailboxes \(contoso\.com\/Users\/User 7\) has no Guid/);
});

/** Answers to `Get-Mailbox -ResultSize Unlimited`, in order: what `change` makes of the good one. */
function changing(
  people: readonly Record<string, PsValue>[],
  change: (objects: readonly Record<string, PsValue>[], ordinal: number) => readonly Record<string, PsValue>[],
): Record<string, Cmdlet> {
  const cmdlets = organisation(people);
  const get = cmdlets['Get-Mailbox'] as Cmdlet;
  let ordinal = 0;
  cmdlets['Get-Mailbox'] = (parameters) => {
    const answer = get(parameters);
    const size = parameters.get('ResultSize');
    if (size?.kind !== 'S' || size.value !== 'Unlimited') return answer;
    ordinal += 1;
    return { ...answer, objects: change(answer.objects ?? [], ordinal) };
  };
  return cmdlets;
}

test('fewer rows than the server counted are read again as whole objects, and an error if they stay away', async () => {
  const people = Array.from({ length: 50 }, (_, number) => mailbox(number));
  // Count, rows, count, rows, count: the even ones are rows.
  const once = await readAll(changing(people, (all, ordinal) => (ordinal === 2 ? all.slice(0, 48) : all)));
  assert.match(once.warnings.join(), /counted 50 .* and 50 after it, but 48 came: the server's Select-Object may have/);
  assert.deepEqual([once.reading.errors, once.rows.size, once.reading.projected], [[], 50, false]);
  const keeping = (kept: number) =>
    readAll(changing(people, (all, ordinal) => (ordinal % 2 === 0 ? all.slice(0, kept) : all)));
  assert.match((await keeping(48)).reading.errors.join(), /and 50 after it, but 48 came/);
  await assert.rejects(keeping(0), /and 50 after it, but 0 came; not one mailbox came, so that nothing is published/);
});

test('where the count itself changes, a few rows fewer are a warning', async () => {
  const people = Array.from({ length: 50 }, (_, number) => mailbox(number));
  const kept = [50, 46, 48];
  const seen = await readAll(changing(people, (all, ordinal) => all.slice(0, kept[ordinal - 1])));
  assert.match(seen.warnings.join(), /counted 50 mailboxes before the read and 48 after it, but 46 came/);
  assert.deepEqual(seen.reading.errors, []);
});

test('exactly 1,000 rows that the server cannot count are worth a warning', async () => {
  const { 'Measure-Object': _left, ...uncounted } = organisation(
    Array.from({ length: 1000 }, (_, number) => mailbox(number)),
  );
  assert.match((await readAll(uncounted)).warnings.join(), /exactly 1000 came/);
});

test('a Select-Object that fails in any way, or gives nothing, leads to whole objects', async () => {
  for (const answer of [
    { failure: errorRecord('The syntax is not supported by this runspace.', 'ScriptsNotAllowed') },
    { failure: errorRecord('A parameter cannot be found.', 'NamedParameterNotFound,SelectObjectCommand') },
    { errors: [errorRecord('Object reference not set', 'NullReference,SelectObjectCommand')] },
  ]) {
    const cmdlets = organisation([mailbox(1), mailbox(2)]);
    const seen = await readAll(cmdlets, {}, (commands) => (commands.includes('Select-Object') ? answer : undefined));
    assert.deepEqual([seen.reading.errors, seen.rows.size, seen.databases.size], [[], 2, 1]);
    assert.match(seen.databases.get(guid(900)) ?? '', /^Insert,DB1,,True,/);
  }
  const nothing = await readAll(organisation([mailbox(1)]), {}, (commands) =>
    commands.join() === 'Get-Mailbox,Select-Object' ? { objects: [] } : undefined,
  );
  assert.equal(nothing.rows.size, 1);
  assert.match(nothing.warnings.join(), /Select-Object cannot be used \(for one mailbox it gave no object\)/);
});

test('a server that sends without end is left', async () => {
  const endless = organisation([mailbox(1)]);
  const get = endless['Get-Mailbox'] as Cmdlet;
  let large = 0;
  endless['Get-Mailbox'] = (parameters) => {
    const size = parameters.get('ResultSize');
    if (size?.kind !== 'S' || size.value !== 'Unlimited') return get(parameters);
    large += 1;
    return large === 1 ? get(parameters) : { objects: Array.from({ length: 10_003 }, () => mailbox(1)) };
  };
  await assert.rejects(
    readAll(endless),
    (error: unknown) =>
      error instanceof ConnectorError &&
      error.code === 'EXCHANGE_RESULT_EXCESSIVE' &&
      /more than 10002 of them .* it had counted 1$/.test(error.message),
  );
});

test('each selection of the scope is asked for by itself, and a mailbox that comes twice is one row', async () => {
  const seen = await readAll(organisation([mailbox(1)]), {
    scope: {
      ...wholePlan.scope,
      organizationalUnits: ['contoso.com/A', 'contoso.com/B'],
      databases: ['DB1'],
      recipientTypeDetails: ['UserMailbox', 'SharedMailbox'],
      filter: "Name -like 'U*'",
      includeArbitration: true,
    },
  });
  const reads = seen.asked.filter(
    (line) => line.startsWith('Get-Mailbox ') && line.includes('Unlimited') && line.includes('Select-Object'),
  );
  const common = "-Filter Name -like 'U*' | Select-Object -Property …";
  // After these: what changed meanwhile, and the GUIDs of all.
  assert.deepEqual(reads.slice(0, 4), [
    `Get-Mailbox -ResultSize Unlimited -OrganizationalUnit contoso.com/A -Database DB1 -RecipientTypeDetails UserMailbox,SharedMailbox ${common}`,
    `Get-Mailbox -ResultSize Unlimited -OrganizationalUnit contoso.com/B -Database DB1 -RecipientTypeDetails UserMailbox,SharedMailbox ${common}`,
    `Get-Mailbox -ResultSize Unlimited -Arbitration -OrganizationalUnit contoso.com/A -Database DB1 ${common}`,
    `Get-Mailbox -ResultSize Unlimited -Arbitration -OrganizationalUnit contoso.com/B -Database DB1 ${common}`,
  ]);
  assert.equal(seen.rows.size, 1);
  assert.deepEqual(seen.reading.errors, []);
});

test('additional columns may be spelled in any case; one that no mailbox has is told', async () => {
  const seen = await readAll(organisation([mailbox(1, { CustomAttribute1: psString('blue') })]), {
    additionalColumns: ['customattribute1', 'NoSuch', 'Guid'],
  });
  assert.deepEqual(seen.reading.mailboxColumns.slice(-2), ['customattribute1', 'NoSuch']);
  assert.match(seen.rows.get(guid(1)) ?? '', /,blue,\r\n$/);
  assert.match(seen.warnings.join('\n'), /no property NoSuch/);
  assert.match(seen.warnings.join('\n'), /Guid is in the header already/);
  assert.ok(seen.reading.columnsMissing.includes('ProhibitSendQuota'));
});

test('a mailbox in a database that was not listed is told once', async () => {
  const seen = await readAll(
    organisation([1, 2, 3].map((number) => mailbox(number, { Database: psString('Hidden') }))),
  );
  assert.equal(seen.warnings.filter((message) => /database Hidden/.test(message)).length, 1);
});

test('an object that is no CLIXML ends the run with the number of the row', async () => {
  class Garbled extends MemorySession {
    override async *invoke(request: PipelineRequest): AsyncGenerator<PipelineEvent> {
      for await (const event of super.invoke(request)) {
        const isRead =
          event.kind === 'output' && this.asked.at(-1)?.includes('ResultSize Unlimited | Select-Object') === true;
        yield isRead ? { kind: 'output', body: event.body.subarray(0, event.body.length - 9) } : event;
      }
    }
  }
  const session = new Garbled(organisation([mailbox(1)]));
  const nothing = { put: () => {}, restart: () => {} };
  await assert.rejects(
    readOrganisation(wholePlan, {
      sessions: singleSession(session),
      mailboxes: nothing,
      databases: nothing,
      onWarning: () => {},
      onNote: () => {},
      onProgress: () => {},
      signal: new AbortController().signal,
    }),
    (error: unknown) =>
      error instanceof ConnectorError &&
      error.code === 'EXCHANGE_OBJECT_INVALID' &&
      /reading mailbox 1 /.test(error.message),
  );
});
