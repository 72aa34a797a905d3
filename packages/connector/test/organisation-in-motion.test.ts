import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestOrganization, type TestOrganization } from '@exchange-connector/exchange-simulator';
import type { PipelineRequest } from '@exchange-connector/psrp';
import { isPart, read, shape, textOf, truth } from './partitioned-rehearsal.ts';

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
