/*
 * A batch that dies at each moment at which it writes or sends something, in the middle of a line or at its end, and
 * is started again: nothing is lost, nothing is done twice, and the results of the run that died come out whole.
 */
import assert from 'node:assert/strict';
import { databaseOrder, mailboxOrder, NativeRehearsal, type RehearsedPorts } from './native-rehearsal.ts';
import { accounts, people } from './random-batch.ts';
import { unguarded } from './random-check.ts';

/** A batch of every kind of order; swaps and orders that are refused among them. */
export function killedBatch(place: NativeRehearsal, count: number): object[] {
  const all = people(place);
  const free = accounts(place);
  const databases = place.organization.databases.map(({ name }) => name);
  const orders: object[] = [];
  for (let at = 0; orders.length < count; at += 1) {
    const id = String(at + 1);
    const one = all[(at * 2) % all.length];
    const two = all[(at * 2 + 1) % all.length];
    const key = { SamAccountName: one?.sam };
    const kinds: (() => object[])[] = [
      () => [mailboxOrder(id, 'Modified', { DisplayName: `Name ${at}` }, key)],
      () => [
        mailboxOrder(`${id}a`, 'Modified', { EmailAddresses: `SMTP:${two?.primary}` }, key),
        mailboxOrder(`${id}b`, 'Modified', { EmailAddresses: `SMTP:${one?.primary}` }, { SamAccountName: two?.sam }),
      ],
      () => [mailboxOrder(id, 'Modified', { PrimarySmtpAddress: `primary${at}@example.test` }, key)],
      () => [mailboxOrder(id, 'Added', { SamAccountName: free[at % free.length], Database: { Name: databases[0] } })],
      () => [mailboxOrder(id, 'Modified', { Database: { Name: databases[at % databases.length] } }, key)],
      () => [databaseOrder(id, 'Added', { Name: `New DB ${at}`, Server: place.organization.databases[0]?.server })],
      () => [mailboxOrder(id, 'Modified', { DisplayName: 'Nobody' }, { SamAccountName: `nobody${at}` })],
      () => [mailboxOrder(id, 'Modified', { DisplayName: `Name ${at}`, ProhibitSendReceiveQuota: '90 GB' }, key)],
      () => [mailboxOrder(id, 'Deleted', {}, { SamAccountName: two?.sam })],
    ];
    orders.push(...(kinds[at % kinds.length]?.() ?? []));
  }
  return orders;
}

export interface KillRehearsal {
  readonly orders: number;
}

function makePlace({ orders }: KillRehearsal): { place: NativeRehearsal; given: object[] } {
  const organization = { mailboxes: Math.max(80, orders * 3), users: Math.max(20, orders) };
  const place = new NativeRehearsal(unguarded, organization);
  const given = killedBatch(place, orders);
  place.give(...given);
  return { place, given };
}

const oneDayMs = 86_400_000;

/** What a batch that nothing happens to comes to. */
export interface Reference {
  readonly states: readonly string[];
  readonly state: unknown;
  /** How often something is written or sent. */
  readonly moments: number;
  /** The changing commands, each as often as it is sent. */
  readonly writes: number;
  readonly changes: readonly string[];
}

function changesOf(place: NativeRehearsal, ...runs: readonly string[]): string[] {
  return runs
    .flatMap((run) => place.audit(run))
    .map(({ orderId, cmdlet, field, after }) => JSON.stringify([orderId, cmdlet, field, after]))
    .toSorted();
}

/** Runs the batch undisturbed. */
export async function runReference(how: KillRehearsal): Promise<Reference> {
  const { place } = makePlace(how);
  try {
    const ports = place.ports();
    await place.fulfill(ports);
    place.organization.clock.advance(oneDayMs);
    return {
      states: place.states(),
      state: place.state(),
      moments: ports.counts.moments,
      writes: ports.counts.writes,
      changes: changesOf(place, 'run-1'),
    };
  } finally {
    place.dispose();
  }
}

/** Dies at one moment, starts again, and holds what came out against the reference. @throws where it is otherwise */
export async function rehearseDeath(
  how: KillRehearsal,
  death: { readonly moment: number; readonly torn: boolean },
  reference: Reference,
): Promise<void> {
  const { place, given } = makePlace(how);
  try {
    const dying = place.ports({ deadly: death });
    const died = await place.fulfill(dying);
    assert.equal(died.kind, 'failed', `at moment ${death.moment} nothing died`);
    assert.equal(dying.counts.dead, true);
    const again = place.ports();
    const outcome = await place.fulfill(again);
    assert.ok(outcome.kind === 'partial' || outcome.kind === 'done', JSON.stringify(outcome));
    place.organization.clock.advance(oneDayMs);
    assert.deepEqual(place.states(), reference.states);
    assert.deepEqual(place.state(), reference.state);
    assert.equal(place.verdict().kind, 'intact', JSON.stringify(place.verdict()));
    // One order whose cmdlet was under way may be sent to the same end in other words; all else is done once.
    assert.deepEqual(changesOf(place, 'run-1', 'run-2'), reference.changes);
    checkSentOnce(dying, again, reference);
    assert.equal(given.length, reference.states.length);
  } finally {
    place.dispose();
  }
}

function checkSentOnce(dying: RehearsedPorts, again: RehearsedPorts, reference: Reference): void {
  const sent = dying.counts.writes + again.counts.writes;
  // What was announced and not sent is counted as sent by the port that died, and sent by the next.
  assert.ok(sent === reference.writes || sent === reference.writes + 1, `${sent} commands for ${reference.writes}`);
}
