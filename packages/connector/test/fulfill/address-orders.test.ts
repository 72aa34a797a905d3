import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelAccount } from './model-organisation.ts';
import { ModelOrganisation } from './model-organisation.ts';
import { callsOf, carryOut, decisionOf, kindsOf, planFor, refusalOf } from './planning.ts';

const x500 = 'X500:/o=First Organization/ou=Exchange/cn=Recipients/cn=anna';

function organisation(): { readonly model: ModelOrganisation; readonly anna: ModelAccount } {
  const model = new ModelOrganisation();
  model.addDatabase('DB1');
  const anna = model.addMailbox(
    'anna',
    ['SMTP:anna@contoso.com', 'smtp:a.smith@contoso.com', x500, 'SIP:anna@contoso.com'],
    { EmailAddressPolicyEnabled: false },
  );
  return { model, anna };
}

/** The addresses after one order about anna. */
function after(changes: Record<string, unknown>, held?: readonly string[]): readonly string[] {
  const { model, anna } = organisation();
  if (held !== undefined && anna.mailbox !== undefined) anna.mailbox['EmailAddresses'] = [...held];
  const order = { changes: { SamAccountName: 'anna', ...changes } };
  const plan = planFor(model, [order]);
  assert.notEqual(decisionOf(plan).kind, 'refused', JSON.stringify(decisionOf(plan)));
  carryOut(model, plan);
  assert.deepEqual(kindsOf(planFor(model, [order])), ['nothingToDo'], 'planned again');
  return model.addressesOf(anna);
}

function refusal(changes: Record<string, unknown>): { readonly class: string; readonly reason: string } {
  return refusalOf(planFor(organisation().model, [{ changes: { SamAccountName: 'anna', ...changes } }]));
}

test('EmailAddresses is the complete list of SMTP addresses; those of other types stay', () => {
  assert.deepEqual(after({ EmailAddresses: 'smtp:new@contoso.com SMTP:anna@contoso.com' }), [
    'smtp:new@contoso.com',
    'SMTP:anna@contoso.com',
    x500,
    'SIP:anna@contoso.com',
  ]);
});

test('a type that the list names is complete in it, too', () => {
  assert.deepEqual(after({ EmailAddresses: 'SMTP:anna@contoso.com sip:other@contoso.com' }), [
    'SMTP:anna@contoso.com',
    'sip:other@contoso.com',
    x500,
  ]);
});

test('the list is a text as the export writes it, or a JSON list; a space inside an address is no separator', () => {
  const spaced = 'X500:/o=First Organization/cn=a%20b:c';
  for (const EmailAddresses of [
    `SMTP:anna@contoso.com ${spaced}`,
    ['SMTP:anna@contoso.com', spaced.replace('%20', ' ')],
  ]) {
    assert.deepEqual(after({ EmailAddresses }), [
      'SMTP:anna@contoso.com',
      'X500:/o=First Organization/cn=a b:c',
      'SIP:anna@contoso.com',
    ]);
  }
  assert.deepEqual(after({ EmailAddresses: '  SMTP:anna@contoso.com   b@contoso.com\tc@contoso.com ' }), [
    'SMTP:anna@contoso.com',
    'smtp:b@contoso.com',
    'smtp:c@contoso.com',
    x500,
    'SIP:anna@contoso.com',
  ]);
});

test('PrimarySmtpAddress alone changes the primary and keeps the old one', () => {
  const others = ['smtp:a.smith@contoso.com', x500, 'SIP:anna@contoso.com'];
  assert.deepEqual(after({ PrimarySmtpAddress: 'new@contoso.com' }), [
    'SMTP:new@contoso.com',
    'smtp:anna@contoso.com',
    ...others,
  ]);
  assert.deepEqual(after({ PrimarySmtpAddress: 'SMTP:A.Smith@contoso.com' }), [
    'smtp:anna@contoso.com',
    'SMTP:a.smith@contoso.com',
    x500,
    'SIP:anna@contoso.com',
  ]);
});

test('both together must agree; the list need not mark what PrimarySmtpAddress names', () => {
  const rest = [x500, 'SIP:anna@contoso.com'];
  const list = 'smtp:b@contoso.com smtp:anna@contoso.com';
  assert.deepEqual(after({ EmailAddresses: list, PrimarySmtpAddress: 'b@contoso.com' }), [
    'SMTP:b@contoso.com',
    'smtp:anna@contoso.com',
    ...rest,
  ]);
  assert.deepEqual(after({ EmailAddresses: 'SMTP:B@contoso.com', PrimarySmtpAddress: 'b@contoso.com' }), [
    'SMTP:B@contoso.com',
    ...rest,
  ]);
  const contrary = refusal({ EmailAddresses: 'SMTP:b@contoso.com', PrimarySmtpAddress: 'c@contoso.com' });
  assert.equal(contrary.class, 'invalid');
  assert.match(contrary.reason, /PrimarySmtpAddress is c@contoso\.com, and EmailAddresses names b@contoso\.com/);
});

test('a list without a primary keeps the present one where it is in the list, or has one address only', () => {
  const rest = [x500, 'SIP:anna@contoso.com'];
  assert.deepEqual(after({ EmailAddresses: 'smtp:b@contoso.com smtp:Anna@contoso.com' }), [
    'smtp:b@contoso.com',
    'SMTP:Anna@contoso.com',
    ...rest,
  ]);
  assert.deepEqual(after({ EmailAddresses: 'b@contoso.com' }), ['SMTP:b@contoso.com', ...rest]);
  assert.match(
    refusal({ EmailAddresses: 'smtp:b@contoso.com smtp:c@contoso.com' }).reason,
    /the present one, anna@contoso\.com, is not in it/,
  );
  assert.match(refusal({ EmailAddresses: 'X500:/o=a/cn=b' }).reason, /names no primary address/);
});

test('an address that stands twice is one; two primaries are refused', () => {
  assert.deepEqual(after({ EmailAddresses: 'smtp:ANNA@contoso.com SMTP:anna@contoso.com smtp:Anna@contoso.com' }), [
    'SMTP:anna@contoso.com',
    x500,
    'SIP:anna@contoso.com',
  ]);
  assert.match(
    refusal({ EmailAddresses: 'SMTP:a@contoso.com SMTP:b@contoso.com' }).reason,
    /names 2 primary addresses/,
  );
});

test('letter case alone is no difference', () => {
  const { model } = organisation();
  const plan = planFor(model, [
    { changes: { SamAccountName: 'anna', EmailAddresses: 'SMTP:ANNA@CONTOSO.COM smtp:A.SMITH@contoso.com' } },
  ]);
  assert.deepEqual(kindsOf(plan), ['nothingToDo']);
});

test('what is no address is refused, with a hint where the separator is to blame', () => {
  for (const bad of [
    'SMTP:anna',
    'SMTP:@contoso.com',
    'SMTP:a@',
    'SMTP:a..b@contoso.com',
    'SMTP:a@-b.com',
    'SMTP:a@b..com',
    `SMTP:${'a'.repeat(65)}@b.com`,
    'smtp:a b@contoso.com SMTP:anna@contoso.com',
  ]) {
    assert.equal(refusal({ EmailAddresses: bad }).class, 'invalid', bad);
  }
  assert.match(
    refusal({ EmailAddresses: 'SMTP:anna@contoso.com;smtp:b@contoso.com' }).reason,
    /separated by ValueSeparator/,
  );
  assert.equal(refusal({ PrimarySmtpAddress: 'X500:/o=a' }).class, 'invalid');
  assert.match(
    refusal({ EmailAddresses: Array.from({ length: 1025 }, (_, at) => `smtp:a${at}@b.com`) }).reason,
    /1024 are allowed/,
  );
});

test('unusual addresses that Exchange takes are taken', () => {
  for (const good of [
    "o'brien@contoso.com",
    'a+b@contoso.com',
    'müller@contoso.com',
    'a@localhost',
    'a_b@x_y.contoso.com',
    '"a b"@contoso.com',
    'a@[192.0.2.1]',
  ]) {
    assert.ok(after({ EmailAddresses: ['SMTP:anna@contoso.com', `smtp:${good}`] }).includes(`smtp:${good}`), good);
  }
});

test('a mailbox under an e-mail address policy is taken out of it where its primary changes or an address goes, and it is said', () => {
  for (const [changes, isSwitchedOff] of [
    [{ PrimarySmtpAddress: 'new@contoso.com' }, true],
    [{ EmailAddresses: 'SMTP:anna@contoso.com' }, true],
    [{ EmailAddresses: 'SMTP:anna@contoso.com smtp:a.smith@contoso.com smtp:more@contoso.com' }, false],
  ] as const) {
    const { model, anna } = organisation();
    if (anna.mailbox !== undefined) anna.mailbox['EmailAddressPolicyEnabled'] = true;
    const plan = planFor(model, [{ changes: { SamAccountName: 'anna', ...changes } }]);
    assert.equal(plan.steps[0]?.parameters['EmailAddressPolicyEnabled'], isSwitchedOff ? false : undefined);
    const decision = decisionOf(plan);
    assert.equal(
      decision.kind === 'planned' && decision.notes.some((note) => note.includes('e-mail address policies')),
      isSwitchedOff,
    );
    carryOut(model, plan);
  }
  const { model, anna } = organisation();
  if (anna.mailbox !== undefined) anna.mailbox['EmailAddressPolicyEnabled'] = true;
  const plan = planFor(model, [
    { changes: { SamAccountName: 'anna', PrimarySmtpAddress: 'new@contoso.com', EmailAddressPolicyEnabled: true } },
  ]);
  assert.equal(refusalOf(plan).class, 'invalid');
});

test('an address that anybody has is found before writing, with the name of who has it', () => {
  const { model } = organisation();
  model.addMailbox('otto', ['SMTP:otto@contoso.com']);
  model.addAccount('Sales', 'MailUniversalDistributionGroup', ['SMTP:sales@contoso.com']);
  model.addAccount('Extern', 'MailContact', ['SMTP:extern@contoso.com']);
  model.addAccount('Guest', 'MailUser', ['SMTP:guest@contoso.com'], 'emea.contoso.com');
  model.addAccount('Folder', 'PublicFolder', ['SMTP:folder@contoso.com']);
  const taken = [
    'otto (UserMailbox)',
    'Sales (MailUniversalDistributionGroup)',
    'Extern (MailContact)',
    'Guest (MailUser)',
    'Folder (PublicFolder)',
  ];
  for (const holder of taken) {
    const address = `${holder.split(' ')[0]?.toUpperCase()}@CONTOSO.com`;
    for (const changes of [
      { PrimarySmtpAddress: address },
      { EmailAddresses: `SMTP:anna@contoso.com smtp:${address}` },
    ]) {
      const plan = planFor(model, [{ changes: { SamAccountName: 'anna', ...changes } }]);
      assert.equal(refusalOf(plan).class, 'conflict');
      assert.ok(refusalOf(plan).reason.endsWith(`is in use by ${holder}`), refusalOf(plan).reason);
    }
  }
  model.addAccount('new');
  const added = planFor(model, [
    { change: 'Added', changes: { SamAccountName: 'new', PrimarySmtpAddress: 'otto@contoso.com' } },
  ]);
  assert.match(refusalOf(added).reason, /in use by otto/);
});

function three(): ModelOrganisation {
  const model = new ModelOrganisation();
  model.addDatabase('DB1');
  for (const name of ['a', 'b', 'c']) {
    model.addMailbox(name, [`SMTP:${name}@contoso.com`, `smtp:${name}${name}@contoso.com`]);
  }
  return model;
}

function giving(name: string, addresses: string): { readonly changes: Record<string, unknown> } {
  return { changes: { SamAccountName: name, EmailAddresses: addresses } };
}

test('an address is passed on by two orders, in whichever order they stand', () => {
  const take = giving('a', 'SMTP:a@contoso.com smtp:bb@contoso.com');
  const release = giving('b', 'SMTP:b@contoso.com');
  for (const orders of [
    [take, release],
    [release, take],
  ]) {
    const model = three();
    const plan = planFor(model, orders);
    assert.deepEqual(kindsOf(plan), ['planned', 'planned']);
    assert.equal(plan.steps[0]?.object.name, 'b');
    assert.deepEqual(plan.steps[1]?.needs, [1]);
    carryOut(model, plan);
  }
});

test('two orders that swap primary addresses are carried out in three steps', () => {
  const model = three();
  const orders = [giving('a', 'SMTP:b@contoso.com'), giving('b', 'SMTP:a@contoso.com')];
  const plan = planFor(model, orders);
  assert.deepEqual(
    plan.steps.map(({ object, orderIndex }) => [object.name, orderIndex]),
    [
      ['a', 1],
      ['b', 2],
      ['a', 1],
    ],
  );
  carryOut(model, plan);
  assert.deepEqual(kindsOf(planFor(model, orders)), ['nothingToDo', 'nothingToDo']);
});

test('mailboxes with one address each are swapped with an address for the time between', () => {
  const model = new ModelOrganisation();
  model.addDatabase('DB1');
  const a = model.addMailbox('a', ['SMTP:a@contoso.com']);
  const b = model.addMailbox('b', ['SMTP:b@contoso.com']);
  const plan = planFor(model, [giving('a', 'SMTP:b@contoso.com'), giving('b', 'SMTP:a@contoso.com')]);
  const [passing] = (plan.steps[0]?.after['EmailAddresses'] ?? []) as readonly string[];
  assert.match(passing ?? '', /^SMTP:a-[0-9a-f]{12}@contoso\.com$/);
  carryOut(model, plan);
  assert.deepEqual(model.addressesOf(a), ['SMTP:b@contoso.com']);
  assert.deepEqual(model.addressesOf(b), ['SMTP:a@contoso.com']);
});

test('however many mailboxes are swapped, planning asks in as few rounds', () => {
  const model = new ModelOrganisation();
  model.addDatabase('DB1');
  const names = Array.from({ length: 60 }, (_, at) => `m${at}`);
  for (const name of names) model.addMailbox(name, [`SMTP:${name}@contoso.com`]);
  // The address for the time between is asked for, for each pair: planFor allows a few rounds for all of them.
  const plan = planFor(
    model,
    names.map((name, at) => giving(name, `SMTP:${names[at % 2 === 0 ? at + 1 : at - 1]}@contoso.com`)),
  );
  assert.equal(plan.steps.length, 90);
  carryOut(model, plan);
});

test('an address is passed on from a mailbox that is disabled, and to one that is enabled', () => {
  const model = three();
  model.addAccount('new');
  const plan = planFor(model, [
    { change: 'Added', changes: { SamAccountName: 'new', PrimarySmtpAddress: 'a@contoso.com' } },
    { change: 'Deleted', resource: { SamAccountName: 'a' } },
  ]);
  assert.deepEqual(
    plan.steps.map(({ cmdlet }) => cmdlet),
    ['Disable-Mailbox', 'Enable-Mailbox'],
  );
  carryOut(model, plan);
});

test('where two orders want one address the first gets it and the second is refused, naming it', () => {
  const plan = planFor(three(), [
    giving('a', 'SMTP:a@contoso.com smtp:new@contoso.com'),
    giving('b', 'SMTP:b@contoso.com smtp:NEW@contoso.com'),
  ]);
  assert.deepEqual(kindsOf(plan), ['planned', 'refused']);
  assert.match(refusalOf(plan, 2).reason, /goes to a by order 1 of this batch/);
});

test('an order that waits for the address of a refused one is refused with that reason, along the whole chain', () => {
  const model = three();
  model.addAccount('Sales', 'MailUniversalDistributionGroup', ['SMTP:sales@contoso.com']);
  const plan = planFor(model, [
    giving('a', 'SMTP:a@contoso.com smtp:bb@contoso.com'),
    giving('b', 'SMTP:b@contoso.com smtp:cc@contoso.com'),
    giving('c', 'SMTP:c@contoso.com smtp:sales@contoso.com'),
    { changes: { SamAccountName: 'c', Office: 'x' } },
  ]);
  assert.deepEqual(kindsOf(plan), ['refused', 'refused', 'refused', 'planned']);
  assert.match(refusalOf(plan, 3).reason, /in use by Sales/);
  assert.match(refusalOf(plan, 2).reason, /order 3 of this batch would set it free, and is refused itself/);
  assert.match(refusalOf(plan, 1).reason, /order 2 of this batch would set it free/);
});

test('a second order about a mailbox is planned on what there is, where the first is refused', () => {
  const model = three();
  const plan = planFor(model, [
    { changes: { SamAccountName: 'a', EmailAddresses: 'SMTP:b@contoso.com', Office: 'first' } },
    { changes: { SamAccountName: 'a', PrimarySmtpAddress: 'aa@contoso.com' } },
  ]);
  assert.deepEqual(kindsOf(plan), ['refused', 'planned']);
  assert.deepEqual(callsOf(plan)[0]?.parameters, {
    Identity: plan.steps[0]?.object.guid,
    EmailAddresses: ['smtp:a@contoso.com', 'SMTP:aa@contoso.com'],
    EmailAddressPolicyEnabled: false,
  });
  carryOut(model, plan);
});

test('a ring of three is carried out in four steps', () => {
  const model = three();
  const plan = planFor(model, [
    giving('a', 'SMTP:b@contoso.com'),
    giving('b', 'SMTP:c@contoso.com'),
    giving('c', 'SMTP:a@contoso.com'),
  ]);
  assert.equal(plan.steps.length, 4);
  carryOut(model, plan);
});

test('orders that wait for each other behind orders about their own mailboxes are refused together', () => {
  const model = three();
  const plan = planFor(model, [
    giving('a', 'SMTP:a@contoso.com smtp:aa@contoso.com smtp:bb@contoso.com'),
    giving('b', 'SMTP:b@contoso.com smtp:bb@contoso.com smtp:aa@contoso.com'),
    giving('a', 'SMTP:a@contoso.com smtp:bb@contoso.com'),
    giving('b', 'SMTP:b@contoso.com smtp:aa@contoso.com'),
  ]);
  assert.deepEqual(kindsOf(plan).slice(0, 2), ['refused', 'refused']);
  assert.match(refusalOf(plan, 1).reason, /wait for each other|would set it free/);
});
