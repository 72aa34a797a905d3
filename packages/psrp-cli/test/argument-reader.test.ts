import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePipeline } from '../src/arguments/argument-reader.ts';
import { psArray, psBoolean, psDouble, psInt32, psInt64, psNull, psString } from '@exchange-connector/psrp';
import type { CommandParameter, PsValue } from '@exchange-connector/psrp';

const s = psString;
const named = (name: string, value: PsValue): CommandParameter => ({ name, value });
const positional = (value: PsValue): CommandParameter => ({ value });
const decimal = (value: string): PsValue => ({ kind: 'D', value });

/** The process's arguments after the cmdlet's name, and what they are. */
const table: readonly (readonly [readonly string[], readonly CommandParameter[]])[] = [
  [[], []],
  [['-Identity', 'anna'], [named('Identity', s('anna'))]],
  [['-Arbitration'], [named('Arbitration', psBoolean(true))]],
  [['-Arbitration', '-Identity', 'x'], [named('Arbitration', psBoolean(true)), named('Identity', s('x'))]],
  [['-Confirm:$false'], [named('Confirm', psBoolean(false))]],
  [['-Confirm:', '$false'], [named('Confirm', psBoolean(false))]],
  [['-Confirm:$TRUE', 'x'], [named('Confirm', psBoolean(true)), positional(s('x'))]],
  [['-Value', '$null'], [named('Value', psNull)]],
  [['-Path:C:\\x'], [named('Path', s('C:\\x'))]],
  [['-Path:C:\\x,D:\\y'], [named('Path', psArray([s('C:\\x'), s('D:\\y')]))]],
  [['-Count', '-5'], [named('Count', psInt32(-5))]],
  [['-Count:-5'], [named('Count', psInt32(-5))]],
  [['-5'], [positional(psInt32(-5))]],
  [['-.5'], [positional(psDouble(-0.5))]],
  [['anna'], [positional(s('anna'))]],
  [['a,b,c'], [positional(psArray([s('a'), s('b'), s('c')]))]],
  [['-Property', 'Name,5,$true,$null'], [named('Property', psArray([s('Name'), psInt32(5), psBoolean(true), psNull]))]],
  [['a,', 'b', 'c'], [positional(psArray([s('a'), s('b')])), positional(s('c'))]],
  [['a', ',b'], [positional(psArray([s('a'), s('b')]))]],
  [['a', ',', 'b'], [positional(psArray([s('a'), s('b')]))]],
  [['-P', 'a,', 'b', '-Q'], [named('P', psArray([s('a'), s('b')])), named('Q', psBoolean(true))]],
  [['-P:a,', 'b'], [named('P', psArray([s('a'), s('b')]))]],
  [['Doe, John'], [positional(psArray([s('Doe'), s('John')]))]],
  [[',a'], [positional(psArray([s('a')]))]],
  [["'5'"], [positional(s('5'))]],
  [['"5"'], [positional(s('5'))]],
  [["'$true'"], [positional(s('$true'))]],
  [["'Doe, John'"], [positional(s('Doe, John'))]],
  [['"Doe, John",\'x,y\',z'], [positional(psArray([s('Doe, John'), s('x,y'), s('z')]))]],
  [["'it''s'"], [positional(s("it's"))]],
  [['"say ""hi"""'], [positional(s('say "hi"'))]],
  [["''"], [positional(s(''))]],
  [["''''"], [positional(s("'"))]],
  [['-Name', ''], [named('Name', s(''))]],
  [["-Name:''"], [named('Name', s(''))]],
  [["'-Identity'"], [positional(s('-Identity'))]],
  [["'|'"], [positional(s('|'))]],
  [["O'Brien"], [positional(s("O'Brien"))]],
  [["O'Brien,D'Arcy"], [positional(psArray([s("O'Brien"), s("D'Arcy")]))]],
  [['-Filter', "Name -eq 'a,b'"], [named('Filter', s("Name -eq 'a,b'"))]],
  [['-Filter', "-not (Name -eq 'a')"], [named('Filter', s("-not (Name -eq 'a')"))]],
  [['-Filter', "'unclosed"], [named('Filter', s("'unclosed"))]],
  [['--', '-Identity', '-5'], [positional(s('-Identity')), positional(psInt32(-5))]],
  [['-'], [positional(s('-'))]],
  [['\u2013Identity', 'x'], [named('Identity', s('x'))]],
  [['$env:x'], [positional(s('$env:x'))]],
  [['C:\\x'], [positional(s('C:\\x'))]],
  [['-Login', 'user@contoso.com'], [named('Login', s('user@contoso.com'))]],
  // Numbers
  [['5'], [positional(psInt32(5))]],
  [['+5'], [positional(psInt32(5))]],
  [['007'], [positional(psInt32(7))]],
  [['2147483647'], [positional(psInt32(2147483647))]],
  [['-2147483648'], [positional(psInt32(-2147483648))]],
  [['2147483648'], [positional(psInt64(2147483648n))]],
  [['9223372036854775807'], [positional(psInt64(9223372036854775807n))]],
  [['9223372036854775808'], [positional(decimal('9223372036854775808'))]],
  [['79228162514264337593543950336'], [positional(psDouble(79228162514264337593543950336))]],
  [['5.0'], [positional(psDouble(5))]],
  [['5.'], [positional(psDouble(5))]],
  [['1e3'], [positional(psDouble(1000))]],
  [['1.5E-3'], [positional(psDouble(0.0015))]],
  [['0x10'], [positional(psInt32(16))]],
  [['-0x10'], [positional(psInt32(-16))]],
  [['0xFFFFFFFF'], [positional(psInt32(-1))]],
  [['0x0FFFFFFFF'], [positional(psInt64(4294967295n))]],
  [['0xFFFFFFFFFFFFFFFF'], [positional(psInt32(-1))]],
  [['1KB'], [positional(psInt32(1024))]],
  [['5gb'], [positional(psInt64(5368709120n))]],
  [['1.5kb'], [positional(psDouble(1536))]],
  [['0x10kb'], [positional(psInt32(16384))]],
  [['5l'], [positional(psInt64(5n))]],
  [['5d'], [positional(decimal('5'))]],
  [['-1.50d'], [positional(decimal('-1.50'))]],
  // Text that only looks like a number
  [['1.0.0'], [positional(s('1.0.0'))]],
  [['5x'], [positional(s('5x'))]],
  [['2024-01-02'], [positional(s('2024-01-02'))]],
  [['1 000'], [positional(s('1 000'))]],
  [['5 GB'], [positional(s('5 GB'))]],
  [['1_000'], [positional(s('1_000'))]],
  [['NaN'], [positional(s('NaN'))]],
  [['0x'], [positional(s('0x'))]],
  [['.'], [positional(s('.'))]],
  [['e5'], [positional(s('e5'))]],
];

for (const [elements, parameters] of table) {
  test(`the arguments ${JSON.stringify(elements)} are read as PowerShell reads them`, () => {
    assert.deepEqual(parsePipeline(['Get-Thing', ...elements]), [{ name: 'Get-Thing', parameters }]);
  });
}

test('a bar of its own joins a further cmdlet', () => {
  assert.deepEqual(parsePipeline(['Get-Mailbox', '-Archive', '|', 'Select-Object', 'Name,Guid', '|', 'Measure-Object']), [
    { name: 'Get-Mailbox', parameters: [named('Archive', psBoolean(true))] },
    { name: 'Select-Object', parameters: [positional(psArray([s('Name'), s('Guid')]))] },
    { name: 'Measure-Object', parameters: [] },
  ]);
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
];

for (const [elements, message] of refused) {
  test(`the pipeline ${JSON.stringify(elements)} is refused with its reason`, () => {
    assert.throws(() => parsePipeline(elements), { code: 'PSRP_CLI_USAGE', message });
  });
}
