/*
 * Objects on the wire: the shape of a recorded mailbox, and what Microsoft's own deserializer reads back,
 * compared with the truth that never went through a serializer.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decodeCliXml, property, type PsObject, textOf } from '@exchange-connector/psrp';
import { openOracle } from '../../psrp/test/oracle-program.ts';
import { startSimulator } from '../src/simulator.ts';
import { Organization } from '../src/organization/organization.ts';
import { type TruthValue, truthOf } from '../src/organization/truth.ts';
import { databaseShape } from '../src/serialization/configuration-shapes.ts';
import { mailboxPropertyOrder } from '../src/serialization/mailbox-property-order.ts';
import { mailboxShape } from '../src/serialization/mailbox-shape.ts';
import { type SerializationLevel, serializeObject } from '../src/serialization/object-shape.ts';
import { RealClient } from './real-client.ts';

const sample = fileURLToPath(new URL('../../../../shared/samples/get-mailbox-partial.clixml', import.meta.url));
const shape = mailboxShape();
const partial: SerializationLevel = { level: 'partial', projectedValues: 'flat' };
const organization = new Organization({ mailboxes: 400, databases: 6, seed: 1 });
const whole = (index: number, level = partial): string =>
  serializeObject({ kind: 'directory', shape, source: organization.mailbox(index) }, level);
const selected = (index: number, names: readonly string[], level: SerializationLevel): string =>
  serializeObject(
    { kind: 'selected', original: { kind: 'directory', shape, source: organization.mailbox(index) }, names },
    level,
  );
const tags = (xml: string): readonly string[] => xml.match(/<[^>]*>/g) ?? [];

test('a mailbox has the recorded one’s tags, names and numbers of references, one by one', {
  skip: existsSync(sample) ? false : `there is no ${sample}`,
}, () => {
  const recorded = tags(readFileSync(sample, 'utf8').trim());
  const same = Array.from({ length: 400 }, (_, index) => tags(whole(index))).filter(
    (own) => own.join('') === recorded.join(''),
  );
  assert.ok(same.length > 0, 'no mailbox of the first 400 has exactly its tags');
});

test('every mailbox has the 228 properties in wire order as direct children', () => {
  const names = mailboxPropertyOrder.map(([, name]) => name);
  assert.equal(names.length, 228);
  for (let index = 0; index < 400; index += 1) {
    const object = decodeCliXml(Buffer.from(whole(index))) as PsObject;
    assert.deepEqual(
      object.adapted.map((entry) => entry.name),
      names,
    );
    assert.deepEqual([object.display, object.extended.length], [organization.mailbox(index).name, 0]);
  }
});

test('a nested Name and DisplayName stand before the mailbox’s own', () => {
  const xml = whole(0);
  assert.ok(
    xml.indexOf('<S N="DisplayName">English (United States)</S>') < xml.indexOf('<S N="DisplayName">Administrator</S>'),
  );
  assert.ok(xml.indexOf('<S N="Name">en-US</S>') > 0);
});

test('what cannot stand in XML is escaped as PowerShell escapes it', () => {
  const weird = Array.from({ length: 48 }, (_, index) => whole(index)).join('');
  for (const text of [
    'Line one_x000D__x000A_Line two',
    'and _x005F_x0041_ literal _x005F_X005F_',
    '_xD83D_ surrogate',
    '_xD83D__xDC69_',
    'NUL_x0000_ and DEL_x007F_ and NEL_x0085_',
    '&#xFFFF;',
    '&lt;Sons&gt;',
  ]) {
    assert.ok(weird.includes(text), text);
  }
});

test('a database has its state only where it was asked for', () => {
  const source = { database: organization.databases[0], status: false };
  const silent = serializeObject({ kind: 'directory', shape: databaseShape, source }, partial);
  assert.ok(
    silent.includes('<S N="Server">EX01</S>') &&
      silent.includes('<Nil N="Mounted" />') &&
      silent.includes('<Nil N="DatabaseSize" />'),
  );
  const asked = serializeObject(
    { kind: 'directory', shape: databaseShape, source: { ...source, status: true } },
    partial,
  );
  assert.ok(
    asked.includes('<B N="Mounted">true</B>') &&
      asked.includes('<S N="ObjectCategory">example.test/Configuration/Schema/ms-Exch-Private-MDB</S>'),
  );
});

test('full serialization writes objects with text, properties and binary data, references and cycles', () => {
  const full: SerializationLevel = { level: 'full', projectedValues: 'flat' };
  let cycles = 0;
  for (let index = 0; index < 400; index += 1) {
    const object = decodeCliXml(Buffer.from(whole(index, full))) as PsObject;
    const identity = property(object, 'Identity') as PsObject;
    assert.equal(identity.display, organization.mailbox(index).canonicalName);
    assert.equal(property(object, 'Id'), identity, 'Id is a reference to Identity');
    assert.deepEqual(
      textOf(property(identity, 'DistinguishedName') as never),
      organization.mailbox(index).distinguishedName,
    );
    assert.ok(property(identity, 'SerializationData')?.kind === 'BA');
    const base = property(object, 'QueryBaseDN');
    if (base?.kind !== 'Obj') continue;
    assert.equal(property(base, 'DomainId'), base);
    cycles += 1;
  }
  assert.ok(cycles > 0);
});

test('projected values come flat as in whole objects, or as objects with the same text', () => {
  const names = [
    'Database',
    'EmailAddresses',
    'ProhibitSendQuota',
    'RecipientTypeDetails',
    'WhenChangedUTC',
    'IsShared',
    'ForwardingAddress',
  ];
  for (let index = 0; index < 48; index += 1) {
    const flat = decodeCliXml(Buffer.from(selected(index, names, partial))) as PsObject;
    const deep = decodeCliXml(
      Buffer.from(selected(index, names, { level: 'partial', projectedValues: 'objects' })),
    ) as PsObject;
    assert.deepEqual([flat.adapted.length, flat.display, deep.display], [0, undefined, undefined]);
    for (const name of names) {
      const [one, other] = [property(flat, name), property(deep, name)];
      const list = one?.kind === 'Obj' && one.base?.kind === 'LST' ? one.base.items.map(textOf) : undefined;
      const otherList = other?.kind === 'Obj' && other.base?.kind === 'LST' ? other.base.items.map(textOf) : undefined;
      assert.deepEqual(list ?? textOf(one as never), otherList ?? textOf(other as never), name);
    }
    assert.equal(property(deep, 'Database')?.kind, 'Obj');
    assert.equal(property(flat, 'Database')?.kind, 'S');
  }
});

/** A property as PowerShell shows it, in the truth's own terms. */
function shown(name: string, value: unknown): TruthValue {
  if (typeof value === 'string' && name.startsWith('When')) {
    const [, seconds, fraction = '', zone] = /^(.{19})(?:\.(\d+))?(.*)$/.exec(value) as RegExpExecArray;
    const ms = Date.parse(`${seconds}${zone}`);
    const digits = fraction.replace(/0+$/, '');
    return `${new Date(ms).toISOString().slice(0, 19)}${digits === '' ? '' : `.${digits}`}Z`;
  }
  return value as TruthValue;
}

const oracle = await openOracle();
const skip = oracle.kind === 'ready' ? false : oracle.reason;

for (const form of ['whole', 'flat', 'objects'] as const) {
  test(`Microsoft’s own client reads the truth from ${form === 'whole' ? 'whole objects' : `projected objects (${form} values)`}`, {
    skip,
  }, async () => {
    if (oracle.kind !== 'ready') return;
    const pipe = `simulator-${process.pid}-${form}`;
    const simulator = await startSimulator({
      pipe,
      mailboxes: 400,
      projectedValues: form === 'objects' ? 'objects' : 'flat',
    });
    const client = new RealClient(oracle, pipe);
    try {
      const names = Object.keys(simulator.organization.mailbox(0));
      await client.run({ name: 'Set-ADServerSettings', parameters: { ViewEntireForest: true } });
      const find = { name: 'Get-Mailbox', parameters: { ResultSize: 'Unlimited' } };
      const outcome = await (form === 'whole'
        ? client.run(find)
        : client.run(find, { name: 'Select-Object', parameters: { Property: names } }));
      assert.deepEqual([outcome.state, outcome.errors, outcome.warnings], ['Completed', [], []]);
      const visible = Array.from({ length: 400 }, (_, index) => index).filter(
        (index) => simulator.organization.placeOf(index).hiddenBehind === undefined,
      );
      assert.equal(outcome.output.length, visible.length);
      for (const [row, index] of visible.entries()) {
        const properties = outcome.output[row]?.properties ?? {};
        assert.deepEqual(
          Object.fromEntries(names.map((name) => [name, shown(name, properties[name])])),
          wellFormed(truthOf(organization.mailbox(index))),
        );
      }
    } finally {
      await client.close();
      await simulator.close();
    }
  });
}

/** The judge writes JSON in UTF-8, which has no lone surrogates: each comes out as U+FFFD. */
function wellFormed(truth: Readonly<Record<string, TruthValue>>): Readonly<Record<string, TruthValue>> {
  return Object.fromEntries(
    Object.entries(truth).map(([name, value]) => [name, typeof value === 'string' ? value.toWellFormed() : value]),
  );
}
