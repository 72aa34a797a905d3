/*
 * The stand-ins against the real cmdlets: sessions recorded between Microsoft's own client and a whole PowerShell
 * 7.6 are run again on the test host. What the recorded client said is said to it, packet by packet, and what it
 * answers is compared with what the real one answered.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nameOfMessageType } from '@exchange-connector/psrp';
import { openTestHost } from './test-host.ts';

const samples = fileURLToPath(new URL('../../../../shared/samples/powershell-7.6/', import.meta.url));
const host = await openTestHost();
const skip =
  host.kind === 'absent'
    ? host.reason
    : existsSync(samples)
      ? false
      : `the samples are not beside the project (${samples})`;

interface Recorded {
  readonly dir: 'client' | 'server';
  readonly packet: string;
}

/** Bodies of the messages in `Data` packets, by their type; what differs from run to run is levelled. */
function messagesOf(packets: readonly string[]): string[] {
  const open = new Map<string, Buffer[]>();
  const messages: string[] = [];
  for (const packet of packets) {
    const [, target, text] = /^<Data Stream='[^']*' PSGuid='([^']*)'>(.*)<\/Data>$/s.exec(packet) ?? [];
    if (target === undefined || text === undefined) continue;
    const data = Buffer.from(text, 'base64');
    for (let at = 0; at < data.length; at += 21 + data.readUInt32BE(at + 17)) {
      const flags = data.readUInt8(at + 16);
      const blobs = (flags & 1) !== 0 ? [] : (open.get(target) ?? []);
      blobs.push(data.subarray(at + 21, at + 21 + data.readUInt32BE(at + 17)));
      open.set(target, blobs);
      if ((flags & 2) === 0) continue;
      const message = Buffer.concat(blobs);
      const type = nameOfMessageType(message.readUInt32LE(4));
      // A hashtable of versions, in no order.
      if (type !== 'APPLICATION_PRIVATE_DATA') messages.push(`${type} ${levelled(message.subarray(40).toString())}`);
    }
  }
  return messages;
}

function levelled(body: string): string {
  return body
    .replace(/^\ufeff/, '')
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, 'GUID')
    .replace(/(?:_x000A_)? {3}at [^<]*/g, '') // the stack has methods of the real cmdlets
    .replace(/(<S N="TargetSite">)[^<]*/g, '$1METHOD') // as far as the just-in-time compiler inlined it
    .replace(/(<DT N="TimeGenerated">)[^<]*/g, '$1TIME')
    .replace(/(<S N="(?:User|Computer|PSComputerName)">)[^<]*/g, '$1NAME')
    .replace(/(<U32 N="(?:ProcessId|NativeThreadId|ManagedThreadId)">)[^<]*/g, '$1NUMBER');
}

/** Says what the recorded client said; the next packet goes out once as much has come back as then had. */
async function replay(recorded: readonly Recorded[]): Promise<string[]> {
  assert.equal(host.kind, 'ready');
  const child = spawn(host.program, ['-s', '-NoLogo', '-NoProfile'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: 30_000,
  });
  const closed = new Promise((resolve) => child.on('close', resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answers: string[] = [];
  for (const [index, one] of recorded.entries()) {
    if (one.dir === 'client') {
      child.stdin.write(`${one.packet}\n`);
      continue;
    }
    const next = await lines.next();
    assert.ok(!next.done, `the host ended before packet ${index}; last: ${answers.at(-1)}`);
    answers.push(next.value);
  }
  child.stdin.end();
  await closed;
  return answers;
}

/**
 * Sessions that need no functions of their own (`containers` is left out: a hashtable has no order). `objects` shows a culture, which the host
 * knows no names of.
 */
const sessions = [
  'arguments',
  'big-message',
  'error-divide',
  'error-nonterminating',
  'error-throw',
  'error-unknown-command',
  'exit',
  'many-objects',
  'no-output',
  'null-output',
  'objects',
  'pipeline-input',
  'primitives',
  'prompt',
  'secure-string-output',
  'stop',
  'streams',
  'strings',
  'two-pipelines-in-turn',
  'whatif',
];
const isCulture = (message: string) => message.includes('<T>System.Globalization.CultureInfo</T>');

for (const name of sessions) {
  test(`${name}: the stand-ins answer as the real cmdlets were recorded to`, { skip }, async () => {
    const recorded = readFileSync(`${samples}${name}.jsonl`, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Recorded);
    const real = recorded.filter((one) => one.dir === 'server').map((one) => one.packet);
    const expected = messagesOf(real).filter((message) => !isCulture(message));
    assert.deepEqual(
      messagesOf(await replay(recorded)).filter((message) => !isCulture(message)),
      expected,
    );
  });
}
