/* A session: one transport with one runspace pool, in which one pipeline runs at a time. [MS-PSRP] 3.1. */
import { randomUUID } from 'node:crypto';
import {
  type ClientEvent,
  ClientRunspacePool,
  type Guid,
  type InvokeOptions,
  type PipelineEvent,
  type PipelineRequest,
  type RemoteSession,
  type SessionKeyPort,
  untilAborted,
} from '@exchange-connector/psrp';
import { PowerShellProcessError, type PowerShellProcessErrorCode } from '../errors.ts';
import type { PowerShellSessionLimits } from '../limits.ts';
import { printable } from '../process/text-tail.ts';
import { settledWithin } from '../waiting.ts';
import { PacketLink } from './packet-link.ts';
import { PipelineRun, sendAll, type SessionParts } from './pipeline-run.ts';
import type { Transport } from './transport.ts';

/** What sessions over a process and over a pipe have in common. */
export interface PowerShellSessionOptions {
  /** Cancels the opening; later on each `invoke` has a signal of its own. */
  readonly signal?: AbortSignal | undefined;
  /** The version announced; default `2.4`, in which a SecureString is plain on this machine's own stream. */
  readonly protocolVersion?: '2.1' | '2.2' | '2.3' | '2.4' | undefined;
  /** Cryptography for SecureStrings up to 2.3; without it a request that holds one is refused there. */
  readonly sessionKey?: SessionKeyPort | undefined;
  readonly limits?: Partial<PowerShellSessionLimits> | undefined;
}

/** An open session with a PowerShell of this machine. */
export interface PowerShellSession extends RemoteSession {
  /** Opens a SecureString that came out of a pipeline; `undefined` where no session key fits. */
  revealSecureString: ClientRunspacePool['revealSecureString'];
}

export class OutOfProcessSession implements PowerShellSession {
  readonly #pool: ClientRunspacePool;
  readonly #link: PacketLink;
  readonly #transport: Transport;
  readonly #limits: PowerShellSessionLimits;
  readonly #parts: SessionParts;
  readonly #opened = Promise.withResolvers<void>();
  readonly #keyEstablished = Promise.withResolvers<void>();
  #running: PipelineRun | undefined;
  #busy = false;
  #closing: Promise<void> | undefined;

  private constructor(transport: Transport, limits: PowerShellSessionLimits, options: PowerShellSessionOptions) {
    this.#pool = new ClientRunspacePool({
      id: randomUUID() as Guid,
      protocolVersion: options.protocolVersion ?? '2.4',
      ...(options.sessionKey !== undefined && { sessionKey: options.sessionKey }),
    });
    this.#transport = transport;
    this.#limits = limits;
    this.#opened.promise.catch(() => undefined);
    this.#keyEstablished.promise.catch(() => undefined);
    this.#link = new PacketLink(transport, limits, {
      data: (target, data) => this.#receive(target, data),
      failed: (error) => this.#failed(error),
    });
    this.#parts = {
      pool: this.#pool,
      link: this.#link,
      transport,
      limits,
      keyEstablished: () => this.#keyEstablished.promise,
    };
  }

  /**
   * Opens a runspace pool over the transport, which is ended where that fails.
   *
   * @throws PowerShellProcessError; the signal's reason
   */
  static async open(
    transport: Transport,
    limits: PowerShellSessionLimits,
    options: PowerShellSessionOptions,
  ): Promise<OutOfProcessSession> {
    const session = new OutOfProcessSession(transport, limits, options);
    const tooLong = AbortSignal.timeout(limits.openTimeoutMs);
    const signal = options.signal === undefined ? tooLong : AbortSignal.any([options.signal, tooLong]);
    try {
      session.#pool.open();
      await untilAborted(Promise.all([sendAll(session.#parts, 'pool'), session.#opened.promise]), signal);
      session.#link.phase = 'run';
      return session;
    } catch (error) {
      session.#link.dispose(error);
      await transport.end(0);
      throw error === tooLong.reason && options.signal?.aborted !== true ? session.#openedTooLate() : error;
    }
  }

  get server(): RemoteSession['server'] {
    return this.#pool.server;
  }

  revealSecureString: ClientRunspacePool['revealSecureString'] = (value) => this.#pool.revealSecureString(value);

  async *invoke(request: PipelineRequest, options: InvokeOptions = {}): AsyncIterable<PipelineEvent> {
    options.signal?.throwIfAborted();
    this.#claim();
    try {
      yield* this.#run(request, options);
    } finally {
      this.#busy = false;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #claim(): void {
    const { name } = this.#transport;
    const refuse = (why: string, cause?: unknown): never => {
      const recovery = this.#busy ? 'none' : 'reopen-session';
      throw new PowerShellProcessError('POWERSHELL_SESSION_STATE', `the session with ${name} ${why}`, {
        phase: 'run',
        recovery,
        cause,
      });
    };
    if (this.#closing !== undefined) refuse('has been closed');
    const { failure } = this.#link;
    if (failure !== undefined) refuse(`is of no more use after an error: ${failure.message}`, failure);
    if (this.#busy) refuse('runs a pipeline; one runs at a time');
    this.#busy = true;
  }

  async *#run(request: PipelineRequest, options: InvokeOptions): AsyncGenerator<PipelineEvent> {
    const run = new PipelineRun(this.#parts, request, options.input !== undefined);
    this.#running = run;
    try {
      yield* run.events(options);
    } finally {
      await this.#endRun(run);
    }
  }

  /** Leaves no pipeline running: one that does not end takes the session with it. */
  async #endRun(run: PipelineRun): Promise<void> {
    try {
      if (this.#link.failure === undefined && this.#closing === undefined) await run.end();
    } catch (error) {
      this.#link.fail(
        error instanceof PowerShellProcessError
          ? error
          : this.#error('POWERSHELL_ENDED', `ending a pipeline: ${String(error)}`, error),
      );
    } finally {
      this.#pool.forgetPipeline(run.id);
      this.#running = undefined;
    }
  }

  #receive(target: Guid | 'pool', data: Uint8Array): void {
    const events = this.#pool.receive(target, data);
    const run = this.#running;
    const own: PipelineEvent[] = [];
    for (const event of events) {
      if (event.kind !== 'pipeline') this.#receivePoolEvent(event);
      else if (event.pipelineId === run?.id) own.push(event.event);
    }
    if (run?.id === target) run.receive(own, data.length);
    if (this.#link.failure !== undefined) return;
    if (this.#link.phase === 'run') this.#answer(run);
  }

  /** Sends what the pool has queued by itself: answers to host calls, and to a request for the session key. */
  #answer(run: PipelineRun | undefined): void {
    const targets = run?.hasBegun === true ? (['pool', run.id] as const) : (['pool'] as const);
    for (const target of targets) {
      if (this.#pool.hasOutgoing(target)) sendAll(this.#parts, target).catch(() => undefined); // the link's failure tells
    }
  }

  #receivePoolEvent(event: Exclude<ClientEvent, { kind: 'pipeline' }>): void {
    const { name } = this.#transport;
    switch (event.kind) {
      case 'poolOpened':
        this.#opened.resolve();
        return;
      case 'sessionKeyEstablished':
        this.#keyEstablished.resolve();
        return;
      case 'protocolViolation':
        this.#link.fail(
          this.#error(
            'POWERSHELL_RESPONSE_INVALID',
            `the data of ${name} break the protocol: ${printable(event.error.message)}`,
            event.error,
          ),
        );
        return;
      case 'poolBroken': {
        const why = printable(event.error?.details ?? event.error?.message ?? 'without saying why');
        this.#link.fail(this.#ended(`${name} broke the session: ${why}`, event.error));
        return;
      }
      case 'poolClosed':
        if (this.#closing === undefined) this.#link.fail(this.#ended(`${name} closed the session`));
        return;
      default:
    }
  }

  #failed(error: PowerShellProcessError): void {
    this.#opened.reject(error);
    this.#keyEstablished.reject(error);
    this.#running?.fail(error);
  }

  #ended(message: string, cause?: unknown): PowerShellProcessError {
    return this.#error(this.#link.phase === 'open' ? 'POWERSHELL_NOT_OPENED' : 'POWERSHELL_ENDED', message, cause);
  }

  #error(code: PowerShellProcessErrorCode, message: string, cause?: unknown): PowerShellProcessError {
    const phase = this.#link.phase;
    const recovery = phase === 'open' ? 'none' : 'reopen-session';
    return new PowerShellProcessError(code, `${message}${this.#transport.said()}`, { phase, recovery, cause });
  }

  #openedTooLate(): PowerShellProcessError {
    const seconds = this.#limits.openTimeoutMs / 1000;
    const what = `${this.#transport.name} did not open a session within ${seconds} s; is it a PowerShell, and serves it no other client?`;
    return this.#error('POWERSHELL_TIMED_OUT', what);
  }

  async #close(): Promise<void> {
    const { closeTimeoutMs } = this.#limits;
    const link = this.#link;
    link.phase = 'close';
    link.expectEnd();
    const startedAt = performance.now();
    const reason = new PowerShellProcessError(
      'POWERSHELL_SESSION_STATE',
      `the session with ${this.#transport.name} was closed`,
      { phase: 'close' },
    );
    this.#running?.fail(reason);
    link.resume();
    if (link.failure === undefined) {
      this.#pool.close();
      // Half the time, so that the process has the other half to end.
      await settledWithin(
        Promise.race([link.exchange({ kind: 'Close', target: 'pool' }), this.#transport.ended]),
        closeTimeoutMs / 2,
      );
    }
    await this.#transport.end(Math.max(0, closeTimeoutMs - (performance.now() - startedAt)));
    link.dispose(reason);
  }
}
