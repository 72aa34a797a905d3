/*
 * What an export does with a Receive response whose sealed body has been opened, up to the bytes of the CSV
 * line: envelope, base64, fragments, messages, projection, cells, line. Microseconds of CPU for one mailbox.
 */
import { randomUUID } from 'node:crypto';
import { mailboxColumns, ObjectReader, RowWriter } from '@exchange-connector/connector';
import {
  ClientRunspacePool,
  type Guid,
  type PipelineRequest,
  PipelineState,
  ServerRunspacePool,
} from '@exchange-connector/psrp';
import { formatResponse, parseResponse, type ReceivedStream } from '@exchange-connector/wsman/codec';
import { breathe } from './interruption.ts';
import { makeMailboxBodies } from './mailbox-bodies.ts';

const request: PipelineRequest = { statements: [[{ name: 'Get-Mailbox', parameters: [] }]] };
/** Envelopes as large as a server makes them: 500 KB. */
const envelopeBytes = 512_000;
const fragmentBytes = 32_768;

interface Pair {
  readonly client: ClientRunspacePool;
  readonly server: ServerRunspacePool;
  readonly pipelineId: Guid;
}

/** A client and a server, the pool open and a pipeline begun. */
function openPair(): Pair {
  const client = new ClientRunspacePool({ id: randomUUID() as Guid });
  const server = new ServerRunspacePool();
  const pipelineId = randomUUID() as Guid;
  const exchange = (target: Guid | 'pool'): void => {
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      for (
        let bytes = from.takeOutgoing(target, envelopeBytes);
        bytes;
        bytes = from.takeOutgoing(target, envelopeBytes)
      ) {
        for (const event of to.receive(target, bytes)) if (event.kind === 'poolOpening') server.openPool();
      }
    }
  };
  client.open();
  exchange('pool');
  exchange('pool');
  client.startPipeline(pipelineId, request, { hasInput: false });
  exchange(pipelineId);
  return { client, server, pipelineId };
}

/** The responses that carry the bodies to this pair's client, as a server sends them. */
function makeResponses({ server, pipelineId }: Pair, bodies: readonly Uint8Array[]): readonly Buffer[] {
  for (const body of bodies) server.output(pipelineId, body);
  server.finish(pipelineId, PipelineState.Completed);
  const responses: Buffer[] = [];
  let streams: ReceivedStream[] = [];
  let size = 0;
  const flush = (): void => {
    const header = { messageId: `uuid:${randomUUID()}`, relatesTo: `uuid:${randomUUID()}` };
    responses.push(formatResponse(header, { kind: 'received', streams, commandState: undefined }));
    streams = [];
    size = 0;
  };
  for (
    let data = server.takeOutgoing(pipelineId, fragmentBytes);
    data !== undefined;
    data = server.takeOutgoing(pipelineId, fragmentBytes)
  ) {
    const encoded = Math.ceil(data.byteLength / 3) * 4 + 120;
    if (size + encoded > envelopeBytes) flush();
    streams.push({ name: 'stdout', commandId: pipelineId.toUpperCase(), data });
    size += encoded;
  }
  if (streams.length > 0) flush();
  return responses;
}

/** Reads all responses as an export does; gives the number of rows and of bytes of CSV. */
function readAll({ client, pipelineId }: Pair, responses: readonly Buffer[]): { rows: number; bytes: number } {
  const plan = mailboxColumns([]);
  const reader = new ObjectReader(plan, 'mailbox');
  const writer = new RowWriter(plan);
  const target = Buffer.allocUnsafe(1024 * 1024);
  let rows = 0;
  let bytes = 0;
  for (const response of responses) {
    const { body } = parseResponse(response);
    if (body.kind !== 'received') throw new Error(`the response is ${body.kind}`);
    for (const stream of body.streams) {
      for (const event of client.receive(pipelineId, stream.data)) {
        if (event.kind !== 'pipeline' || event.event.kind !== 'output') continue;
        const { values } = reader.read(event.event.body);
        if (writer.key(values) === undefined) throw new Error('a mailbox has no Guid');
        bytes += target.write(writer.line('Insert', values), 0, 'utf8');
        rows += 1;
      }
    }
  }
  return { rows, bytes };
}

/** Microseconds of CPU for one mailbox, the best of the rounds. */
export async function measureResponseToCsv(form: 'whole' | 'projected', count = 1000, rounds = 20): Promise<number> {
  const bodies = makeMailboxBodies(count, form).map((body) => Buffer.from(body, 'utf8'));
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    await breathe();
    const pair = openPair();
    const responses = makeResponses(pair, bodies);
    const before = process.cpuUsage();
    const { rows } = readAll(pair, responses);
    const { user, system } = process.cpuUsage(before);
    if (rows !== count) throw new Error(`${rows} rows of ${count} mailboxes`);
    best = Math.min(best, (user + system) / count);
  }
  return best;
}

if (import.meta.main) {
  console.log({
    whole: await measureResponseToCsv('whole'),
    projected: await measureResponseToCsv('projected'),
  });
}
