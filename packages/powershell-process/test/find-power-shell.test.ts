import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, test } from 'node:test';
import { findPowerShell } from '@exchange-connector/powershell-process';

const skip = process.platform === 'win32' ? 'the programs here are named as on Unix' : false;
const folder = mkdtempSync(join(tmpdir(), 'find-power-shell-'));
after(() => rmSync(folder, { recursive: true }));

function program(name: string, mode = 0o755): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, '');
  chmodSync(path, mode);
  return path;
}

const first = program('first/pwsh');
const second = program('second/pwsh');
const unusable = program('unusable/pwsh', 0o644);
mkdirSync(join(folder, 'folder', 'pwsh'), { recursive: true });
const path = (...names: string[]): string =>
  names.map((name) => (name === '' ? '' : join(folder, name))).join(delimiter);

test('pwsh is found on PATH, past what cannot be run', { skip }, () => {
  const environment = { PATH: path('', 'nowhere', 'folder', 'unusable', 'first', 'second') };
  assert.deepEqual(findPowerShell({ environment }), { kind: 'found', program: first });
});

test('a program named outright wins over the variable, the variable over PATH', { skip }, () => {
  const environment = { PATH: path('first'), EXCHANGE_CONNECTOR_POWERSHELL: second };
  assert.deepEqual(findPowerShell({ environment }), { kind: 'found', program: second });
  assert.deepEqual(findPowerShell({ environment, program: first }), { kind: 'found', program: first });
  assert.deepEqual(findPowerShell({ environment, program: 'pwsh' }), { kind: 'found', program: first });
  assert.deepEqual(findPowerShell({ environment: { PATH: path('first'), EXCHANGE_CONNECTOR_POWERSHELL: '' } }), {
    kind: 'found',
    program: first,
  });
});

test('where there is none, the message says what was looked for and how to get it', { skip }, () => {
  const named = findPowerShell({ environment: { EXCHANGE_CONNECTOR_POWERSHELL: unusable } });
  assert.ok(named.kind === 'missing');
  assert.match(
    named.message,
    /unusable\/pwsh", which the environment variable EXCHANGE_CONNECTOR_POWERSHELL names, is no program/,
  );
  assert.match(named.message, /https:\/\/aka\.ms\/powershell/);
  const elsewhere = findPowerShell({ environment: { PATH: path('first') }, program: 'pwsh-preview' });
  assert.ok(elsewhere.kind === 'missing');
  assert.match(elsewhere.message, /"pwsh-preview" is not on PATH/);
  const none = findPowerShell({ environment: { PATH: path('nowhere') } });
  // The usual places are looked at too: where a PowerShell is installed there, it is found.
  if (none.kind === 'missing')
    assert.match(none.message, /no PowerShell was found on this machine \(pwsh on PATH\); install/);
  else assert.match(none.program, /\/pwsh$/);
});
