import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findNearMiss } from '@exchange-connector/config';
import fc from 'fast-check';

test('one or two letters away is a near miss, three are not, and the nearest name is given', () => {
  const known = ['Server', 'Shells', 'Login'];
  assert.equal(findNearMiss('Sever', known), 'Server');
  assert.equal(findNearMiss('Srevre', known), 'Server');
  assert.equal(findNearMiss('Severs', known), 'Server');
  assert.equal(findNearMiss('shels', known), 'Shells');
  assert.equal(findNearMiss('Logger', known), undefined);
  assert.equal(findNearMiss('Serverabc', known), undefined);
});

test('any two edits of a letter stay a near miss', () => {
  const name = 'OperationTimeoutSeconds';
  const edit = fc.record({ at: fc.nat(name.length - 1), kind: fc.constantFrom('drop', 'insert', 'replace', 'swap') });
  fc.assert(
    fc.property(edit, edit, (...edits) => {
      let edited = name;
      for (const { at, kind } of edits) {
        const [before, letter, after] = [edited.slice(0, at), edited[at] ?? '', edited.slice(at + 1)];
        if (kind === 'drop') edited = before + after;
        else if (kind === 'insert') edited = `${before}x${letter}${after}`;
        else if (kind === 'replace') edited = `${before}x${after}`;
        else edited = before + (after[0] ?? '') + letter + after.slice(1);
      }
      // Two swaps that overlap move a letter twice, which the alignment counts as three edits.
      fc.pre(!edits.every(({ kind }) => kind === 'swap'));
      const found = findNearMiss(edited, [name]);
      assert.ok(found === name || edits.some(({ kind }) => kind === 'swap'), edited);
    }),
  );
});
