/* Which domain controllers a batch reads from and writes to, in a forest of two domains, and after a death. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { FulfillOutcome } from '@exchange-connector/agent';
import { Death, mailboxOrder, NativeRehearsal, type RehearsedPorts } from './native-rehearsal.ts';

const [root, emea] = ['dc01.example.test', 'dc01.emea.example.test'] as const;

function rehearse(context: TestContext, without: readonly string[] = []): NativeRehearsal {
  const place = new NativeRehearsal({}, {}, { without });
  context.after(() => place.dispose());
  return place;
}

/** SAM account names of two user mailboxes in the root domain, then of two in the other one. */
function mailboxes(place: NativeRehearsal): readonly string[] {
  const { domains } = place.organization;
  const all = [...place.organization.truth().mailboxes()].filter(
    ({ properties }) =>
      properties['RecipientTypeDetails'] === 'UserMailbox' && !/[^a-z0-9]/.test(String(properties['SamAccountName'])),
  );
  return domains.flatMap((domain) =>
    all
      .filter((each) => each.domain === domain)
      .slice(0, 2)
      .map(({ properties }) => String(properties['SamAccountName'])),
  );
}

function change(id: string, sam: string | undefined, office: string): object {
  return mailboxOrder(id, 'Modified', { Office: office }, { SamAccountName: sam });
}

/** What the audit says of each order: `id office domain-controller`. */
function told(place: NativeRehearsal, run: string): string[] {
  return place
    .audit(run)
    .map(({ orderId, after, domainController }) => `${orderId} ${String(after)} ${String(domainController)}`);
}

test('objects of another domain are read from and written to one domain controller of theirs, whatever the others lag', async (context) => {
  const place = rehearse(context);
  // Whoever reads back anywhere else sees nothing of it.
  for (const { name } of place.organization.domainControllers)
    if (name !== root && name !== emea) place.organization.setReplicationLag(name, Number.POSITIVE_INFINITY);
  place.organization.setReplicationLag(root, Number.POSITIVE_INFINITY);
  const [a, , c, d] = mailboxes(place);
  place.give(change('1', a, 'Paris'), change('2', c, 'Oslo'), change('3', c, 'Bergen'), change('4', d, 'Oslo'));
  const ports = place.ports();
  const outcome = await place.fulfill(ports);
  assert.equal(outcome.kind, 'done', JSON.stringify(place.rows()));
  assert.deepEqual(told(place, 'run-1').toSorted(), [
    `1 Paris ${root}`,
    `2 Oslo ${emea}`,
    `3 Bergen ${emea}`,
    `4 Oslo ${emea}`,
  ]);
  assert.equal((await place.undo('run-1')).kind, 'done', JSON.stringify(place.rows()));
  assert.deepEqual([...new Set(place.audit('run-2').map(({ domainController }) => domainController))].toSorted(), [
    emea,
    root,
  ]);
});

test('where a read does not tell the domain controller, the list of them does; without either that is said', async (context) => {
  const [listed, unknown] = [
    rehearse(context, ['Get-User:ReadFromDomainController']),
    rehearse(context, ['Get-User:ReadFromDomainController', 'Get-DomainController']),
  ];
  for (const [place, controller] of [
    [listed, emea],
    [unknown, 'null'],
  ] as const) {
    const [, , c] = mailboxes(place);
    place.give(change('1', c, 'Oslo'));
    const outcome = await place.fulfill();
    assert.ok(outcome.kind === 'done', JSON.stringify(place.rows()));
    assert.deepEqual(told(place, 'run-1'), [`1 Oslo ${controller}`]);
    assert.equal(
      outcome.summary.warnings.filter((text) => text.includes('does not tell a domain controller of emea.example.test'))
        .length,
      controller === 'null' ? 1 : 0,
    );
  }
});

/** Ports that die when the nth step was carried out, before the journal says so. */
function deadAfter(place: NativeRehearsal, steps: number): RehearsedPorts {
  const ports = place.ports();
  let ended = 0;
  return {
    ...ports,
    watch: (event) => {
      const isEnd =
        event.when === 'before' &&
        event.path.endsWith('journal.jsonl') &&
        Buffer.from(event.bytes).includes('"kind":"ended"');
      if (isEnd) ended += 1;
      if (isEnd && ended === steps) {
        ports.counts.dead = true;
        throw new Death('dead');
      }
      ports.watch?.(event);
    },
  };
}

function failureOf(outcome: FulfillOutcome): { code: string; mend: string } {
  assert.ok(outcome.kind === 'failed', outcome.kind);
  return { code: `${outcome.exitCode} ${outcome.failure.code}`, mend: outcome.failure.mend ?? '' };
}

test('a run that died is finished on the domain controllers that it had, of other domains too', async (context) => {
  const place = rehearse(context);
  const [a, , c] = mailboxes(place);
  place.give(change('1', a, 'Paris'), change('2', c, 'Oslo'));
  // What was written is nowhere else yet when the next command looks.
  for (const { name } of place.organization.domainControllers)
    place.organization.setReplicationLag(name, Number.POSITIVE_INFINITY);
  await place.fulfill(deadAfter(place, 2));
  const ports = place.ports();
  assert.equal((await place.fulfill(ports)).kind, 'done', JSON.stringify(place.rows()));
  assert.equal(ports.counts.writes, 0);
  assert.deepEqual(told(place, 'run-1'), [`1 Paris ${root}`, `2 Oslo ${emea}`]);
});

for (const [which, steps, name] of [
  ['the batch', 1, root],
  ['another domain', 2, emea],
] as const) {
  test(`where the domain controller of ${which} is gone, a run that died waits for a word of who knows, and names it`, async (context) => {
    const place = rehearse(context);
    const [a, b, c] = mailboxes(place);
    place.give(change('1', a, 'Paris'), change('2', c, 'Oslo'), change('3', b, 'Rome'));
    await place.fulfill(deadAfter(place, steps));
    place.organization.retireDomainController(name);
    const before = place.state();
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const ports = place.ports();
      const { code, mend } = failureOf(await place.fulfill(ports));
      assert.deepEqual([code, ports.counts.writes], ['1 RUN_DOMAIN_CONTROLLER_GONE', 0]);
      assert.ok(mend.endsWith(`start the same command again with --retired-dc ${name}`), mend);
    }
    assert.deepEqual(place.state(), before);
    const ports = place.ports();
    const outcome = await place.fulfill(ports, { retiredDomainControllers: [name.toUpperCase()] });
    assert.ok(outcome.kind === 'done', JSON.stringify([outcome, place.rows()]));
    assert.deepEqual(place.states(), ['1 Executed', '2 Executed', '3 Executed']);
    // The steps that were carried out are not sent again.
    assert.equal(ports.counts.writes, 3 - steps);
    assert.ok(outcome.summary.warnings.some((text) => text.includes(`was on ${name}, which is retired`)));
    assert.equal(place.verdict().kind, 'intact');
    // Nothing of it is open any more.
    assert.equal((await place.fulfill()).kind, 'done', JSON.stringify(place.rows()));
  });
}

test('a run that died before it began anything is carried out on another domain controller without a word', async (context) => {
  const place = rehearse(context);
  const [a] = mailboxes(place);
  place.give(change('1', a, 'Paris'));
  const dying = place.ports({ beforeWrite: () => assert.fail('nothing is to be sent') });
  const ports: RehearsedPorts = {
    ...dying,
    watch: (event) => {
      if (event.path.includes('plan-1.json')) {
        dying.counts.dead = true;
        throw new Death('dead');
      }
      dying.watch?.(event);
    },
  };
  await place.fulfill(ports);
  place.organization.retireDomainController(root);
  assert.equal((await place.fulfill()).kind, 'done', JSON.stringify(place.rows()));
  assert.deepEqual(told(place, 'run-1'), ['1 Paris dc02.example.test']);
});
