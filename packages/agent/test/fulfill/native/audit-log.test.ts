import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AgentError } from '../../../src/errors.ts';
import { type AuditEntry, auditFile, AuditLog, verifyAudit } from '../../../src/fulfill/native/audit-log.ts';
import type { WriteWatch } from '../../../src/fulfill/native/chained-file.ts';

function place(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'audit-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function entry(run: string, field: string, connection = 'Main'): AuditEntry {
  return {
    time: '2026-01-01T00:00:00.000Z',
    connection,
    run,
    by: { account: 'svc', host: 'agent01', login: 'svc@CONTOSO.COM' },
    orderId: '3930001',
    order: 1,
    object: { kind: 'mailbox', guid: 'g', name: 'Victor' },
    field,
    before: ['SMTP:a@contoso.com'],
    after: null,
    cmdlet: 'Set-Mailbox',
    domainController: 'dc01.contoso.com',
    server: 'http://mailbox01.contoso.com/PowerShell/',
    requestId: `${run}-${field}`,
  };
}

/** Adds lines as a run does, one addition for each list. */
function write(work: string, run: string, additions: readonly (readonly string[])[], watch?: WriteWatch): void {
  mkdirSync(join(work, 'Fulfill', run), { recursive: true });
  const log = AuditLog.open(work, 'Main', run, watch);
  for (const fields of additions) log.add(fields.map((field) => entry(run, field)));
}

const head = (work: string): string => join(work, 'ExportState', 'Main', 'audit-head.json');

test('the lines of several runs are one chain, which is verified from the first to the last', (context) => {
  const work = place(context);
  assert.deepEqual(verifyAudit(work, 'Main', []), {
    kind: 'intact',
    lines: 0,
    runs: 0,
    hash: '0'.repeat(64),
    behindHead: 0,
    torn: false,
  });
  write(work, 'run-b', [['Database'], ['EmailAddresses', 'Alias']]);
  write(work, 'run-a', [['DisplayName']]);
  write(work, 'run-empty', []);
  write(work, 'run-c', [['Database']]);
  const verdict = verifyAudit(work, 'Main', []);
  assert.equal(verdict.kind, 'intact');
  assert.equal(verdict.kind === 'intact' && verdict.lines, 5);
  assert.equal(verdict.kind === 'intact' && verdict.runs, 3);
  const last = readFileSync(auditFile(work, 'run-c'), 'utf8').trimEnd();
  assert.equal(verdict.kind === 'intact' && verdict.hash, (JSON.parse(last) as { hash: string }).hash);
  if (process.platform !== 'win32') assert.equal(statSync(auditFile(work, 'run-c')).mode & 0o777, 0o640);
});

test('the hash of a line is the SHA-256 of its own text, as the documentation says', async (context) => {
  const work = place(context);
  write(work, 'run', [['Database']]);
  const line = readFileSync(auditFile(work, 'run'), 'utf8').trimEnd();
  const [hashed = ''] = line.split(',"hash":');
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(hashed))).toString('hex');
  assert.equal((JSON.parse(line) as { hash: string }).hash, digest);
});

test('a head that a death left behind is mended by who goes on, though no line follows', (context) => {
  const work = place(context);
  write(work, 'run', [['Database']]);
  const before = readFileSync(head(work));
  write(work, 'run', [['Alias']]);
  const after = readFileSync(head(work), 'utf8');
  writeFileSync(head(work), before);
  writeFileSync(`${head(work)}.partial`, before.subarray(0, 20));
  // The lines of the request are there: nothing is written again.
  write(work, 'run', [['Alias']]);
  assert.equal(readFileSync(head(work), 'utf8'), after);
  assert.equal(existsSync(`${head(work)}.partial`), false);
  const verdict = verifyAudit(work, 'Main', []);
  assert.deepEqual([verdict.kind, verdict.kind === 'intact' && verdict.lines], ['intact', 2]);
});

test('each line that is changed, left out or cut off is found, in whichever run it stands', (context) => {
  const work = place(context);
  write(work, 'one', [['Database', 'Alias'], ['Name']]);
  write(work, 'two', [['DisplayName'], ['Database']]);
  for (const run of ['one', 'two']) {
    const path = auditFile(work, run);
    const text = readFileSync(path, 'utf8');
    const lines = text.trimEnd().split('\n');
    for (const [at, line] of lines.entries()) {
      writeFileSync(path, text.replace(line, line.replace('Victor', 'Viktor')));
      const changed = verifyAudit(work, 'Main', []);
      assert.equal(changed.kind, 'broken');
      assert.deepEqual(changed.kind === 'broken' && [changed.file, changed.line], [path, at + 1]);
      const without = lines.filter((_, index) => index !== at);
      writeFileSync(path, without.map((each) => `${each}\n`).join(''));
      assert.equal(verifyAudit(work, 'Main', []).kind, 'broken', `${run} without line ${at + 1}`);
      writeFileSync(
        path,
        `${lines
          .slice(0, at)
          .map((each) => `${each}\n`)
          .join('')}${line.slice(0, 20)}`,
      );
      assert.equal(verifyAudit(work, 'Main', []).kind, 'broken', `${run} cut in line ${at + 1}`);
    }
    rmSync(path);
    assert.equal(verifyAudit(work, 'Main', []).kind, 'broken', `without ${run}`);
    writeFileSync(path, text);
  }
  assert.equal(verifyAudit(work, 'Main', []).kind, 'intact');
  rmSync(head(work));
  assert.equal(verifyAudit(work, 'Main', []).kind, 'broken');
});

test('where the end of the chain and the head are taken back together, a journal bears witness', (context) => {
  const work = place(context);
  write(work, 'one', [['Database']]);
  const short = [readFileSync(auditFile(work, 'one')), readFileSync(head(work))] as const;
  const log = AuditLog.open(work, 'Main', 'one');
  const witness = { ...log.add([entry('one', 'Alias')]), file: 'journal.jsonl' };
  assert.equal(verifyAudit(work, 'Main', [witness]).kind, 'intact');
  writeFileSync(auditFile(work, 'one'), short[0]);
  writeFileSync(head(work), short[1]);
  assert.equal(verifyAudit(work, 'Main', []).kind, 'intact');
  const verdict = verifyAudit(work, 'Main', [witness]);
  assert.deepEqual(verdict.kind === 'broken' && verdict.file, 'journal.jsonl');
});

test('a chain that is not as it was written is not gone on with', (context) => {
  const work = place(context);
  write(work, 'one', [['Database'], ['Alias']]);
  const path = auditFile(work, 'one');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, `${text.split('\n')[0]}\n`);
  const isBroken = (error: unknown): boolean => error instanceof AgentError && error.code === 'RUN_AUDIT_BROKEN';
  assert.throws(() => AuditLog.open(work, 'Main', 'two'), isBroken);
  writeFileSync(path, text.replace('Victor', 'Viktor'));
  assert.throws(() => AuditLog.open(work, 'Main', 'two'), isBroken);
  writeFileSync(path, text);
  rmSync(head(work));
  assert.throws(() => AuditLog.open(work, 'Main', 'two'), isBroken);
});

test('a death at any writing, or in the middle of one, leaves a chain that is intact and goes on', (context) => {
  class Death extends Error {}
  for (let deadly = 0; ; deadly += 1) {
    const work = place(context);
    write(work, 'zero', [['Database']]);
    let moments = 0;
    const watch: WriteWatch = ({ when, path, bytes }) => {
      moments += 1;
      if (moments - 1 !== Math.floor(deadly / 2)) return;
      // Half of a line on the disk; a file that is replaced is never there by half.
      if (when === 'before' && deadly % 2 === 1 && path.endsWith('.jsonl'))
        appendFileSync(path, bytes.subarray(0, bytes.length / 2));
      throw new Death();
    };
    let died = false;
    try {
      write(work, 'one', [['Alias', 'Name'], ['Database']], watch);
    } catch (error) {
      assert.ok(error instanceof Death);
      died = true;
    }
    const after = verifyAudit(work, 'Main', []);
    assert.equal(after.kind, 'intact', `death ${deadly}: ${JSON.stringify(after)}`);
    // The run that died is gone on with first; then comes another one.
    write(work, 'one', [['Again']]);
    write(work, 'two', [['Database']]);
    const verdict = verifyAudit(work, 'Main', []);
    assert.equal(verdict.kind, 'intact', `death ${deadly}: ${JSON.stringify(verdict)}`);
    assert.ok(existsSync(head(work)));
    if (!died) break;
  }
});

test('connections have chains of their own', (context) => {
  const work = place(context);
  write(work, 'one', [['Database']]);
  mkdirSync(join(work, 'Fulfill', 'other'), { recursive: true });
  AuditLog.open(work, 'Other', 'other').add([entry('other', 'Database', 'Other')]);
  for (const connection of ['Main', 'Other']) {
    const verdict = verifyAudit(work, connection, []);
    assert.equal(verdict.kind === 'intact' && verdict.lines, 1);
  }
});
