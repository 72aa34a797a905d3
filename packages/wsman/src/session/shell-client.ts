/*
 * The operations on one shell: an envelope out, its answer in, faults told apart. [MS-WSMV] 3.1.4.
 */
import { randomUUID } from 'node:crypto';
import {
  describeFault,
  failureCategory,
  isFrontEndFailure,
  isQuiet,
  redirectLocation,
  requestedWaitMs,
  type WsmanFault,
} from '../codec/fault.ts';
import { FaultCode, faultMeaning } from '../codec/fault-codes.ts';
import { formatRequest, payloadCapacity, type RequestBody, type RequestHeader } from '../codec/request.ts';
import { type ParsedResponse, parseResponse, type ResponseBody } from '../codec/response.ts';
import { WsmanError, type WsmanPhase } from '../errors.ts';
import type { Channel } from '../http/channel.ts';
import type { WsmanLimits } from '../limits.ts';
import { delay } from '../waiting.ts';

/** What every envelope of a session carries. */
export interface ShellClientOptions {
  readonly url: string;
  readonly resourceUri: string;
  readonly operationTimeoutMs: number;
  readonly limits: WsmanLimits;
}

/** How one operation is done. */
export interface OperationOptions {
  readonly channel: Channel;
  readonly phase: WsmanPhase;
  readonly signal: AbortSignal | undefined;
  readonly onSent?: (() => void) | undefined;
}

type ResponseKind = Exclude<ResponseBody['kind'], 'fault'>;

/** Data of a Receive, or the news that there is none yet; `afterLoss` where an earlier answer to it was cut off. */
export type Received = (Extract<ResponseBody, { kind: 'received' }> | { readonly kind: 'quiet' }) & {
  readonly afterLoss?: boolean;
};

const operationNames: Readonly<Record<RequestBody['kind'], string>> = {
  create: 'Create',
  command: 'Command',
  receive: 'Receive',
  send: 'Send',
  signal: 'Signal',
  delete: 'Delete',
  get: 'Get',
};

const answers = {
  create: 'created',
  command: 'commandAccepted',
  receive: 'received',
  send: 'sent',
  signal: 'signalled',
  delete: 'deleted',
  get: 'got',
} as const satisfies Record<RequestBody['kind'], ResponseKind>;

type AnswerTo<K extends RequestBody['kind']> = Extract<ResponseBody, { kind: (typeof answers)[K] }>;

/** Longest wait between two attempts of one Receive. */
const retryDelaysMs = [0, 250, 1000, 2000, 4000] as const;

export class ShellClient {
  readonly #options: ShellClientOptions;
  readonly #sessionId = `uuid:${randomUUID().toUpperCase()}`;
  #maxEnvelopeBytes: number;

  constructor(options: ShellClientOptions) {
    this.#options = options;
    this.#maxEnvelopeBytes = Math.min(153_600, options.limits.maxEnvelopeBytes);
  }

  /** Tells which PSRP the server speaks: up to 2.1 (WinRM 2) an envelope has 150 KB at most, later 500 KB. */
  negotiated(protocolVersion: string): void {
    if (protocolVersion === '2.0' || protocolVersion === '2.1') return;
    this.#maxEnvelopeBytes = Math.min(512_000, this.#options.limits.maxEnvelopeBytes);
  }

  /** How many bytes of PSRP data one request of this kind can carry. */
  capacity(body: RequestBody): number {
    return payloadCapacity(this.#header(), body);
  }

  /**
   * One operation, sent once.
   * @throws WsmanError; a fault is WSMAN_FAULT
   */
  async perform<B extends RequestBody>(body: B, options: OperationOptions): Promise<AnswerTo<B['kind']>> {
    const header = this.#header();
    const parsed = await this.#exchange(header, body, formatRequest(header, body), options);
    return this.#expect(parsed, body, options) as AnswerTo<B['kind']>;
  }

  /**
   * Asks for data. Where the connection is cut, the very same envelope is sent again over a new one: a server
   * keeps its answer to a message id that it has answered, and gives it again. While it still works on the
   * first one it answers the second with an internal error.
   */
  async receive(shellId: string, commandId: string | undefined, options: OperationOptions): Promise<Received> {
    const body: RequestBody = { kind: 'receive', shellId, commandId };
    const header = this.#header();
    const envelope = formatRequest(header, body);
    const { limits, operationTimeoutMs } = this.#options;
    const pendingUntil = performance.now() + operationTimeoutMs + limits.answerMarginMs;
    for (let attempt = 0; ; ) {
      try {
        const parsed = await this.#exchange(header, body, envelope, options);
        if (parsed.body.kind === 'fault' && isQuiet(parsed.body.fault))
          return { kind: 'quiet', afterLoss: attempt > 0 };
        const stillPending =
          parsed.body.kind === 'fault' &&
          parsed.body.fault.code === FaultCode.internalError &&
          performance.now() < pendingUntil;
        if (attempt === 0 || !stillPending)
          return { ...(this.#expect(parsed, body, options) as Received), afterLoss: attempt > 0 };
        await delay(1000, options.signal);
      } catch (error) {
        if (!isCut(error) || attempt >= limits.receiveRetries || options.signal?.aborted === true) throw error;
        options.channel.drop();
        await delay(retryDelaysMs[Math.min(attempt, retryDelaysMs.length - 1)] as number, options.signal);
        attempt += 1;
      }
    }
  }

  #header(): RequestHeader {
    return {
      to: this.#options.url,
      resourceUri: this.#options.resourceUri,
      messageId: `uuid:${randomUUID().toUpperCase()}`,
      sessionId: this.#sessionId,
      maxEnvelopeBytes: this.#maxEnvelopeBytes,
      operationTimeoutMs: this.#options.operationTimeoutMs,
    };
  }

  async #exchange(
    header: RequestHeader,
    body: RequestBody,
    envelope: Buffer,
    options: OperationOptions,
  ): Promise<ParsedResponse> {
    const operation = operationNames[body.kind];
    const { phase, signal, onSent } = options;
    const { url, operationTimeoutMs, limits } = this.#options;
    const answerTimeoutMs = operationTimeoutMs + limits.answerMarginMs;
    const bytes = await options.channel.exchange(envelope, { operation, phase, answerTimeoutMs, signal, onSent });
    try {
      const parsed = parseResponse(bytes);
      const { relatesTo } = parsed.header;
      if (relatesTo !== undefined && relatesTo.toLowerCase() !== header.messageId.toLowerCase()) {
        throw new WsmanError(
          'WSMAN_ENVELOPE_INVALID',
          `it answers the message ${relatesTo.slice(0, 80)}, not ${header.messageId}`,
        );
      }
      return parsed;
    } catch (error) {
      if (!(error instanceof WsmanError)) throw error;
      const code = error.code === 'WSMAN_LIMIT_EXCEEDED' ? error.code : 'WSMAN_RESPONSE_INVALID';
      throw new WsmanError(code, `${operation} at ${url}: the answer cannot be read: ${error.message}`, {
        cause: error,
        phase,
        operation,
        url,
        recovery: 'reopen-session',
      });
    }
  }

  #expect(parsed: ParsedResponse, request: RequestBody, options: OperationOptions): ResponseBody {
    const operation = operationNames[request.kind];
    const { url } = this.#options;
    const { body } = parsed;
    if (body.kind === 'fault') throw faultError(body.fault, operation, url, options.phase);
    if (body.kind !== answers[request.kind]) {
      throw new WsmanError(
        'WSMAN_RESPONSE_INVALID',
        `${operation} at ${url}: the answer is of another kind (${parsed.action.slice(0, 200)})`,
        {
          phase: options.phase,
          operation,
          url,
          recovery: 'reopen-session',
        },
      );
    }
    return body;
  }
}

/** A connection cut or not to be had, after which a Receive may be asked again. */
function isCut(error: unknown): boolean {
  return (
    error instanceof WsmanError && (error.code === 'WSMAN_CONNECTION_LOST' || error.code === 'WSMAN_CONNECT_FAILED')
  );
}

/** Whether an error is this fault. */
export function isFault(error: unknown, ...codes: readonly number[]): boolean {
  return (
    error instanceof WsmanError &&
    error.code === 'WSMAN_FAULT' &&
    error.faultCode !== undefined &&
    codes.includes(error.faultCode)
  );
}

/** A fault as the error a caller sees. */
export function faultError(fault: WsmanFault, operation: string, url: string, phase: WsmanPhase): WsmanError {
  const text = `${fault.message ?? ''} ${fault.reason}`;
  const wait = requestedWaitMs(text);
  const recovery =
    wait !== undefined
      ? 'retry-after-delay'
      : failureCategory(text) === 'WSMan-InvalidShellID'
        ? 'reopen-session'
        : (faultMeaning(fault.code)?.recovery ?? (isFrontEndFailure(text) ? 'reopen-session' : 'none'));
  return new WsmanError('WSMAN_FAULT', `${operation} at ${url}: ${describeFault(fault)}`, {
    faultCode: fault.code,
    operation,
    url,
    phase,
    recovery,
    retryAfterMs: wait,
    redirectLocation: redirectLocation(fault),
  });
}
