import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestOrganization, type OrganizationChange } from '@exchange-connector/exchange-simulator';
import { readOrganisation, type SessionSource } from '@exchange-connector/connector';
import {
  changing,
  isPart,
  Lost,
  MemoryLedger,
  MemoryRows,
  read,
  serial,
  sessionsOn,
  shape,
  sorted,
  textOf,
  truth,
} from './partitioned-rehearsal.ts';
import { wholePlan } from './whole-plan.ts';

test('parts of all databases together are the organisation, each mailbox once', async () => {
  const organization = createTestOrganization(shape);
  const { rows, ledger, reading, notes } = await read(organization);
  assert.ok(ledger.parts.length > 4, `${ledger.parts.length} parts`);
  assert.deepEqual(sorted(rows.wanted), sorted(truth(organization)));
  const visible = truth(organization).size;
  assert.equal(reading.received.mailboxes, visible, 'none was read twice');
  assert.match(notes.join('\n'), new RegExp(`the server counts ${visible} mailboxes, and each has its row`));
  assert.deepEqual(reading.errors, []);
});

test('mailboxes of a database that is not listed are read by their names', async () => {
  const organization = createTestOrganization(shape);
  const [hidden] = organization.databases;
  const real = sessionsOn(organization, () => {}, []);
  const lacking: SessionSource = {
    ...real,
    run: (work) =>
      real.run((session) =>
        work({
          ...session,
          server: session.server,
          close: () => session.close(),
          async *invoke(request, options) {
            const isOfDatabases = request.statements[0]?.[0]?.name === 'Get-MailboxDatabase';
            for await (const event of session.invoke(request, options)) {
              const isHidden =
                isOfDatabases && event.kind === 'output' && Buffer.from(event.body).includes(hidden?.guid ?? '?');
              if (!isHidden) yield event;
            }
          },
        }),
      ),
  };
  const rows = new MemoryRows();
  const ledger = new MemoryLedger(rows);
  const warnings: string[] = [];
  await readOrganisation(wholePlan, {
    sessions: serial(lacking),
    databases: new MemoryRows(),
    mailboxes: rows,
    ledger,
    onProgress: () => {},
    onWarning: (message) => warnings.push(message),
    onNote: () => {},
    signal: new AbortController().signal,
  });
  assert.ok(
    ledger.parts.every(({ database }) => database === undefined),
    'a part is narrowed to a database',
  );
  assert.deepEqual(sorted(rows.wanted), sorted(truth(organization)));
  assert.match(warnings.join('\n'), /which Get-MailboxDatabase did not list/);
});

test('a mailbox that moves behind the reading’s back is there, once, where it is in the end', async () => {
  const organization = createTestOrganization(shape);
  const names = organization.databases.map(({ name }) => name);
  const visible = [...organization.truth().mailboxes()].filter((each) => each.hiddenBehind === undefined);
  const changes = visible.slice(0, 200).map(
    ({ guid, properties }, index): OrganizationChange => ({
      kind: 'moveMailbox',
      mailbox: guid,
      database: names.filter((name) => name !== properties['Database'])[index % 3] ?? '',
    }),
  );
  const { rows, notes } = await read(organization, changing(organization, changes));
  assert.deepEqual(sorted(rows.wanted), sorted(truth(organization)));
  assert.match(notes.join('\n'), /and each has its row/);
});

test('a mailbox that goes while the others are read is left out, found by a sweep', async () => {
  const organization = createTestOrganization(shape);
  const visible = [...organization.truth().mailboxes()].filter((each) => each.hiddenBehind === undefined);
  const changes = visible.map(({ guid }): OrganizationChange => ({ kind: 'disableMailbox', mailbox: guid }));
  const { rows, notes, reading } = await read(organization, changing(organization, changes));
  assert.deepEqual(sorted(rows.wanted), sorted(truth(organization)));
  assert.match(
    notes.join('\n'),
    /a sweep found \d+ mailboxes: 0 were read after the others, [1-9]\d* had gone meanwhile/,
  );
  assert.deepEqual(reading.errors, []);
});

test('where the server does not filter by time, a sweep finds what moved away, and it is read', async () => {
  const organization = createTestOrganization(shape);
  const names = organization.databases.map(({ name }) => name);
  const visible = [...organization.truth().mailboxes()].filter((each) => each.hiddenBehind === undefined);
  let moved = 0;
  const { rows, asked } = await read(organization, (request) => {
    const text = textOf(request);
    const first = request.statements[0]?.[0];
    if (text.includes('WhenChangedUTC')) {
      const filter = first?.parameters.find(({ name }) => name === 'Filter');
      if (filter !== undefined) Object.assign(filter.value, { value: 'NoSuchProperty -gt 1' });
    }
    if (!isPart(text)) return;
    for (const { guid } of visible.slice(moved * 15, moved * 15 + 15))
      organization.change({ kind: 'moveMailbox', mailbox: guid, database: names[moved % names.length] ?? '' });
    moved += 1;
  });
  const guids = (map: Map<string, string>): string[] => [...map.keys()].sort();
  assert.deepEqual(guids(rows.wanted), guids(truth(organization)));
  assert.ok(
    asked.some((text) => /^Get-Mailbox -Identity .* \| Select-Object/.test(text)),
    'nothing was missing: the test is blind',
  );
});

test('a reading that ends in the middle is continued with what was kept, and asks for no part twice', async () => {
  const organization = createTestOrganization(shape);
  let left = 5;
  const rows = new MemoryRows();
  const ledger = new MemoryLedger(rows);
  await assert.rejects(
    read(
      organization,
      (request) => {
        if (!isPart(textOf(request))) return;
        if (left === 0) throw new RangeError('the end of this process');
        left -= 1;
      },
      {},
      ledger,
    ),
    /the end of this process/,
  );
  const kept = [...ledger.finished.values()];
  assert.equal(kept.length, 5);
  organization.change({ kind: 'removeMailbox', mailbox: [...(kept[0]?.rows.rows.keys() ?? [])][0] ?? '' });
  const oldest = kept.map(({ facts }) => facts.startedAt).sort()[0];
  const { asked, reading } = await read(organization, () => {}, {}, ledger);
  assert.equal(asked.filter(isPart).length, ledger.parts.length - 5);
  assert.deepEqual(sorted(rows.wanted), sorted(truth(organization)));
  assert.equal(reading.readFrom, oldest);
});

const lines = ({ rows }: MemoryRows): [string, string][] =>
  sorted(new Map([...rows].map(([key, { line }]) => [key, line])));
const unitsOf = ({ rows }: MemoryRows): Set<string> =>
  new Set([...rows.values()].map(({ line }) => /OU=[^,]+/.exec(line)?.[0] ?? ''));

test('mailboxes of a unit that is renamed while parts are read have its new name, all of them', async () => {
  const organization = createTestOrganization(shape);
  const [unit] = organization.truth().organizationalUnits;
  let parts = 0;
  const { rows } = await read(organization, (request) => {
    if (!isPart(textOf(request))) return;
    parts += 1;
    if (parts === 6)
      organization.change({ kind: 'renameOrganizationalUnit', organizationalUnit: unit?.guid ?? '', name: 'Renamed' });
  });
  assert.ok(parts > 6 && unitsOf(rows).has('OU=Renamed'), 'nothing was renamed: the test is blind');
  assert.deepEqual(lines(rows), lines((await read(organization)).rows));
});

for (const when of ['before the parts that were left', 'after all parts'])
  test(`a unit that was renamed since an earlier process read some parts, ${when}: the file has one name of it`, async () => {
    const organization = createTestOrganization(shape);
    const [unit] = organization.truth().organizationalUnits;
    let left = when.startsWith('before') ? 5 : 1000;
    const ledger = new MemoryLedger(new MemoryRows());
    const end = new RangeError('the end of this process');
    const dying = read(
      organization,
      (request, asked) => {
        const text = textOf(request);
        const isEnd = asked.some(isPart) && text.startsWith('Get-MailboxDatabase');
        if (isPart(text)) left -= 1;
        if (left < 0 || isEnd) throw end;
      },
      {},
      ledger,
    );
    await assert.rejects(dying, end);
    assert.ok(ledger.finished.size >= 5);
    organization.change({ kind: 'renameOrganizationalUnit', organizationalUnit: unit?.guid ?? '', name: 'Renamed' });
    const { rows } = await read(organization, () => {}, {}, ledger);
    assert.ok(unitsOf(rows).has('OU=Renamed'), 'nothing was renamed: the test is blind');
    assert.deepEqual(lines(rows), lines((await read(organization)).rows));
  });

test('a lost session costs the part that it was reading, and no other', async () => {
  const organization = createTestOrganization(shape);
  let requests = 0;
  const { rows, ledger, asked, reading } = await read(organization, (request) => {
    if (!isPart(textOf(request))) return;
    requests += 1;
    if (requests % 4 === 0) throw new Lost('cut');
  });
  assert.deepEqual(sorted(rows.wanted), sorted(truth(organization)));
  assert.equal(reading.received.mailboxes, truth(organization).size);
  const lost = Math.floor(requests / 4);
  assert.equal(asked.filter(isPart).length, ledger.parts.length + lost);
  // Each session saw the forest; the first, too, was pinned to where the first mailbox came from, as soon as that was known.
  const views = asked.filter((text) => text.startsWith('Set-ADServerSettings'));
  assert.equal(views.length, lost + 2);
  const isPinned = (text: string): boolean => text.endsWith(` -PreferredGlobalCatalog ${reading.domainControllers[0]}`);
  assert.deepEqual(views.map(isPinned), [false, ...views.slice(1).map(() => true)]);
});

test('the settings’ own filter and units hold in every part', async () => {
  const organization = createTestOrganization(shape);
  const { rows } = await read(organization, () => {}, { filter: "Name -notlike 'A*'" });
  const all = truth(organization);
  const wanted = new Set(
    [...organization.truth().mailboxes()]
      .filter((each) => each.hiddenBehind === undefined && !/^a/i.test(String(each.properties['Name'])))
      .map(({ guid }) => guid),
  );
  assert.ok(wanted.size < all.size, 'the filter leaves everything: the test is blind');
  assert.deepEqual([...rows.wanted.keys()].sort(), [...wanted].sort());
});
