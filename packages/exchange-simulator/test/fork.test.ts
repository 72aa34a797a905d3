/* A copy of an organisation: the same at first, on its own afterwards. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestOrganization, openInProcessSession, type TestOrganization } from '../src/index.ts';
import { run } from './in-process.ts';

const minute = 60_000;
const second = 'dc02.example.test';

function all(organization: TestOrganization): unknown {
  return organization.domainControllers.map(({ name, lagMs }) => {
    const truth = organization.truth(name);
    return {
      name,
      lagMs,
      mailboxes: [...truth.mailboxes()],
      others: [...truth.others()],
      databases: truth.databases,
      units: truth.organizationalUnits,
      now: organization.clock.now(),
    };
  });
}

/** Changes of every kind, one of them a move that has not ended, one not yet come to the second controller. */
async function changed(): Promise<TestOrganization> {
  const organization = createTestOrganization({ mailboxes: 40, databases: 3, clock: 'virtual' });
  organization.setReplicationLag(second, 10 * minute);
  const [first = ''] = [...organization.truth().mailboxes()].map(({ guid }) => guid);
  organization.change({ kind: 'createMailbox', name: 'Nora' });
  organization.change({ kind: 'createDatabase', name: 'New DB' });
  organization.change({ kind: 'createOrganizationalUnit', parent: organization.domains[0] ?? '', name: 'New' });
  organization.clock.advance(5 * minute);
  const session = openInProcessSession(organization);
  await run(session, 'Set-ADServerSettings', { ViewEntireForest: true });
  const outcome = await run(session, 'New-MoveRequest', { Identity: first, TargetDatabase: 'New DB', Confirm: false });
  assert.deepEqual(outcome.errors, []);
  return organization;
}

test('a fork of an organisation is the same, and stays the same as the original while both go on alike', async () => {
  const organization = await changed();
  const fork = organization.fork();
  assert.deepEqual(all(fork), all(organization));
  for (const each of [organization, fork]) {
    each.clock.advance(minute * 6);
    each.change({ kind: 'createMailbox', name: 'Later' });
    each.change({ kind: 'createDatabase', name: 'Later DB' });
  }
  assert.deepEqual(all(fork), all(organization));
});

test('what happens to a fork does not happen to the original, nor the other way round', async () => {
  const organization = await changed();
  const before = all(organization);
  const fork = organization.fork();
  fork.clock.advance(60 * minute);
  fork.setReplicationLag(second, 0);
  fork.change({ kind: 'createMailbox', name: 'Elsewhere' });
  fork.change({ kind: 'dismountDatabase', database: 'New DB' });
  fork.change({ kind: 'createOrganizationalUnit', parent: fork.domains[0] ?? '', name: 'Elsewhere' });
  assert.deepEqual(all(organization), before);
  const there = all(fork);
  organization.clock.advance(60 * minute);
  organization.change({ kind: 'renameDatabase', database: 'DB03', name: 'Renamed' });
  assert.deepEqual(all(fork), there);
});
