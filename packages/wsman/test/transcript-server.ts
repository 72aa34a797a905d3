/*
 * Replays a recorded session: each request must be the one that was recorded at this place (its action, its
 * command, its stream), and gets the recorded answer, with the ids that the recorded client chose rewritten to
 * those of this one. The recordings hold ids in either byte order (an old client wrote them big-endian, and the
 * server gave them back as it got them).
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Guid, encodeGuid, parseGuid } from '@exchange-connector/psrp';
import {
  FaultCode,
  formatResponse,
  type ParsedRequest,
  parseRequest,
  parseResponse,
  type ReceivedStream,
  SignalCode,
  soapContentType,
} from '@exchange-connector/wsman/codec';

export interface RecordedExchange {
  readonly request: string;
  readonly response: string;
}

interface Step {
  readonly label: string;
  readonly request: ParsedRequest;
  readonly response: string;
  readonly passed: PromiseWithResolvers<void>;
  taken: boolean;
}

const quiet = {
  role: 'Receiver',
  subcode: 'TimedOut',
  code: FaultCode.operationTimedOut,
  reason: 'quiet',
  message: undefined,
  faultDetail: undefined,
  machine: undefined,
} as const;

/** What makes two requests the same: the operation, whether it is a command's, the stream. */
function labelOf({ body }: ParsedRequest): string {
  const scope = 'commandId' in body && body.commandId !== undefined ? 'command' : 'pool';
  return body.kind === 'send'
    ? `send ${body.stream} of the ${scope}`
    : body.kind === 'receive'
      ? `receive of the ${scope}`
      : body.kind;
}

function littleEndian(guid: Guid): Buffer {
  const bytes = Buffer.alloc(16);
  encodeGuid(guid, bytes, 0);
  return bytes;
}

export class TranscriptServer {
  readonly #steps: Step[];
  readonly #server: Server;
  /** Recorded id, upper case, to this client's, upper case. */
  readonly #ids = new Map<string, string>();
  readonly problems: string[] = [];
  /** Extra Receives, which the recorded client did not make; answered with "nothing yet". */
  readonly onExtraReceive: (() => void) | undefined;
  terminated = 0;

  private constructor(exchanges: readonly RecordedExchange[], onExtraReceive: (() => void) | undefined) {
    this.onExtraReceive = onExtraReceive;
    this.#steps = exchanges.map(({ request, response }) => {
      const parsed = parseRequest(Buffer.from(request));
      return { label: labelOf(parsed), request: parsed, response, passed: Promise.withResolvers<void>(), taken: false };
    });
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        this.problems.push(String(error));
        response.writeHead(500).end();
      });
    });
  }

  static async start(exchanges: readonly RecordedExchange[], onExtraReceive?: () => void): Promise<TranscriptServer> {
    const server = new TranscriptServer(exchanges, onExtraReceive);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/wsman`;
  }

  /** Recorded exchanges that the client never came to. */
  get unconsumed(): string[] {
    return this.#steps.filter((step) => !step.taken).map((step) => step.label);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const parsed = parseRequest(Buffer.concat(chunks));
    const answer = (body: Buffer, status = 200) =>
      response.writeHead(status, { 'Content-Type': soapContentType }).end(body);
    const relates = { messageId: 'uuid:1', relatesTo: parsed.header.messageId };
    // The recorded client left its commands open.
    if (parsed.body.kind === 'signal' && parsed.body.code === SignalCode.terminate) {
      this.terminated += 1;
      answer(formatResponse(relates, { kind: 'signalled' }));
      return;
    }
    const label = labelOf(parsed);
    const index = this.#steps.findIndex((step) => !step.taken && step.label === label);
    const step = this.#steps[index];
    if (step === undefined) {
      if (parsed.body.kind === 'receive' && this.onExtraReceive !== undefined) this.onExtraReceive();
      else this.problems.push(`"${label}" was not recorded (again)`);
      answer(formatResponse(relates, { kind: 'fault', fault: quiet }), 500);
      return;
    }
    step.taken = true;
    this.#compare(step, parsed);
    // Send and Receive go over two connections: the recorded order decides.
    await Promise.all(this.#steps.slice(0, index).map((earlier) => earlier.passed.promise));
    const text = this.#rewrite(step.response, parsed.header.messageId);
    answer(Buffer.from(text), text.includes('s:Fault') ? 500 : 200);
    step.passed.resolve();
  }

  #compare(step: Step, now: ParsedRequest): void {
    const then = step.request;
    if (now.header.maxEnvelopeBytes !== then.header.maxEnvelopeBytes && now.body.kind !== 'get') {
      this.problems.push(
        `${step.label}: MaxEnvelopeSize ${now.header.maxEnvelopeBytes}, recorded ${then.header.maxEnvelopeBytes}`,
      );
    }
    if (now.body.kind === 'create' && then.body.kind === 'create') this.#ids.set(then.body.shellId, now.body.shellId);
    else if (now.body.kind === 'command' && then.body.kind === 'command')
      this.#ids.set(then.body.commandId, now.body.commandId);
    this.#compareIds(step, now);
  }

  /** From the first answer on the ids must be those that the server returned. */
  #compareIds({ label, request: then }: Step, now: ParsedRequest): void {
    if (
      now.body.kind === 'create' ||
      now.body.kind === 'get' ||
      now.body.kind === 'unknown' ||
      then.body.kind !== now.body.kind
    )
      return;
    const due = (recorded: string) => this.#ids.get(recorded) ?? recorded;
    if (now.body.shellId !== due(then.body.shellId))
      this.problems.push(`${label}: shell ${now.body.shellId}, not ${due(then.body.shellId)}`);
    if (!('commandId' in then.body) || !('commandId' in now.body)) return;
    const recorded = then.body.commandId ?? '';
    if (now.body.commandId !== undefined && now.body.commandId !== due(recorded))
      this.problems.push(`${label}: command ${now.body.commandId}, not ${due(recorded)}`);
  }

  #rewrite(text: string, messageId: string): string {
    const ours = new Map([...this.#ids].map(([recorded, own]) => [recorded, own]));
    const pairs = [...this.#ids].map(([recorded, own]) => ({
      recorded: parseGuid(recorded) as Guid,
      own: littleEndian(parseGuid(own) as Guid),
    }));
    const { body } = parseResponse(Buffer.from(text));
    const streams: readonly ReceivedStream[] = body.kind === 'received' ? body.streams : [];
    let rewritten = text.replace(/(<a:RelatesTo>)[^<]*/, `$1${messageId}`);
    for (const { data } of streams) {
      const bytes = Buffer.from(data);
      for (const { recorded, own } of pairs) {
        replaceAll(bytes, littleEndian(recorded), own);
        replaceAll(bytes, Buffer.from(recorded.replaceAll('-', ''), 'hex'), own);
      }
      rewritten = rewritten.replace(Buffer.from(data).toString('base64'), bytes.toString('base64'));
    }
    for (const [recorded, own] of ours) rewritten = rewritten.replaceAll(recorded, own);
    return rewritten;
  }
}

function replaceAll(bytes: Buffer, from: Buffer, to: Buffer): void {
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 16)) to.copy(bytes, at);
}
