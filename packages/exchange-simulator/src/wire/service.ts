/* The service behind the HTTP layer: a request of a user becomes a response or a fault ([MS-WSMV] 3.1.4). */
import {
  type Guid,
  parseGuid,
  psHashtable,
  psInt32,
  psObject,
  psString,
  type PsValue,
  ServerRunspacePool,
} from '@exchange-connector/psrp';
import { type ParsedRequest, type RequestBody, type ResponseBody, SignalCode } from '@exchange-connector/wsman/codec';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { CmdletContext } from '../cmdlets/cmdlet.ts';
import { timeStamp } from '../cmdlets/command-failure.ts';
import type { LogLine } from '../log.ts';
import type { SerializationLevel } from '../serialization/object-shape.ts';
import {
  actionUnknown,
  commandGone,
  internalError,
  invalidParameter,
  resourceUnknown,
  ServiceFault,
  shellGone,
  timeoutInvalid,
  tooManyShells,
} from './faults.ts';
import type { CallFaults } from './message-faults.ts';
import { Shell, upperGuid } from './shell.ts';
import { affinityCookie, formatCookie, type ShellRegistry } from './shell-registry.ts';
import { budgetSpent, microDelayWarning, type PoolRefusal, refusalRecord, withoutRoles } from './throttling.ts';

const resourceUri = 'http://schemas.microsoft.com/powershell/Microsoft.Exchange';
const oldEnvelopeBytes = 153_600;
const newEnvelopeBytes = 512_000;
const longestTimeoutMs = 2_147_483_647;

/** What one client can make the server hold: far below what PSRP would allow. */
export const poolLimits = { maxMessageBytes: 16_777_216, maxPipelines: 120 } as const;

export interface ServiceOptions {
  readonly registry: ShellRegistry;
  readonly context: Omit<CmdletContext, 'state'>;
  readonly maxProtocolVersion: '2.1' | '2.2' | '2.3';
  readonly latencyMs: number;
  readonly fillMs: number;
  readonly projectedValues: 'flat' | 'objects';
  readonly maxShellsPerUser: number;
  readonly runspaceBudget: { readonly runspaces: number; readonly periodSeconds: number } | undefined;
  /** Users without any management role. */
  readonly withoutRoles: readonly string[];
  readonly idleTimeoutMs: number;
  readonly log: LogLine;
  readonly asksNullHosts: boolean;
  /** The global catalog of the next shell; default the organisation's first. */
  readonly chooseCatalog: (() => string | undefined) | undefined;
}

/** Who asks, and by what. */
export interface Caller {
  readonly user: string;
  readonly address: string;
  readonly url: string;
  readonly query: URLSearchParams;
  /** Values of `MS-WSMAN` cookies that came along. */
  readonly cookies: readonly string[];
  readonly gone: AbortSignal;
  /** What the fault script does to this request. */
  readonly faults?: CallFaults | undefined;
}

export interface ServiceAnswer {
  readonly body: ResponseBody;
  readonly setCookie?: string | undefined;
  /** To be called when the response could not be delivered. */
  readonly lost?: () => void;
}

export class Service {
  readonly #options: ServiceOptions;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  /** A shell outside HTTP, for a pipe. */
  makeLocalShell(pool: ServerRunspacePool): Shell {
    const { context, projectedValues, latencyMs, fillMs, idleTimeoutMs, log, asksNullHosts } = this.#options;
    return new Shell({
      asksNullHosts,
      id: randomUUID().toUpperCase(),
      owner: 'local',
      cookie: undefined,
      pool,
      context,
      level: { level: 'partial', projectedValues },
      latencyMs,
      fillMs,
      idleTimeoutMs,
      log,
    });
  }

  /** Undefined when the caller has hung up meanwhile. Faults are answers. */
  async answer(request: ParsedRequest, caller: Caller): Promise<ServiceAnswer | undefined> {
    const { registry } = this.#options;
    registry.count(request.body.kind);
    this.#options.log('Debug', `${request.body.kind} of ${caller.user}`);
    try {
      return await this.#perform(request, caller);
    } catch (error) {
      const fault =
        error instanceof ServiceFault
          ? error.fault
          : internalError(error instanceof Error ? error.message : String(error)).fault;
      if (!(error instanceof ServiceFault))
        this.#options.log('Error', `${request.action} failed: ${error instanceof Error ? error.stack : String(error)}`);
      if (fault.subcode === 'TimedOut') registry.counts.quiet += 1;
      else registry.counts.faults += 1;
      return { body: { kind: 'fault', fault: { ...fault, machine: this.#options.context.serverName } } };
    }
  }

  #origin(): string {
    const server = this.#options.context.serverName;
    return `[ClientAccessServer=${server},BackEndServer=${server.toLowerCase()}.example.test,RequestId=${randomUUID()},TimeStamp=${timeStamp(new Date())}]`;
  }

  async #perform(request: ParsedRequest, caller: Caller): Promise<ServiceAnswer | undefined> {
    const { header, body } = request;
    if (caller.faults?.refusal !== undefined) throw caller.faults.refusal;
    if (header.resourceUri !== resourceUri && body.kind !== 'unknown') {
      if (header.resourceUri.toLowerCase() !== resourceUri.toLowerCase()) throw resourceUnknown(header.resourceUri);
    }
    if (header.operationTimeoutMs <= 0 || header.operationTimeoutMs > longestTimeoutMs) throw timeoutInvalid();
    if (body.kind === 'unknown') throw actionUnknown(request.action);
    if (body.kind === 'create') return this.#create(body, caller);
    const shell = this.#requireShell(body.shellId, caller);
    this.#options.registry.touch(shell);
    shell.busy += 1;
    try {
      return await this.#onShell(shell, request, body, caller);
    } finally {
      shell.busy -= 1;
      this.#options.registry.touch(shell);
      if (shell.closed) this.#options.registry.remove(shell);
    }
  }

  #requireShell(shellId: string, caller: Caller): Shell {
    const shell = this.#options.registry.find(shellId);
    const isMisrouted = caller.faults?.misrouted === true;
    const routed = !isMisrouted && (shell?.cookie === undefined || caller.cookies.includes(shell.cookie));
    if (shell === undefined || !routed || shell.owner !== caller.user) throw shellGone(shellId, this.#origin());
    return shell;
  }

  async #onShell(
    shell: Shell,
    request: ParsedRequest,
    body: Exclude<RequestBody, { kind: 'create' }>,
    caller: Caller,
  ): Promise<ServiceAnswer | undefined> {
    switch (body.kind) {
      case 'command':
        return await this.#command(shell, body, caller);
      case 'receive': {
        const maxEnvelopeBytes = Math.min(
          request.header.maxEnvelopeBytes,
          shell.isOld ? oldEnvelopeBytes : newEnvelopeBytes,
        );
        if (maxEnvelopeBytes < 8_192)
          throw invalidParameter('The MaxEnvelopeSize of the request is smaller than the service can answer in.');
        const received = await shell.receive(body.commandId, {
          maxEnvelopeBytes,
          timeoutMs: request.header.operationTimeoutMs,
          gone: caller.gone,
        });
        if (received === undefined) return undefined;
        return {
          body: { kind: 'received', streams: received.streams, commandState: received.state },
          lost: received.lost,
        };
      }
      case 'send': {
        const command = body.commandId === undefined ? undefined : shell.findCommand(body.commandId);
        if (body.commandId !== undefined && command === undefined) throw commandGone();
        shell.deliver(command?.id ?? 'pool', body.data);
        return { body: { kind: 'sent' } };
      }
      case 'signal':
        return this.#signal(shell, body);
      case 'delete':
        this.#options.registry.remove(shell);
        this.#options.log('Information', `shell ${shell.id} of ${shell.owner} deleted`);
        return { body: { kind: 'deleted' } };
      case 'get':
        return { body: { kind: 'got', shellId: shell.id, shell: this.#facts(shell, caller) } };
    }
  }

  #signal(shell: Shell, body: Extract<RequestBody, { kind: 'signal' }>): ServiceAnswer {
    if (body.commandId === undefined) throw invalidParameter('A signal to a shell without a command is not supported.');
    // The code to stop is compared letter by letter; whatever else is asked closes the command.
    if (body.code === SignalCode.stop) shell.stopCommand(body.commandId);
    else shell.terminateCommand(body.commandId);
    return { body: { kind: 'signalled' } };
  }

  async #command(
    shell: Shell,
    body: Extract<RequestBody, { kind: 'command' }>,
    caller: Caller,
  ): Promise<ServiceAnswer> {
    const microDelayMs = caller.faults?.microDelayMs ?? 0;
    if (microDelayMs > 0) {
      await delay(microDelayMs, undefined, { ref: false });
      shell.warnNext(microDelayWarning(caller.user, microDelayMs));
    }
    const asked = body.commandId === '' ? randomUUID().toUpperCase() : upperGuid(body.commandId);
    if (asked === undefined) throw invalidParameter(`The CommandId "${body.commandId.slice(0, 100)}" is not a GUID.`);
    if (shell.findCommand(asked) !== undefined) throw invalidParameter('A command of this CommandId exists.');
    if (shell.commandCount >= 100) throw invalidParameter('The shell has as many commands as it may.');
    const commandId = shell.isOld ? randomUUID().toUpperCase() : asked;
    shell.addCommand(parseGuid(commandId) as Guid, commandId, body.arguments);
    return { body: { kind: 'commandAccepted', commandId } };
  }

  #create(body: Extract<RequestBody, { kind: 'create' }>, caller: Caller): ServiceAnswer {
    const { registry, maxShellsPerUser, idleTimeoutMs } = this.#options;
    if (registry.ofOwner(caller.user) >= maxShellsPerUser) {
      registry.counts.refused += 1;
      throw tooManyShells(maxShellsPerUser);
    }
    const asked = body.shellId === '' ? randomUUID().toUpperCase() : upperGuid(body.shellId);
    if (asked === undefined) throw invalidParameter(`The ShellId "${body.shellId.slice(0, 100)}" is not a GUID.`);
    const pool = new ServerRunspacePool({
      maxProtocolVersion: this.#options.maxProtocolVersion,
      applicationPrivateData: privateData(),
      limits: poolLimits,
    });
    const events = pool.receive('pool', body.creation);
    const violation = events.find((event) => event.kind === 'protocolViolation');
    if (violation?.kind === 'protocolViolation')
      throw internalError(`The creationXml could not be read: ${violation.error.message}`);
    const isOld = pool.protocolVersion === '2.1';
    const id = isOld ? randomUUID().toUpperCase() : asked;
    if (registry.find(id) !== undefined) throw invalidParameter(`A shell of the ShellId ${id} exists.`);
    const cookie = isOld ? undefined : affinityCookie();
    const level: SerializationLevel = {
      level: caller.query.get('serializationLevel')?.toLowerCase() === 'full' ? 'full' : 'partial',
      projectedValues: this.#options.projectedValues,
    };
    const shell = new Shell({
      id,
      owner: caller.user,
      cookie,
      pool,
      context: this.#options.context,
      globalCatalog: this.#options.chooseCatalog?.(),
      level,
      latencyMs: this.#options.latencyMs,
      fillMs: this.#options.fillMs,
      // A client may ask for less than the server grants, not for more.
      idleTimeoutMs: Math.min(body.idleTimeoutMs ?? idleTimeoutMs, idleTimeoutMs),
      log: this.#options.log,
      asksNullHosts: this.#options.asksNullHosts,
    });
    shell.adopt(events);
    if (shell.wantsOpening) this.#open(pool, caller);
    registry.add(shell);
    this.#options.log('Information', `shell ${id} of ${caller.user} opened`);
    return {
      body: {
        kind: 'created',
        shellId: id,
        address: caller.url,
        resourceUri,
        shell: isOld ? undefined : this.#facts(shell, caller),
      },
      setCookie: cookie === undefined ? undefined : formatCookie(cookie),
    };
  }

  /** Opens the pool, or breaks it with the words that Exchange has for a spent budget and for an account without roles. */
  #open(pool: ServerRunspacePool, caller: Caller): void {
    const refusal = this.#refusalOf(caller);
    if (refusal === undefined) pool.openPool();
    else pool.breakPool(refusalRecord(refusal, this.#options.context.serverName));
  }

  #refusalOf(caller: Caller): PoolRefusal | undefined {
    const { registry, runspaceBudget } = this.#options;
    if (caller.faults?.poolRefusal !== undefined) return caller.faults.poolRefusal;
    if (this.#options.withoutRoles.includes(caller.user)) return withoutRoles(caller.user);
    const wait = registry.takeFromBudget(caller.user, runspaceBudget, Date.now());
    return wait === 0 ? undefined : budgetSpent(wait);
  }

  #facts(shell: Shell, caller: Caller) {
    return {
      owner: shell.owner,
      clientIp: caller.address,
      processId: String(process.pid),
      idleTimeoutMs: shell.idleTimeoutMs,
      maxIdleTimeoutMs: this.#options.idleTimeoutMs,
      bufferMode: 'Block',
      state: 'Connected',
    };
  }
}

/** APPLICATION_PRIVATE_DATA: the version table of Windows PowerShell 5.1, and what Exchange adds. */
function privateData(): PsValue {
  const version = (value: string): PsValue => ({ kind: 'Version', value });
  const dictionary = (content: Readonly<Record<string, PsValue>>): PsValue => ({
    ...psHashtable(content),
    typeNames: ['System.Management.Automation.PSPrimitiveDictionary', 'System.Collections.Hashtable', 'System.Object'],
  });
  const table = dictionary({
    PSVersion: version('5.1.17763.5830'),
    PSEdition: psString('Desktop'),
    PSCompatibleVersions: psObject({
      typeNames: ['System.Version[]', 'System.Array', 'System.Object'],
      base: { kind: 'LST', items: ['1.0', '2.0', '3.0', '4.0', '5.0', '5.1.17763.5830'].map(version) },
    }),
    CLRVersion: version('4.0.30319.42000'),
    BuildVersion: version('10.0.17763.5830'),
    WSManStackVersion: version('3.0'),
    PSRemotingProtocolVersion: version('2.3'),
    SerializationVersion: version('1.1.0.1'),
  });
  return dictionary({
    PSVersionTable: table,
    ImplicitRemoting: dictionary({ Hash: psInt32(-1_404_318_617) }),
    SupportedVersions: psString('15.1.2507.6'),
  });
}
