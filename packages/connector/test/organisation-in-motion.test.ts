import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestOrganization, type TestOrganization } from '@exchange-connector/exchange-simulator';
import type { PipelineRequest } from '@exchange-connector/psrp';
import { isPart, type Look, type MemoryRows, read, shape, sorted, textOf, truth } from './partitioned-rehearsal.ts';

/* Databases that come, go and are renamed, and mailboxes that move between selections, while mailboxes are read. */

/** The GUIDs of the mailboxes that live in a database, and are seen. */
function tenantsOf(organization: TestOrganization, database: string): string[] {
  return [...truth(organization)].filter(([, name]) => name === database).map(([guid]) => guid);
}

/** Whether a request is a sweep: of each mailbox nothing but its GUID. */
function isSweep(request: PipelineRequest): boolean {
  const [list, select] = request.statements[0] ?? [];
  const asked = select?.parameters.find(({ name }) => name === 'Property')?.value;
  const isNarrowed = list?.parameters.some(({ name }) => name === 'Filter') === true;
  const names = asked?.kind === 'Obj' && asked.base?.kind === 'LST' ? asked.base.items : [];
  return names.length === 1 && !isNarrowed;
}

test('a mailbox that moves between two selections while their GUIDs are swept is not taken for one that is gone', async () => {
  const organization = createTestOrganization(shape);
  const [first = '', second = ''] = organization.databases.map(({ name }) => name);
  const [leaving = ''] = tenantsOf(organization, first);
  const moving = tenantsOf(organization, second).slice(0, 5);
  let sweeps = 0;
  const { rows, reading } = await read(
    organization,
    (request, asked) => {
      // One that goes makes the count differ, so that all GUIDs are asked for.
      if (isPart(textOf(request)) && asked.filter(isPart).length === 2)
        organization.change({ kind: 'disableMailbox', mailbox: leaving });
      if (!isSweep(request)) return;
      sweeps += 1;
      if (sweeps !== 2) return;
      for (const mailbox of moving) organization.change({ kind: 'moveMailbox', mailbox, database: first });
    },
    { databases: [first, second] },
  );
  assert.ok(sweeps >= 2, 'nothing was swept: the test is blind');
  const there = [...tenantsOf(organization, first), ...tenantsOf(organization, second)].sort();
  assert.deepEqual([...rows.wanted.keys()].sort(), there);
  assert.deepEqual(reading.errors, []);
});

/** Does something right before the n-th part is read. */
function beforePart(n: number, act: () => void): Look {
  return (request, asked) => {
    if (isPart(textOf(request)) && asked.filter(isPart).length === n) act();
  };
}

/** Name and server of each database in the file, by GUID. */
function listed({ rows }: MemoryRows): [string, string][] {
  return [...rows].map(([guid, { line }]): [string, string] => [guid, line.split(',').slice(1, 3).join(',')]).sort();
}

function present(organization: TestOrganization): [string, string][] {
  const { databases } = organization;
  return databases.map(({ guid, name, server }): [string, string] => [guid, `${name},${server}`]).sort();
}

test('databases that are renamed while mailboxes are read have one name in both files', async () => {
  const organization = createTestOrganization(shape);
  const rename = (): void => {
    for (const { name } of [...organization.databases])
      organization.change({ kind: 'renameDatabase', database: name, name: `${name}-new` });
  };
  const { rows, databases, warnings, reading } = await read(organization, beforePart(4, rename));
  assert.deepEqual(sorted(rows.wanted), sorted(truth(organization)));
  assert.deepEqual(listed(databases), present(organization));
  assert.doesNotMatch(warnings.join('\n'), /did not list/);
  assert.deepEqual(reading.errors, []);
});

test('a database that is made while mailboxes are read is in the file, as its mailboxes are', async () => {
  const organization = createTestOrganization(shape);
  const moving = [...truth(organization).keys()].slice(0, 50);
  const make = (): void => {
    organization.change({ kind: 'createDatabase', name: 'DBNEW' });
    for (const mailbox of moving) organization.change({ kind: 'moveMailbox', mailbox, database: 'DBNEW' });
  };
  const { rows, databases, warnings } = await read(organization, beforePart(4, make));
  assert.deepEqual(sorted(rows.wanted), sorted(truth(organization)));
  assert.deepEqual(listed(databases), present(organization));
  assert.doesNotMatch(warnings.join('\n'), /did not list/);
});

test('a database that is emptied and removed while mailboxes are read costs no complete export', async () => {
  const organization = createTestOrganization(shape);
  const [first] = organization.databases.map(({ name }) => name);
  const moving = [...truth(organization).keys()].slice(0, 150);
  organization.change({ kind: 'createDatabase', name: 'DBOLD' });
  for (const mailbox of moving) organization.change({ kind: 'moveMailbox', mailbox, database: 'DBOLD' });
  const remove = (): void => {
    for (const mailbox of moving) organization.change({ kind: 'moveMailbox', mailbox, database: first ?? '' });
    organization.change({ kind: 'removeDatabase', database: 'DBOLD' });
  };
  // The largest parts are read first, and this database is among the small ones.
  const { rows, databases, reading, notes } = await read(organization, beforePart(1, remove));
  assert.match(notes.join('\n'), /the database DBOLD was removed during the reading/);
  assert.deepEqual(reading.errors, []);
  assert.deepEqual(sorted(rows.wanted), sorted(truth(organization)));
  assert.deepEqual(listed(databases), present(organization));
});
