import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openTestHost } from './test-host.ts';

const host = await openTestHost();
const skip = host.kind === 'absent' ? host.reason : false;
const folder = mkdtempSync(join(tmpdir(), 'test-host-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let scripts = 0;

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

async function runFile(text: string, parameters: readonly string[] = [], input = ''): Promise<Ended> {
  assert.equal(host.kind, 'ready');
  scripts += 1;
  const script = join(folder, `script-${scripts}.ps1`);
  writeFileSync(script, text);
  const child = spawn(host.program, ['-NoProfile', '-NonInteractive', '-File', script, ...parameters]);
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => output.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => errors.push(bytes));
  child.stdin.on('error', () => undefined); // a script need not read its input
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, output: Buffer.concat(output).toString(), errors: Buffer.concat(errors).toString() };
}

test('a script gets its parameters, its folder and the line on standard input', { skip }, async () => {
  const script = `param([string]$Name, [int]$Count, [switch]$Flag, [bool]$Sure)
    Write-Host "$Name $Count $Flag $Sure" -NoNewline
    Write-Host " $([Console]::ReadLine())" -ForegroundColor Red
    $PSScriptRoot`;
  const ended = await runFile(script, ['-name', 'a b', '-Count', '3', '-Flag', '-Sure:$true'], 'options\n');
  assert.deepEqual(ended, { code: 0, output: `a b 3 True True options\n${folder}\n`, errors: '' });
});

test('errors go to standard error and end nothing; warnings, verbose and output go to standard output', {
  skip,
}, async () => {
  const ended = await runFile(`Write-Error 'refused'; Write-Warning 'careful'
    Write-Verbose 'unseen'; Write-Verbose 'seen' -Verbose; Write-Progress 'unseen' -PercentComplete 3; 'after'`);
  assert.equal(ended.code, 0);
  assert.equal(ended.output, 'WARNING: careful\nVERBOSE: seen\nafter\n');
  assert.match(ended.errors, /refused/);
});

test('exit gives its code, throw and a parse error give 1', { skip }, async () => {
  assert.equal((await runFile("'before'; exit 7; 'after'")).code, 7);
  const thrown = await runFile("'before'; throw 'wrong'; 'after'");
  assert.deepEqual([thrown.code, thrown.output], [1, 'before\n']);
  assert.match(thrown.errors, /wrong/);
  const broken = await runFile('if (');
  assert.equal(broken.code, 1);
  assert.match(broken.errors, /Missing/);
  const unbound = await runFile('param([int]$Count)', ['-Count', 'x']);
  assert.equal(unbound.code, 1);
  assert.match(unbound.errors, /Cannot process argument transformation on parameter 'Count'/);
});

test('Read-Host fails where nobody is there to answer', { skip }, async () => {
  const ended = await runFile("$ErrorActionPreference = 'Stop'; Read-Host 'name'");
  assert.equal(ended.code, 1);
  assert.match(ended.errors, /NonInteractive mode/);
});
