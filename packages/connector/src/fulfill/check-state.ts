/* Whether what a step relies on is still so, and whether it led to what it was to lead to. */
import { assertNever } from '../errors.ts';
import { databaseRule } from './database-fields.ts';
import { type FieldKind, listOf, sameField, showValue } from './field-rule.ts';
import type { FieldValue, Fields } from './field-value.ts';
import type { LiveObject, LiveState, Read, ReadResult } from './live-state.ts';
import { mailboxRule } from './mailbox-fields.ts';
import { describeRecipient, domainOfName, textField } from './organisation-view.ts';
import type { Check } from './plan.ts';
import { addressKey, parseProxyAddress } from './proxy-address.ts';
import type { RefusalClass } from './refusal.ts';

/** How checks came out. */
export type CheckOutcome =
  | { readonly kind: 'holds' }
  /** The first thing that is otherwise, each value as a person reads it. */
  | { readonly kind: 'differs'; readonly field: string; readonly expected: string; readonly seen: string }
  /** The server did not say. */
  | { readonly kind: 'unknown'; readonly class: RefusalClass; readonly reason: string; readonly errorId: string };

const holds: CheckOutcome = { kind: 'holds' };

const otherKinds: Readonly<Record<string, FieldKind>> = {
  Mounted: 'flag',
  Server: 'server',
  EmailAddresses: 'addresses',
};

function kindOf(read: Read, name: string): FieldKind {
  const rule = read.kind === 'database' ? databaseRule(name) : read.kind === 'mailbox' ? mailboxRule(name) : undefined;
  return rule?.kind ?? otherKinds[name] ?? 'name';
}

function differs(field: string, expected: string, seen: string): CheckOutcome {
  return { kind: 'differs', field, expected, seen };
}

function checkFields(read: Read, object: LiveObject | undefined, fields: Fields): CheckOutcome {
  if (object === undefined) return differs(nameOf(read), 'there', 'not there');
  for (const [name, expected] of Object.entries(fields)) {
    const seen: FieldValue | undefined = object[name];
    if (!sameField(kindOf(read, name), expected, seen)) return differs(name, showValue(expected), showValue(seen));
  }
  return holds;
}

function nameOf(read: Read): string {
  switch (read.kind) {
    case 'addressHolders':
      return `the address ${read.address}`;
    case 'moveRequest':
      return 'the move request';
    case 'inhabitants':
      return `who lives in ${read.database}`;
    case 'mailbox':
      return 'the mailbox';
    case 'user':
      return 'the account';
    case 'database':
      return `the database ${read.identity}`;
    case 'recipient':
      return `the recipient ${read.identity}`;
    case 'command':
      return `the cmdlet ${read.name}`;
    case 'mailboxCount':
      return 'the mailboxes';
    default:
      return assertNever(read);
  }
}

function isMeant(read: Read, object: LiveObject): boolean {
  if (read.kind !== 'addressHolders') return true;
  const list = listOf(object['EmailAddresses']);
  const wanted = addressKey(parseProxyAddress(read.address));
  return list.length === 0 || list.some((address) => addressKey(parseProxyAddress(address)) === wanted);
}

function checkResult({ read, expect }: Check, result: ReadResult): CheckOutcome {
  if (result.kind === 'failed') {
    return { kind: 'unknown', class: result.class, reason: result.reason, errorId: result.errorId };
  }
  // What the server's version does not know, it does not have.
  const objects = result.kind === 'unavailable' ? [] : result.objects.filter((object) => isMeant(read, object));
  switch (expect.kind) {
    case 'fields':
      return checkFields(read, objects[0], expect.fields);
    case 'absent': {
      const [first] = objects;
      return first === undefined ? holds : differs(nameOf(read), 'not there', describeRecipient(first));
    }
    case 'noneBut': {
      const other = objects.find(
        (object) =>
          textField(object, 'Guid') !== expect.guid &&
          (expect.outside === undefined || domainOfName(object['DistinguishedName']) !== expect.outside),
      );
      return other === undefined ? holds : differs(nameOf(read), 'free', `in use by ${describeRecipient(other)}`);
    }
    default:
      return assertNever(expect);
  }
}

/**
 * What keeps one check from holding, as a sentence; `undefined` where it holds.
 * @param result what the check's read gave
 */
export function failureOfCheck(check: Check, result: ReadResult): string | undefined {
  const outcome = checkResult(check, result);
  switch (outcome.kind) {
    case 'holds':
      return undefined;
    case 'differs':
      return `${outcome.field} is ${outcome.seen}; ${outcome.expected} is expected`;
    case 'unknown':
      return outcome.reason;
    default:
      return assertNever(outcome);
  }
}

function checkOne(check: Check, live: LiveState): CheckOutcome {
  const result = live.result(check.read);
  if (result !== undefined) return checkResult(check, result);
  return { kind: 'unknown', class: 'transient', reason: `${nameOf(check.read)} was not read`, errorId: '' };
}

/** The first check that does not hold. */
export function checkAll(checks: readonly Check[], live: LiveState): CheckOutcome {
  for (const check of checks) {
    const outcome = checkOne(check, live);
    if (outcome.kind !== 'holds') return outcome;
  }
  return holds;
}

/** What checks have to have read; each once. */
export function readsOf(checks: readonly Check[]): readonly Read[] {
  return [...new Map(checks.map(({ read }) => [JSON.stringify(read), read])).values()];
}

/**
 * Whether what a step relies on is still as it was when the plan was made.
 * @param live with `readsOf(step.preconditions)`, read anew
 */
export function isStill(step: { readonly preconditions: readonly Check[] }, live: LiveState): CheckOutcome {
  return checkAll(step.preconditions, live);
}

/**
 * Whether a step led to what it was to lead to.
 * @param live with `readsOf(step.expectation)`, read from the domain controller that was written to, after the step
 */
export function verify(step: { readonly expectation: readonly Check[] }, live: LiveState): CheckOutcome {
  return checkAll(step.expectation, live);
}
