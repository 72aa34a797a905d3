/*
 * A recorded session of the real client with the real server, taken up by ours: our client in the place of the real
 * one, then our server. The ids are those of the recording, for both take theirs as arguments. What ours says is read
 * by the other side of this package, as is what was recorded, packet by packet, and both must tell the same.
 */
import assert from 'node:assert/strict';
import {
  type ClientEvent,
  ClientRunspacePool,
  decodeCliXml,
  decodeMessage,
  encodeCliXml,
  type ErrorRecord,
  FragmentAssembler,
  type Guid,
  psNull,
  property,
  type PipelineEvent,
  type PsValue,
  RunspacePoolState,
  type ServerEvent,
  ServerRunspacePool,
} from '@exchange-connector/psrp';
import { type RecordedPacket, readSession } from './conformance/recording.ts';
import { sayAgain } from './conformance/say-again.ts';

type Target = Guid | 'pool';
const xml = (value: PsValue): string => Buffer.from(encodeCliXml(value)).toString();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The recorded client's own pool id. */
function poolIdOf(packets: readonly RecordedPacket[]): Guid {
  const first = packets.find(({ from, packet }) => from === 'client' && packet.kind === 'Data')?.packet;
  assert.ok(first?.kind === 'Data');
  const [message] = new FragmentAssembler().push(first.data);
  return decodeMessage(message as Uint8Array).poolId;
}

/** What of a client's message must be the same; our client has no host, no arguments for it and no history. */
function toldByClient(event: ServerEvent): unknown {
  switch (event.kind) {
    case 'poolOpening': {
      const { poolId, clientVersion, protocolVersion, minRunspaces, maxRunspaces } = event;
      return { poolId, clientVersion, protocolVersion, minRunspaces, maxRunspaces };
    }
    case 'pipelineCreated': {
      const statements = event.request.statements.map((statement) =>
        statement.map((one) => ({
          ...one,
          parameters: one.parameters.map(({ name, value }) => ({ name, value: xml(value) })),
        })),
      );
      return { id: event.id, statements, invocationInfo: event.request.invocationInfo, hasInput: event.hasInput };
    }
    case 'input':
      return { input: event.id, body: hex(event.body) };
    case 'hostResponse':
      return { id: event.id, callId: event.response.callId, methodId: event.response.methodId };
    default:
      return event;
  }
}

/** Makes our client do what the recorded one did. */
function doAgain(client: ClientRunspacePool, event: ServerEvent): void {
  switch (event.kind) {
    case 'poolOpening':
      client.open();
      return;
    case 'pipelineCreated':
      client.startPipeline(event.id, event.request, { hasInput: event.hasInput });
      return;
    case 'input':
      client.sendInput(event.id, event.body.length === 0 ? psNull : decodeCliXml(event.body));
      return;
    case 'inputEnded':
      client.endInput(event.id);
      return;
    case 'hostResponse': // our client has answered by itself
      return;
    default:
      assert.fail(`the recorded client did something new: ${event.kind}`);
  }
}

function readByServer(server: ServerRunspacePool, target: Target, bytes: Uint8Array): readonly ServerEvent[] {
  const events = server.receive(target, bytes);
  if (events.some((event) => event.kind === 'poolOpening')) server.openPool();
  return events;
}

/** Our client in the place of the recorded one; gives the count of packets that went through it. */
export function replayThroughOurClient(packets: readonly RecordedPacket[]): number {
  const client = new ClientRunspacePool({ id: poolIdOf(packets), protocolVersion: '2.4' });
  const recorded = new ServerRunspacePool({ maxProtocolVersion: '2.4' });
  const ours = new ServerRunspacePool({ maxProtocolVersion: '2.4' });
  let count = 0;
  for (const { from, packet } of packets) {
    const { target } = packet;
    if (packet.kind === 'Close' && target === 'pool') client.close();
    if (packet.kind === 'Close' && target !== 'pool') client.forgetPipeline(target);
    if (packet.kind !== 'Data') continue;
    count += 1;
    if (from === 'server') {
      const events = client.receive(target, packet.data);
      assert.deepEqual(
        events.filter((event) => event.kind === 'protocolViolation'),
        [],
      );
      continue;
    }
    const expected = readByServer(recorded, target, packet.data);
    for (const event of expected) doAgain(client, event);
    const seen: ServerEvent[] = [];
    for (;;) {
      const stream = client.outgoingStream(target);
      const bytes = client.takeOutgoing(target, 1_000_000);
      if (bytes === undefined) break;
      assert.equal(stream, packet.stream);
      seen.push(...readByServer(ours, target, bytes));
    }
    assert.deepEqual(seen.map(toldByClient), expected.map(toldByClient));
  }
  assert.equal(client.state, RunspacePoolState.Closed);
  assert.equal(client.hasOutgoing('pool'), false);
  return count;
}

const errorFields = ({ raw, ...fields }: ErrorRecord): unknown => {
  const target = property(raw, 'TargetObject');
  return { ...fields, target: target === undefined ? undefined : xml(target) };
};

function toldInPipeline(event: PipelineEvent): unknown {
  switch (event.kind) {
    case 'output':
      return { output: hex(event.body) };
    case 'error':
      return { error: errorFields(event.record) };
    case 'state':
      return { state: event.state, error: event.error && errorFields(event.error) };
    case 'progress':
      return event.record;
    case 'information': {
      const names = ['MessageData', 'Source', 'TimeGenerated', 'User', 'Computer', 'ProcessId'];
      const tags = property(event.raw, 'Tags');
      // Its type name is that of Windows PowerShell here: .NET has another in each version.
      const items = tags?.kind === 'Obj' ? tags.base : undefined;
      return { record: names.map((name) => xml(property(event.raw, name) ?? psNull)), tags: items };
    }
    default:
      return { [event.kind]: event.message };
  }
}

function toldByServer(event: ClientEvent): unknown {
  switch (event.kind) {
    case 'pipeline':
      return { id: event.pipelineId, ...(toldInPipeline(event.event) as object) };
    case 'hostCall':
      return { ...event, call: { ...event.call, parameters: xml(event.call.parameters) } };
    case 'applicationPrivateData':
      return { privateData: xml(event.value) };
    default:
      return event;
  }
}

/** Makes our server say what the recorded one said. */
function sayOfPool(server: ServerRunspacePool, event: ClientEvent): void {
  switch (event.kind) {
    case 'applicationPrivateData': // the pool is told open with it
      server.openPool();
      return;
    case 'poolState': // Closing, and Closed with it
      server.closePool();
      return;
    case 'pipeline':
      sayAgain(server, event.pipelineId, event.event);
      return;
    case 'hostCall':
      assert.ok(event.pipelineId !== undefined);
      sayAgain(server, event.pipelineId, event);
      return;
    case 'poolNegotiated':
    case 'poolOpened':
    case 'poolClosed':
      return;
    default:
      assert.fail(`the recorded server said something new: ${event.kind}`);
  }
}

/** The bytes of each Data packet with a piece of an output in it: those must be cut alike. */
interface Heard {
  readonly client: ClientRunspacePool;
  readonly told: unknown[];
  readonly outputPacketBytes: number[];
}

function hear({ client, told, outputPacketBytes }: Heard, target: Target, data: Uint8Array): readonly ClientEvent[] {
  const events = client.receive(target, data);
  told.push(...events.map(toldByServer));
  const isOutput = events.length === 0 || events.some((one) => one.kind === 'pipeline' && one.event.kind === 'output');
  if (target !== 'pool' && isOutput) outputPacketBytes.push(data.length);
  return events;
}

function listener(id: Guid): Heard {
  const client = new ClientRunspacePool({ id, protocolVersion: '2.4' });
  client.open();
  return { client, told: [], outputPacketBytes: [] };
}

/** Our server in the place of the recorded one; gives the count of packets that went through it. */
export function replayThroughOurServer(packets: readonly RecordedPacket[]): number {
  const { applicationPrivateData = psNull } = readSession(packets);
  const server = new ServerRunspacePool({ maxProtocolVersion: '2.4', applicationPrivateData });
  const [recorded, ours] = [listener(poolIdOf(packets)), listener(poolIdOf(packets))];
  const request = { statements: [[{ name: 'X', parameters: [] }]] };
  const targets = new Set<Target>(['pool']);
  let count = 0;
  for (const { from, packet } of packets) {
    const { target } = packet;
    if (packet.kind === 'Command' && target !== 'pool') {
      targets.add(target);
      for (const { client } of [recorded, ours]) client.startPipeline(target, request, { hasInput: false });
    }
    if (packet.kind === 'Close' && target === 'pool') for (const { client } of [recorded, ours]) client.close();
    if (packet.kind !== 'Data') continue;
    count += 1;
    if (from === 'client') {
      const events = server.receive(target, packet.data);
      assert.deepEqual(
        events.filter((event) => event.kind === 'protocolViolation'),
        [],
      );
      continue;
    }
    for (const event of hear(recorded, target, packet.data)) sayOfPool(server, event);
    for (const one of targets) {
      for (let data = server.takeFragment(one, 32_768); data; data = server.takeFragment(one, 32_768))
        hear(ours, one, data);
    }
  }
  assert.deepEqual(ours.told, recorded.told);
  assert.deepEqual(ours.outputPacketBytes, recorded.outputPacketBytes);
  assert.equal(server.state, RunspacePoolState.Closed);
  return count;
}
