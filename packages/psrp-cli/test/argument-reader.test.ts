import assert from 'node:assert/strict';
import { test } from 'node:test';
import { psArray, psBoolean, psString } from '@exchange-connector/psrp';
import type { CommandParameter, PsValue } from '@exchange-connector/psrp';
import { openOracle, runOracle } from '../../psrp/test/oracle-program.ts';
import { parsePipeline } from '../src/arguments/argument-reader.ts';
import { argumentTable } from './argument-table.ts';

for (const [elements, parameters] of argumentTable) {
  test(`the arguments ${JSON.stringify(elements)} are read as PowerShell reads them`, () => {
    assert.deepEqual(parsePipeline(['Get-Thing', ...elements]), [{ name: 'Get-Thing', parameters }]);
  });
}

test('a bar of its own joins a further cmdlet', () => {
  assert.deepEqual(
    parsePipeline(['Get-Mailbox', '-Archive', '|', 'Select-Object', 'Name,Guid', '|', 'Measure-Object']),
    [
      { name: 'Get-Mailbox', parameters: [{ name: 'Archive', value: psBoolean(true) }] },
      { name: 'Select-Object', parameters: [{ value: psArray([psString('Name'), psString('Guid')]) }] },
      { name: 'Measure-Object', parameters: [] },
    ],
  );
});

const refused: readonly (readonly [readonly string[], RegExp])[] = [
  [['|', 'x'], /cmdlet is missing before/],
  [['x', '|'], /cmdlet is missing after/],
  [['x', '|', '|', 'y'], /cmdlet is missing after/],
  [['-Identity', 'x'], /"-Identity" stands where the name of a cmdlet is due/],
  [[''], /"" stands where the name/],
  [['x', '-Name:'], /nothing follows "-Name:"/],
  [['x', 'a,,b'], /an item is missing beside a comma in "a,,b"/],
  [['x', '-P', 'a,'], /x -P: an item is missing/],
  [['x', ',a'], /an item is missing/],
];

for (const [elements, message] of refused) {
  test(`the pipeline ${JSON.stringify(elements)} is refused with its reason`, () => {
    assert.throws(() => parsePipeline(elements), { code: 'PSRP_CLI_USAGE', message });
  });
}

/**
 * Whether one would type the same in PowerShell. Not so where the shell took quotes off, in variables, and in
 * negative numbers, which PowerShell hands on as text for the parameter's type to make a number of.
 */
function isTypedAlike(elements: readonly string[]): boolean {
  const quoted = /^("([^"]|"")*"|'([^']|'')*'|[^\s'"$(]|\$(true|false|null)(?![:\w]))*$/i;
  return elements.every(
    (element) => element !== '' && quoted.test(element) && !/[a-z]'|^(-\w+:)?-[.\d]/i.test(element),
  );
}

type Flat = { name: string } | { kind: string; value: string } | { kind: 'array'; items: Flat[] };

function flatValue(value: PsValue): Flat {
  if (value.kind === 'Obj' && value.base?.kind === 'LST')
    return { kind: 'array', items: value.base.items.map(flatValue) };
  if (value.kind === 'Nil') return { kind: 'Nil', value: '' };
  if (!('value' in value)) throw new TypeError(value.kind);
  return { kind: value.kind, value: String(value.value) };
}

function withNumbers(flat: Flat): Flat {
  if ('items' in flat) return { ...flat, items: flat.items.map(withNumbers) };
  return 'kind' in flat && flat.kind === 'Db' ? { ...flat, value: String(Number(flat.value)) } : flat;
}

/** A switch is a name alone to PowerShell; a name with a value attached or following is a name and a value. */
function flatten(elements: readonly string[], { name, value }: CommandParameter): Flat[] {
  if (name === undefined) return [flatValue(value)];
  const at = elements.findIndex((element) => element.slice(1, 1 + name.length) === name);
  const element = elements[at] ?? '';
  const alone =
    element.length === name.length + 1 && value.kind === 'B' && !/^\$(true|false)$/i.test(elements[at + 1] ?? '');
  return alone ? [{ name }] : [{ name }, flatValue(value)];
}

test('PowerShell itself gives a function the same arguments', { timeout: 400_000 }, async (t) => {
  const oracle = await openOracle();
  if (oracle.kind === 'absent') return t.skip(oracle.reason);
  const rows = argumentTable.filter(([elements]) => isTypedAlike(elements));
  assert.ok(rows.length >= 55, `only ${rows.length} rows can be typed in PowerShell`);
  const input = rows.map(([elements]) => `${JSON.stringify(elements.join(' '))}\n`).join('');
  const answers = (await runOracle(oracle, ['parse'], input)).trimEnd().split('\n');
  for (const [index, [elements, parameters]] of rows.entries()) {
    const told = JSON.parse(answers[index] ?? 'null') as Flat[];
    const ours = parameters.flatMap((parameter) => flatten(elements, parameter));
    assert.deepEqual(ours.map(withNumbers), told.map(withNumbers), JSON.stringify(elements));
  }
});
