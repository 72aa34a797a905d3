/* A session: one shell with one runspace pool, in which one pipeline runs at a time. [MS-PSRP] 3.1. */
import type {
  ClientRunspacePool,
  InvokeOptions,
  PipelineEvent,
  PipelineRequest,
  RemoteSession,
} from '@exchange-connector/psrp';
import { WsmanError } from '../errors.ts';
import type { ChannelFacts } from '../http/channel.ts';
import { PipelineRun } from './pipeline-run.ts';
import { deleteShell, type SessionParts } from './shell-parts.ts';

/** An open session over WS-Management. */
export interface WsmanSession extends RemoteSession {
  /** As the server returned it. */
  readonly shellId: string;
  /** The URL the session is at, after redirections. */
  readonly url: string;
  /** What protects the connection. */
  readonly secured: ChannelFacts;
  /** How long the server keeps an idle shell, where it says so. */
  readonly idleTimeoutMs: number | undefined;
  /**
   * What the server's clock says now, milliseconds since 1970, by the Date of its latest answer; `undefined` where none
   * told. Nobody vouches for it over plain http.
   */
  readonly serverTime: number | undefined;
  /** Opens a SecureString that came out of a pipeline; `undefined` where no session key fits. */
  revealSecureString: ClientRunspacePool['revealSecureString'];
}

export class ShellSession implements WsmanSession {
  readonly #parts: SessionParts;
  #running: PipelineRun | undefined;
  #busy = false;
  /** Why the session cannot be used any more. */
  #unusable: unknown;
  #closing: Promise<void> | undefined;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  get shellId(): string {
    return this.#parts.shellId;
  }
  get url(): string {
    return this.#parts.url;
  }
  get secured(): ChannelFacts {
    return this.#parts.main.facts;
  }
  get idleTimeoutMs(): number | undefined {
    return this.#parts.idleTimeoutMs;
  }
  get serverTime(): number | undefined {
    return this.#parts.clock.now();
  }
  get server(): RemoteSession['server'] {
    return this.#parts.pool.server;
  }

  revealSecureString: ClientRunspacePool['revealSecureString'] = (value) => this.#parts.pool.revealSecureString(value);

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
    const { url } = this.#parts;
    if (this.#closing !== undefined)
      throw new WsmanError('WSMAN_SESSION_CLOSED', `the session at ${url} has been closed`, {
        url,
        recovery: 'reopen-session',
      });
    if (this.#unusable !== undefined) {
      throw new WsmanError(
        'WSMAN_SESSION_CLOSED',
        `the session at ${url} is of no more use after an error: ${messageOf(this.#unusable)}`,
        {
          url,
          cause: this.#unusable,
          recovery: 'reopen-session',
        },
      );
    }
    if (this.#busy)
      throw new WsmanError('WSMAN_SESSION_BUSY', `a pipeline is running in the session at ${url}; one runs at a time`, {
        url,
      });
    this.#busy = true;
  }

  async *#run(request: PipelineRequest, options: InvokeOptions): AsyncGenerator<PipelineEvent> {
    const run = await this.#noting(PipelineRun.start(this.#parts, request, options, (reason) => this.#doom(reason)));
    this.#running = run;
    let finished = false;
    try {
      yield* run.events(options);
      finished = true;
    } catch (error) {
      this.#note(error);
      throw error;
    } finally {
      // A consumer that leaves at the final state leaves nothing that runs.
      await this.#endCommand(run, finished || run.isDone, options.signal);
      run.abort(new Error('the pipeline has ended'));
      this.#running = undefined;
    }
  }

  /** Leaves no command behind; quickly where somebody has cancelled. */
  async #endCommand(run: PipelineRun, finished: boolean, signal: AbortSignal | undefined): Promise<void> {
    const { stopTimeoutMs, terminateTimeoutMs } = this.#parts.limits;
    if (!finished && this.#usable) this.#doom(await run.stop());
    if (!this.#usable) return;
    const cancelled = !finished || signal?.aborted === true;
    this.#doom(await (cancelled ? run.terminate(stopTimeoutMs) : run.terminate(terminateTimeoutMs, signal)));
  }

  get #usable(): boolean {
    return this.#unusable === undefined && this.#closing === undefined;
  }

  #doom(reason: unknown): void {
    this.#unusable ??= reason;
  }

  /** Remembers an error after which the session is of no more use. */
  #note(error: unknown): void {
    if (error instanceof WsmanError && error.recovery === 'reopen-session') this.#doom(error);
  }

  async #noting<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      this.#note(error);
      throw error;
    }
  }

  async #close(): Promise<void> {
    const { client, shellId, main, control, limits, onShell } = this.#parts;
    const reason = new WsmanError('WSMAN_SESSION_CLOSED', `the session at ${this.#parts.url} was closed`, {
      phase: 'close',
    });
    this.#running?.abort(reason);
    if (await deleteShell(client, shellId, main.busy ? [control, main] : [main, control], limits))
      onShell({ kind: 'gone', shellId });
    main.close(reason);
    control.close(reason);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
