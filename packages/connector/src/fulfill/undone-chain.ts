/*
 * How far an object was led back already. A run's steps about one object are a chain of states:
 *
 *   before step 1 ─► after step 1 ─► after step 2 ─► … ─► after step n
 *
 * Where the object is in one of them, what comes later in the chain is undone. In several of them, as when a field was
 * changed and changed back: in the earliest, as nothing is left to be done there.
 */
import { databaseRead } from './database-steps.ts';
import { mailboxRead } from './checks.ts';
import type { FieldValue, Fields } from './field-value.ts';
import type { Check, ObjectIdentity, Step } from './plan.ts';
import { primaryField } from './proxy-address.ts';

const making = new Set(['Enable-Mailbox', 'Connect-Mailbox', 'New-MailboxDatabase']);
const removing = new Set(['Disable-Mailbox', 'Remove-Mailbox', 'Remove-MailboxDatabase']);
/** No fields of the object: how far a move has come is asked of its request, and an undo leaves policies switched off. */
const apart = new Set(['MoveRequest', 'EmailAddressPolicyEnabled']);

function isMaking({ cmdlet, parameters }: Step): boolean {
  return making.has(cmdlet) && parameters['Archive'] !== true;
}

/** Whether the object is there after the first `count` steps. */
function isThere(chain: readonly Step[], count: number): boolean {
  const last = chain.slice(0, count).findLast((step) => isMaking(step) || removing.has(step.cmdlet));
  if (last !== undefined) return isMaking(last);
  const next = chain.slice(count).find((step) => isMaking(step) || removing.has(step.cmdlet));
  return next === undefined || !isMaking(next);
}

/** What a step found: of a mailbox that goes, which one it was. */
function foundBy(step: Step): Fields {
  if (!removing.has(step.cmdlet)) return { ...step.before, ...primaryField(step.before) };
  const relied = step.preconditions.flatMap(({ read, expect }) =>
    expect.kind === 'fields' && read.kind === step.object.kind ? [expect.fields] : [],
  );
  return Object.assign({}, ...relied, step.before) as Fields;
}

/** What a step left. */
function leftBy({ after }: Step): Fields {
  return { ...after, ...primaryField(after) };
}

/** A field after the first `count` steps; undefined where the chain does not tell it. */
function valueAfter(chain: readonly Step[], count: number, name: string): FieldValue | undefined {
  for (const step of chain.slice(0, count).toReversed()) {
    const left = leftBy(step);
    if (name in left) return left[name] ?? null;
    if (isMaking(step)) return undefined;
  }
  for (const step of chain.slice(count)) {
    if (isMaking(step)) return undefined;
    const found = foundBy(step);
    if (name in found) return found[name] ?? null;
  }
  return undefined;
}

interface ChainState {
  readonly check: Check;
  /** Fields that the chain is about and that have no value in it. */
  readonly unknown: number;
}

function stateAfter(chain: readonly Step[], count: number, object: ObjectIdentity): ChainState {
  const read = object.kind === 'mailbox' ? mailboxRead(object) : databaseRead(object);
  if (!isThere(chain, count)) return { check: { read, expect: { kind: 'absent' } }, unknown: 0 };
  const names = new Set(chain.flatMap((step) => [...Object.keys(foundBy(step)), ...Object.keys(leftBy(step))]));
  const values = [...names]
    .filter((name) => !apart.has(name))
    .map((name) => [name, valueAfter(chain, count, name)] as const);
  const known = values.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  const check: Check = { read, expect: { kind: 'fields', fields: Object.fromEntries(known) } };
  return { check, unknown: values.length - known.length };
}

/** Whether a step is about the object itself: how far a move has come is asked of its request. */
export function isOfChain({ cmdlet }: Step): boolean {
  return !/-MoveRequest$/.test(cmdlet);
}

/**
 * How many of the steps about an object stand, from the first; undefined where it is in no state of the chain.
 * @param chain the steps about the object, in the order in which they were carried out
 */
export function standingOf(
  chain: readonly Step[],
  object: ObjectIdentity,
  holds: (check: Check) => boolean,
): number | undefined {
  const states = Array.from({ length: chain.length + 1 }, (_, count) => ({
    count,
    ...stateAfter(chain, count, object),
  }));
  const held = states.filter(({ check }) => holds(check));
  const whole = held.find(({ unknown }) => unknown === 0);
  if (whole !== undefined) return whole.count;
  // Of states that are told in part only, the one of which most is told; the later one where that leaves a choice.
  return held.toSorted((left, right) => left.unknown - right.unknown || right.count - left.count)[0]?.count;
}
