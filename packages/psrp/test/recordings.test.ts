/*
 * Sessions recorded between others: PowerShell 7.6 with itself (out-of-process framing), and pypsrp with
 * Windows servers (WS-Man envelopes). The server's part goes through our client, the client's through our
 * server, packet by packet; what our sides make of it is compared with what a few lines here read from the
 * bytes by themselves.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  type ClientEvent,
  ClientRunspacePool,
  type ClientRunspacePoolOptions,
  type Guid,
  nameOfMessageType,
  parseGuid,
  parsePacket,
  type ServerEvent,
  ServerRunspacePool,
  type SessionKeyPort,
} from '@exchange-connector/psrp';
import { nodeSessionKey } from '@exchange-connector/wsman';
import { parse } from 'yaml';
import type { RecordedPacket } from './conformance/recording.ts';
import { freshGuid } from './memory-pair.ts';
import { replayThroughOurClient, replayThroughOurServer } from './replay.ts';

const samples = fileURLToPath(new URL('../../../../shared/samples/', import.meta.url));
const skip = existsSync(samples) ? false : `the samples are not beside the project (${samples})`;
const filesIn = (folder: string, end: string): string[] =>
  skip === false
    ? readdirSync(`${samples}${folder}`)
        .filter((name) => name.endsWith(end))
        .sort()
    : [];

type Target = Guid | 'pool';

/** One step of a recorded session, either side's. */
type Step =
  | { readonly from: 'client' | 'server'; readonly target: Target; readonly bytes: Uint8Array }
  | { readonly from: 'client'; readonly target: Guid; readonly starts: true }
  | { readonly from: 'client'; readonly closes: true };

/** The messages in one source's bytes, read here without the package's assembler. */
class OwnReader {
  readonly #open = new Map<Target, Buffer[]>();

  read(target: Target, bytes: Uint8Array): { type: string; body: string }[] {
    const messages: { type: string; body: string }[] = [];
    const data = Buffer.from(bytes);
    for (let at = 0; at < data.length; at += 21 + data.readUInt32BE(at + 17)) {
      const flags = data.readUInt8(at + 16);
      const blobs = (flags & 1) !== 0 ? [] : (this.#open.get(target) ?? []);
      blobs.push(data.subarray(at + 21, at + 21 + data.readUInt32BE(at + 17)));
      this.#open.set(target, blobs);
      if ((flags & 2) === 0) continue;
      this.#open.delete(target);
      const message = Buffer.concat(blobs);
      messages.push({
        type: nameOfMessageType(message.readUInt32LE(4)),
        body: message
          .subarray(40)
          .toString()
          .replace(/^\ufeff/, ''),
      });
    }
    return messages;
  }

  /** A recording ends with whole messages. */
  assertNothingIsLeft(): void {
    assert.deepEqual([...this.#open.keys()], []);
  }
}

const recordKinds: Record<string, string> = {
  PIPELINE_OUTPUT: 'output',
  ERROR_RECORD: 'error',
  WARNING_RECORD: 'warning',
  VERBOSE_RECORD: 'verbose',
  DEBUG_RECORD: 'debug',
  INFORMATION_RECORD: 'information',
  PROGRESS_RECORD: 'progress',
  PIPELINE_STATE: 'state',
  PIPELINE_HOST_CALL: 'hostCall',
  RUNSPACEPOOL_HOST_CALL: 'hostCall',
  SESSION_CAPABILITY: 'poolNegotiated',
  APPLICATION_PRIVATE_DATA: 'applicationPrivateData',
  RUNSPACE_AVAILABILITY: 'runspaceAvailability',
  ENCRYPTED_SESSION_KEY: 'sessionKeyEstablished',
};
const poolStates: Record<string, string> = { 2: 'poolOpened', 3: 'poolClosed', 4: 'poolState', 5: 'poolBroken' };

function expectedOfClient(message: { type: string; body: string }): string {
  if (message.type !== 'RUNSPACEPOOL_STATE') return recordKinds[message.type] ?? message.type;
  return poolStates[/N="RunspaceState">(\d+)</.exec(message.body)?.[1] ?? ''] ?? message.body;
}

const kindOf = (event: ClientEvent): string => (event.kind === 'pipeline' ? event.event.kind : event.kind);

/** Compares an event's content with the message that it came from. */
function assertContent(event: ClientEvent, message: { type: string; body: string }): void {
  if (event.kind !== 'pipeline') return;
  const told = event.event;
  if (told.kind === 'output') assert.equal(Buffer.from(told.body).toString(), message.body);
  if (told.kind === 'state') assert.equal(String(told.state), /N="PipelineState">(\d)</.exec(message.body)?.[1]);
  if (told.kind === 'state' && /ExceptionAsErrorRecord/.test(message.body))
    assert.ok((told.error?.message.length ?? 0) > 0);
  const record = told.kind === 'error' ? told.record : told.kind === 'state' ? told.error : undefined;
  if (record === undefined) return;
  const id = /<S N="FullyQualifiedErrorId">([^<]*)</
    .exec(message.body)?.[1]
    ?.replaceAll('_x000A_', '\n')
    .replaceAll('_x000D_', '\r');
  assert.equal(record.fullyQualifiedErrorId, id);
  assert.equal(String(record.category), /N="ErrorCategory_Category">(\d+)</.exec(message.body)?.[1]);
}

/** Recorded session keys are for a private key that nobody has: they are taken to hold a key of zeros. */
const anySessionKey: SessionKeyPort = {
  ...nodeSessionKey,
  createKeyPair: () => ({ ...nodeSessionKey.createKeyPair(), decrypt: () => new Uint8Array(32) }),
};

function replayServer(steps: readonly Step[], options: Partial<ClientRunspacePoolOptions>): number {
  const client = new ClientRunspacePool({ id: freshGuid(), sessionKey: anySessionKey, ...options });
  const [reader, clientReader] = [new OwnReader(), new OwnReader()];
  let count = 0;
  client.open();
  for (const step of steps) {
    if ('starts' in step)
      client.startPipeline(step.target, { statements: [[{ name: 'X', parameters: [] }]] }, { hasInput: true });
    if ('closes' in step) client.close();
    if (step.from === 'client' && 'bytes' in step) {
      const sent = clientReader.read(step.target, step.bytes);
      if (sent.some(({ type }) => type === 'PUBLIC_KEY')) client.exchangeSessionKey();
    }
    if (step.from !== 'server') continue;
    const messages = reader.read(step.target, step.bytes);
    // A gap, a stray pipeline state on the pool's stream: told of no pipeline, and no fault.
    const expected = messages.filter((message) => step.target !== 'pool' || message.type !== 'PIPELINE_STATE');
    const events = client.receive(step.target, step.bytes);
    assert.deepEqual(
      events.map(kindOf),
      expected.filter((message) => message.type !== 'PUBLIC_KEY_REQUEST').map(expectedOfClient),
    );
    for (const [index, event] of events.entries()) assertContent(event, expected[index] ?? { type: '', body: '' });
    count += messages.length;
  }
  reader.assertNothingIsLeft();
  return count;
}

const serverKinds: Record<string, string> = {
  INIT_RUNSPACEPOOL: 'poolOpening',
  CREATE_PIPELINE: 'pipelineCreated',
  PIPELINE_INPUT: 'input',
  END_OF_PIPELINE_INPUT: 'inputEnded',
  PIPELINE_HOST_RESPONSE: 'hostResponse',
  RUNSPACEPOOL_HOST_RESPONSE: 'hostResponse',
  SET_MAX_RUNSPACES: 'maxRunspacesAsked',
  SET_MIN_RUNSPACES: 'minRunspacesAsked',
  GET_AVAILABLE_RUNSPACES: 'availableRunspacesAsked',
  PUBLIC_KEY: 'sessionKeyEstablished',
  GET_COMMAND_METADATA: 'commandMetadataAsked',
};

function assertRequest(event: ServerEvent, body: string): void {
  if (event.kind !== 'pipelineCreated') return;
  const extra = /N="ExtraCmds"/.test(body) && !/<Nil N="ExtraCmds"/.test(body);
  const seen = event.request.statements.flat();
  const names = [...body.matchAll(/<S N="Cmd">([^<]*)<\/S>/g)].map((match) => match[1]);
  // Cmds repeats the first statement after ExtraCmds.
  const first = event.request.statements[0]?.length ?? 0;
  assert.equal(seen.length, extra ? names.length - first : names.length);
  const scripts = [...body.matchAll(/<B N="IsScript">(true|false)</g)].map((match) => match[1] === 'true');
  assert.deepEqual(
    seen.map((one) => one.isScript),
    scripts.slice(0, seen.length),
  );
  assert.equal(event.hasInput, /<B N="NoInput">false</.test(body));
  const parameters = event.request.statements.flat().reduce((total, one) => total + one.parameters.length, 0);
  const total = [...body.matchAll(/ N="V"[ />]/g)].length;
  if (!/_hostDefaultData/.test(body))
    assert.equal(
      parameters,
      extra ? total - (event.request.statements[0] ?? []).reduce((sum, one) => sum + one.parameters.length, 0) : total,
    );
}

function replayClient(steps: readonly Step[]): number {
  const server = new ServerRunspacePool({ maxProtocolVersion: '2.4', sessionKey: nodeSessionKey });
  const reader = new OwnReader();
  let count = 0;
  for (const step of steps) {
    if ('starts' in step || 'closes' in step || step.from !== 'client') continue;
    const messages = reader.read(step.target, step.bytes);
    const events = server.receive(step.target, step.bytes);
    const expected = messages.filter((message) => message.type !== 'SESSION_CAPABILITY');
    assert.deepEqual(
      events.map((event) => event.kind),
      expected.map((message) => serverKinds[message.type] ?? message.type),
    );
    for (const [index, event] of events.entries()) assertRequest(event, expected[index]?.body ?? '');
    count += messages.length;
    if (events.some((event) => event.kind === 'poolOpening')) server.openPool();
  }
  reader.assertNothingIsLeft();
  return count;
}

function readFramed(name: string): RecordedPacket[] {
  const lines = readFileSync(`${samples}powershell-7.6/${name}`, 'utf8').trim().split('\n');
  return lines.map((line) => {
    const { dir, packet } = JSON.parse(line) as { dir: 'client' | 'server'; packet: string };
    return { from: dir, packet: parsePacket(Buffer.from(packet)) };
  });
}

function stepsOf(packets: readonly RecordedPacket[]): Step[] {
  return packets.flatMap(({ from, packet }): Step[] => {
    if (packet.kind === 'Data') return [{ from, target: packet.target, bytes: packet.data }];
    if (packet.kind === 'Command') return [{ from: 'client', target: packet.target as Guid, starts: true }];
    return packet.kind === 'Close' && packet.target === 'pool' ? [{ from: 'client', closes: true }] : [];
  });
}

for (const name of filesIn('powershell-7.6', '.jsonl')) {
  test(`PowerShell 7.6 recording ${name} goes through our client and our server`, () => {
    const steps = stepsOf(readFramed(name));
    assert.ok(replayServer(steps, { protocolVersion: '2.4' }) >= 5);
    assert.ok(replayClient(steps) >= 3);
  });

  test(`PowerShell 7.6 recording ${name} is said again by our client and by our server, packet for packet`, () => {
    const packets = readFramed(name);
    const data = packets.filter(({ packet }) => packet.kind === 'Data').length;
    assert.equal(replayThroughOurClient(packets), data);
    assert.equal(replayThroughOurServer(packets), data);
  });
}

function readEnvelopes(name: string): Step[] {
  const { messages } = parse(readFileSync(`${samples}transcripts/${name}`, 'utf8')) as {
    messages: { request?: string; response?: string }[];
  };
  const steps: Step[] = [];
  const targetOf = (attributes: string): Target =>
    parseGuid(/CommandId="([^"]*)"/.exec(attributes)?.[1] ?? '') ?? 'pool';
  const bytesOf = (base64 = ''): Uint8Array => Buffer.from(base64, 'base64');
  for (const { request = '', response = '' } of messages) {
    const creation = /<(?:\w+:)?creationXml[^>]*>([^<]*)</.exec(request);
    if (creation) steps.push({ from: 'client', target: 'pool', bytes: bytesOf(creation[1]) });
    const line = /<rsp:CommandLine([^>]*)>.*?<rsp:Arguments>([^<]*)</s.exec(request);
    if (line) {
      const target = targetOf(line[1] ?? '') as Guid;
      // A server of 2.1 names the command itself, and its streams by that name.
      const named = parseGuid(/<rsp:CommandId>([^<]*)</.exec(response)?.[1] ?? '') ?? target;
      steps.push(
        { from: 'client', target: named, starts: true },
        { from: 'client', target: named, bytes: bytesOf(line[2]) },
      );
    }
    for (const [, attributes = '', base64] of request.matchAll(/<rsp:Stream([^>]*)>([^<]+)</g)) {
      steps.push({ from: 'client', target: targetOf(attributes), bytes: bytesOf(base64) });
    }
    if (/transfer\/Delete</.test(request)) steps.push({ from: 'client', closes: true });
    for (const [, attributes = '', base64] of response.matchAll(/<rsp:Stream([^>]*)>([^<]+)</g)) {
      steps.push({ from: 'server', target: targetOf(attributes), bytes: bytesOf(base64) });
    }
  }
  return steps;
}

for (const name of filesIn('transcripts', '.yml')) {
  test(`Windows recording ${name} goes through our client and our server`, () => {
    const steps = readEnvelopes(name);
    assert.ok(replayServer(steps, {}) >= 2);
    assert.ok(replayClient(steps) >= 2);
  });
}

test('the recordings are there', { skip }, () => {
  assert.deepEqual([filesIn('powershell-7.6', '.jsonl').length, filesIn('transcripts', '.yml').length], [30, 13]);
});
