import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { describePlan, formatPlan, type Plan, parsePlan, planDigest } from '@exchange-connector/connector';
import fc from 'fast-check';
import { ModelOrganisation } from './model-organisation.ts';
import { planFor } from './planning.ts';

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

function organisation(): ModelOrganisation {
  const model = new ModelOrganisation();
  model.addDatabase('DB1');
  model.addDatabase('DB2');
  for (const name of ['anna', 'otto']) model.addMailbox(name, [`SMTP:${name}@contoso.com`]);
  model.addAccount('new');
  return model;
}

function richPlan(): Plan {
  return planFor(
    organisation(),
    [
      { changes: { SamAccountName: 'anna', EmailAddresses: 'SMTP:otto@contoso.com', Office: "O'Neill" } },
      { changes: { SamAccountName: 'otto', EmailAddresses: 'SMTP:anna@contoso.com', Database: { Name: 'DB2' } } },
      { change: 'Added', changes: { SamAccountName: 'new', EmailAddresses: 'SMTP:n@contoso.com smtp:m@contoso.com' } },
      { target: 'Database', change: 'Added', changes: { Name: 'DB9', Server: 'MBX1' } },
      { change: 'Deleted', resource: { SamAccountName: 'nobody' } },
      { changes: { SamAccountName: 'anna', Database: { Name: 'DB77' } } },
      { change: 'Deleted', resource: { SamAccountName: 'otto' } },
    ],
    { maximumInsertedLines: 1, maximumUpdatedLines: 1, allowRemoveMailbox: true },
  );
}

test('a plan survives its file, and the same plan gives the same bytes', () => {
  const text = formatPlan(richPlan(), sha256);
  const read = parsePlan(text, sha256);
  assert.equal(read.kind, 'plan');
  if (read.kind !== 'plan') return;
  assert.equal(formatPlan(read.plan, sha256), text);
  assert.equal(formatPlan(richPlan(), sha256), text);
  assert.equal(read.digest, planDigest(richPlan(), sha256));
  assert.equal(describePlan(read.plan), describePlan(richPlan()));
});

test('the digest is that of the content, not of its layout or the order of its keys', () => {
  const reversed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(reversed);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .toReversed()
        .map(([key, item]) => [key, reversed(item)]),
    );
  };
  const document = JSON.parse(formatPlan(richPlan(), sha256)) as unknown;
  assert.equal(parsePlan(JSON.stringify(reversed(document)), sha256).kind, 'plan');
});

test('a file that was changed, cut short, is of another version or no plan at all is told apart', () => {
  const text = formatPlan(richPlan(), sha256);
  const cases: readonly [string, RegExp][] = [
    [text.replace('otto@contoso.com', 'evil@contoso.com'), /does not match its sha256/],
    [text.slice(0, -40), /not valid JSON/],
    [text.replace('"version": 1', '"version": 2'), /format version 2/],
    ['{}', /no plan of this connector/],
    ['null', /no plan of this connector/],
    ['[1]', /no plan of this connector/],
    ['', /not valid JSON/],
    [`${'['.repeat(200_000)}`, /not valid JSON|nested too deeply/],
  ];
  for (const [damaged, reason] of cases) {
    const read = parsePlan(damaged, sha256);
    assert.equal(read.kind, 'unreadable');
    assert.match(read.kind === 'unreadable' ? read.reason : '', reason);
  }
});

/** The text of a file around any value, with the digest that fits. */
function sealed(plan: unknown): string {
  return formatPlan(plan as Plan, sha256);
}

test('with a digest that fits, a plan may still call no other cmdlet, none without an object, and needs its shape', () => {
  const spoil: readonly [(plan: Record<string, never> & { steps: Record<string, unknown>[] }) => void, RegExp][] = [
    [
      ({ steps }) => void Object.assign(steps[0] ?? {}, { cmdlet: 'Remove-ADUser' }),
      /cmdlet is no cmdlet that plans call/,
    ],
    [({ steps }) => void Object.assign(steps[0] ?? {}, { parameters: { EmailAddresses: [] } }), /names no object/],
    [({ steps }) => void Object.assign(steps[0] ?? {}, { parameters: { Identity: '*' } }), /names no object/],
    [
      ({ steps }) => void Object.assign(steps[0] ?? {}, { parameters: { Identity: 'x', Y: { z: 1 }, Q: [1] } }),
      /Q\[0\] is no text/,
    ],
    [({ steps }) => void Object.assign(steps[0] ?? {}, { number: 5 }), /has the number 5; 1 is expected/],
    [({ steps }) => void Object.assign(steps[0] ?? {}, { needs: [1] }), /needs a step that is not before it/],
    [({ steps }) => void Object.assign(steps[0] ?? {}, { orderIndex: 6 }), /belongs to no order/],
    [({ steps }) => void steps.pop(), /has a step that is not there/],
    [(plan) => void Object.assign(plan, { orders: 'none' }), /orders is no list/],
    [({ steps }) => void Object.assign(steps[0] ?? {}, { onFailure: 'explode' }), /onFailure is none of/],
  ];
  for (const [change, reason] of spoil) {
    const plan = JSON.parse(JSON.stringify(richPlan())) as Record<string, never> & { steps: Record<string, unknown>[] };
    change(plan);
    const read = parsePlan(sealed(plan), sha256);
    assert.match(read.kind === 'unreadable' ? read.reason : 'it was read', reason);
  }
});

test('no text and no value makes the reading of a plan throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      assert.equal(parsePlan(text, sha256).kind, 'unreadable');
    }),
  );
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.equal(parsePlan(sealed(value), sha256).kind, 'unreadable');
    }),
  );
});

test('a person reads the fields before and after, the cmdlets, the conflicts and what it comes to', () => {
  const text = describePlan(richPlan());
  for (const line of [
    /^order 1 \(-393\) Modified mailbox anna$/m,
    /^ {4}- SMTP:anna@contoso\.com$/m,
    /^ {4}\+ SMTP:otto@contoso\.com$/m,
    /^ {2}Office: empty → "O'Neill"$/m,
    /^ {4}Set-Mailbox -Identity '[0-9a-f-]{36}' -Office 'O''Neill' -EmailAddresses 'SMTP:otto@contoso\.com' .*-DomainController 'dc1\.contoso\.com'$/m,
    /^ {2}step \d+ \(after step \d+\): change otto$/m,
    /-EmailAddresses @\{Add='smtp:m@contoso\.com'\}/,
    /^ {2}refused \(not-found\): there is no mailbox database "DB77"$/m,
    /^ {2}nothing to do$/m,
    /^ {4}cannot be undone: Remove-Mailbox deleted the account otto/m,
    /^7 orders: 5 to carry out in \d+ steps, 1 with nothing to do, 1 refused$/m,
    /^stopped by a threshold: 2 mailbox orders that are Modified would be carried out; MaximumUpdatedLines is 1$/m,
  ]) {
    assert.match(text, line);
  }
});

test('a field of which nothing is known before and nothing is left after gets no line', () => {
  const plan = planFor(organisation(), [{ changes: { SamAccountName: 'anna', Office: 'x' } }]);
  const orders = plan.orders.map(({ order, decision }) => ({
    order,
    decision: decision.kind === 'planned' ? { ...decision, after: { ...decision.after, EdbFilePath: null } } : decision,
  }));
  const text = describePlan({ ...plan, orders });
  assert.match(text, /Office: .* → "x"/);
  assert.ok(!text.includes('EdbFilePath'), text);
});

test('control characters of the directory do not reach a terminal', () => {
  const model = organisation();
  const [anna] = [...model.accounts.values()];
  if (anna !== undefined) anna.name = 'anna\u001b[2J\u202e';
  const text = describePlan(planFor(model, [{ changes: { SamAccountName: 'anna', Office: 'x' } }]));
  assert.ok(!text.includes('\u001b') && !text.includes('\u202e'));
});
