/*
 * The session of one batch: opened when it is first needed, opened anew when it is lost, and bound to one domain
 * controller for each domain, so that every read sees every write of the batch.
 */
import type { ConnectionSettings } from '@exchange-connector/config';
import { openForestView, type PipelineOutcome, runPipeline } from '@exchange-connector/connector';
import {
  createProjection,
  type PipelineCommand,
  type PipelineRequest,
  psString,
  type RemoteSession,
  textOf,
} from '@exchange-connector/psrp';
import { WsmanError } from '@exchange-connector/wsman';
import { AgentError } from '../../errors.ts';

/** A session, and the address that it is open on. */
export interface OpenSession {
  readonly session: RemoteSession;
  readonly url: string;
}

/** What a batch reaches the world through. */
export interface BatchPorts {
  /** @param onRenewed told of a connection whose credential was got anew, before anything else is said of it */
  open(
    signal: AbortSignal,
    onWarning: (message: string) => void,
    runId: string,
    onRenewed?: (connection: ConnectionSettings) => void,
  ): Promise<OpenSession>;
  now(): Date;
  /** Waits; an aborted signal ends the waiting with its reason. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** What may be sent. */
export type SessionMode =
  /** Nothing that could change anything. */
  | 'read'
  /** Besides, changing cmdlets with `-WhatIf`. */
  | 'whatIf'
  | 'write';

/** The session was lost while a command ran: whether the server carried it out is not known. */
export class SessionLostError extends Error {
  override readonly name = 'SessionLostError';
  constructor(doing: string, cause: unknown) {
    super(`${doing}: the session was lost: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** What a command gave. */
export interface CommandAnswer {
  readonly bodies: readonly Uint8Array[];
  readonly outcome: PipelineOutcome;
}

/** Cmdlets that change nothing in the directory; `Set-ADServerSettings` sets what the session itself sees. */
const reading = /^(?:Get-[A-Za-z]+|Set-ADServerSettings|Select-Object|Measure-Object)$/i;

/** Waits before each attempt to open the session again. */
const reopenWaitsMs = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 60_000, 60_000, 60_000] as const;

/** A session that is lost before it was of any use is opened again so often. */
const openingAttempts = 3;

/** Objects that tell which domain controller answers; the first that is there. */
const originReads = [
  ['Get-Mailbox', '1'],
  ['Get-User', '1'],
  ['Get-MailboxDatabase', undefined],
] as const;

/** How long a command that is under way may still take once the run has been asked to end. */
const graceMs = 30_000;

function hasWhatIf({ parameters }: PipelineCommand): boolean {
  return parameters.some(
    ({ name, value }) => name?.toLowerCase() === 'whatif' && value.kind === 'B' && value.value === true,
  );
}

export interface BatchSessionOptions {
  readonly runId: string;
  readonly connection: ConnectionSettings;
  readonly ports: BatchPorts;
  readonly mode: SessionMode;
  readonly signal: AbortSignal;
  readonly onWarning: (message: string) => void;
  readonly onNote: (message: string) => void;
  readonly onRenewed: (connection: ConnectionSettings) => void;
  /** A run that goes on keeps the domain controller it had. */
  readonly domainController?: string | undefined;
}

/** Runs the commands of a batch. */
export class BatchSession {
  readonly #options: BatchSessionOptions;
  /** By lower-case domain. */
  readonly #pins = new Map<string, string>();
  #open: OpenSession | undefined;
  #server = '';
  #domainController: string | undefined;
  #isPinned: boolean;
  #forestInView = true;

  constructor(options: BatchSessionOptions) {
    this.#options = options;
    this.#domainController = options.domainController ?? options.connection.domainController;
    this.#isPinned = this.#domainController !== undefined;
  }

  /** The address of `Server` that the session is, or was last, open on. */
  get server(): string {
    return this.#server;
  }

  /** The domain controller of the batch; undefined where the server does not tell one. */
  get domainController(): string | undefined {
    return this.#domainController;
  }

  /** Whether the accounts of all domains are seen; false where the account's role does not let it. */
  get forestInView(): boolean {
    return this.#forestInView;
  }

  /** The domain controller for objects of a domain; undefined where none is known: the server chooses. */
  domainControllerOf(domain: string | undefined): string | undefined {
    const own = this.#domainController;
    if (domain === undefined || own === undefined || isOfDomain(own, domain)) return own;
    return this.#pins.get(domain.toLowerCase());
  }

  /** An object of a domain came from this domain controller: what follows there is asked of it. */
  learn(domain: string | undefined, origin: string | undefined): void {
    if (domain === undefined || origin === undefined || !isOfDomain(origin, domain)) return;
    const key = domain.toLowerCase();
    const own = this.#domainController;
    if (this.#pins.has(key) || (own !== undefined && isOfDomain(own, domain))) return;
    this.#pins.set(key, origin);
    this.#options.onNote(`objects of ${domain} are read from and written to ${origin}`);
  }

  /** Says that nobody knows which domain controllers objects of a domain are read from and written to. */
  tellUnpinned(domain: string): void {
    this.#options.onWarning(
      `the server does not tell a domain controller of ${domain}: a read after a write there may come from another one`,
    );
  }

  /**
   * Opens the session where it is not open. Opening itself tries again what may pass: only a session that was open, and
   * is lost before it was of any use, is opened again here.
   * @throws what opening throws
   */
  async ensure(): Promise<void> {
    const { ports, signal, onWarning, onRenewed, runId } = this.#options;
    for (let attempt = 1; this.#open === undefined; attempt += 1) {
      const opened = await ports.open(signal, onWarning, runId, onRenewed);
      try {
        await this.#prepare(opened);
      } catch (error) {
        await opened.session.close();
        const isWorthAnother = error instanceof WsmanError && error.recovery === 'reopen-session';
        if (!isWorthAnother || attempt === openingAttempts || signal.aborted) throw error;
        onWarning(`${error.message}; a new session is opened`);
      }
    }
  }

  async #prepare(opened: OpenSession): Promise<void> {
    const { signal, onWarning, onNote } = this.#options;
    // In the session's own domain still: the answer is of a domain controller, not of a global catalog.
    if (!this.#isPinned) this.#domainController = await this.#findDomainController(opened.session);
    this.#isPinned = true;
    const pins = { domainController: this.#domainController, globalCatalog: this.#options.connection.globalCatalog };
    this.#forestInView = (
      await openForestView(opened.session, pins, { onWarning, signal, purpose: 'fulfilment' })
    ).forestView;
    this.#open = opened;
    this.#server = opened.url;
    onNote(`session open on ${opened.url}, domain controller ${this.#domainController ?? 'of the server’s choice'}`);
  }

  async #findDomainController(session: RemoteSession): Promise<string | undefined> {
    const projection = createProjection(['OriginatingServer']);
    for (const [cmdlet, resultSize] of originReads) {
      const parameters = resultSize === undefined ? [] : [{ name: 'ResultSize', value: psString(resultSize) }];
      let found: string | undefined;
      const request: PipelineRequest = { statements: [[{ name: cmdlet, parameters }]] };
      await runPipeline(session, request, {
        signal: this.#options.signal,
        onWarning: () => undefined,
        onOutput: (body) => {
          const [origin] = projection.read(body);
          found ??= origin === undefined ? undefined : textOf(origin);
          return found === undefined;
        },
      });
      if (found !== undefined && found !== '') return found;
    }
    this.#options.onWarning(
      'the server does not tell which domain controller it asks, and DomainController is not set: a read after a write may come from another one',
    );
    return undefined;
  }

  /**
   * Opens the session again after it was lost, patiently.
   * @throws the last failure, where the server stays away
   */
  async reopen(lost: SessionLostError): Promise<void> {
    const { signal, onWarning } = this.#options;
    signal.throwIfAborted();
    onWarning(`${lost.message}; what was being done is looked at again in a new session`);
    await this.close();
    for (const [attempt, waitMs] of reopenWaitsMs.entries()) {
      try {
        await this.ensure();
        return;
      } catch (error) {
        const isLast = attempt === reopenWaitsMs.length - 1;
        if (signal.aborted || isLast || !mayComeBack(error)) throw error;
        onWarning(
          `the session could not be opened again (${(error as Error).message}); it is tried in ${waitMs / 1000} seconds`,
        );
        await this.#options.ports.wait(waitMs, signal);
      }
    }
  }

  /**
   * Runs one request to its end. Where something is changed, a run that is cancelled lets a command that is under
   * way come to its end, for a while.
   * @throws SessionLostError where the session failed, AgentError RUN_UNEXPECTED where the mode forbids the request
   */
  async run(request: PipelineRequest, doing: string): Promise<CommandAnswer> {
    const { mode, signal, onWarning } = this.#options;
    const commands = request.statements.flat();
    const isReading = commands.every(({ name, isScript }) => isScript !== true && reading.test(name));
    if (!isReading && mode !== 'write' && !(mode === 'whatIf' && commands.every(hasWhatIf)))
      throw new AgentError('RUN_UNEXPECTED', `${doing}: a plan may not send ${commands[0]?.name ?? 'a command'}`);
    await this.ensure();
    const session = this.#open?.session;
    if (session === undefined) throw new AgentError('RUN_UNEXPECTED', `${doing}: the session is closed`);
    const bodies: Uint8Array[] = [];
    const grace = mode === 'write' ? startGrace(signal) : undefined;
    try {
      const outcome = await runPipeline(session, request, {
        signal: grace?.signal ?? signal,
        onWarning: (message) => {
          // Who asks for the first few is told that there are more.
          if (!isReading || !/\bResultSize\b/.test(message)) onWarning(message);
        },
        onOutput: (body) => bodies.push(body) > 0,
      });
      return { bodies, outcome };
    } catch (cause) {
      if (mode !== 'write' && signal.aborted) throw cause;
      this.#open = undefined;
      await session.close();
      throw new SessionLostError(doing, cause);
    } finally {
      grace?.end();
    }
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.session.close();
  }
}

/** A signal that is aborted a while after another one. */
function startGrace(signal: AbortSignal): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    timer = setTimeout(() => controller.abort(signal.reason), graceMs);
  };
  if (signal.aborted) begin();
  else signal.addEventListener('abort', begin, { once: true });
  return {
    signal: controller.signal,
    end() {
      clearTimeout(timer);
      signal.removeEventListener('abort', begin);
    },
  };
}

function isOfDomain(host: string, domain: string): boolean {
  const at = host.indexOf('.');
  return at > 0 && host.slice(at + 1).toLowerCase() === domain.toLowerCase();
}

/** False for what another attempt would only repeat: a refused password could lock the account. */
function mayComeBack(error: unknown): boolean {
  if (error instanceof AgentError) return error.code === 'RUN_NO_SESSION';
  if (!(error instanceof WsmanError)) return !(error instanceof Error && 'mend' in error);
  return error.code !== 'WSMAN_AUTHENTICATION_REFUSED' && error.code !== 'WSMAN_ACCESS_DENIED';
}
