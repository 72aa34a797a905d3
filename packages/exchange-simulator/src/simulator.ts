/* Puts a simulator together and starts it. */
import type { SecurityMechanism } from '@exchange-connector/gssapi';
import { availableCmdlets } from './cmdlets/catalogue.ts';
import { SimulatorError } from './errors.ts';
import type { FaultHost } from './faults/fault-player.ts';
import { Faults, type MessageCounts, noCounts } from './faults/faults.ts';
import { parseFaultScript } from './faults/parse-fault-script.ts';
import type { LogLine } from './log.ts';
import { createTestOrganization, organizationBehind, type TestOrganization } from './organization/control.ts';
import type { Organization } from './organization/organization.ts';
import type { MoveTiming } from './organization/move-requests.ts';
import { EverydayLife } from './organization/random-change.ts';
import { mailboxShape } from './serialization/mailbox-shape.ts';
import { Authenticator } from './wire/authentication.ts';
import { createHttpServer } from './wire/http-server.ts';
import { Listener } from './wire/listener.ts';
import { listenOnPipe } from './wire/pipe-server.ts';
import { Service } from './wire/service.ts';
import { ShellRegistry, type SimulatorFacts } from './wire/shell-registry.ts';

/** How a simulator is to be. Whatever is left out has the default of the program. */
export interface SimulatorOptions {
  /** TCP port on 127.0.0.1; 0 or left out takes a free one. */
  readonly port?: number;
  /** The name in the URL; the Kerberos service principal is `HTTP/<host>`. Default `localhost`. */
  readonly host?: string;
  /** Mailboxes over both domains, hidden ones included; default 3000. */
  readonly mailboxes?: number;
  /** Mailbox databases; default 6. */
  readonly databases?: number;
  /** Copies of each database, the active one included, from 1 (default) to 3. */
  readonly databaseCopies?: number;
  /** Seed of the organisation; default 1. */
  readonly seed?: number;
  /** Accounts without a mailbox; default 40. */
  readonly users?: number;
  /** Serves this organisation, from `createTestOrganization`; the four numbers above then do not count. */
  readonly organization?: TestOrganization;
  /** Milliseconds that the server spends on each object; default 0. */
  readonly latencyMs?: number;
  /** Milliseconds that an answer with something in it may go on being filled, up to its size; default 50. */
  readonly fillMs?: number;
  /** Kerberos and Negotiate with the keys of a keytab; bodies are sealed on plain HTTP. */
  readonly kerberos?: { readonly mechanism: SecurityMechanism; readonly keytab: string };
  /** Basic with this account. */
  readonly basic?: { readonly login: string; readonly password: string };
  /** PEM of the certificate (chain) and its key: then `https`. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Cmdlets (`Set-ADServerSettings`) and parameters (`Get-MailboxDatabase:Status`) that the account lacks. */
  readonly without?: readonly string[];
  /** The management roles of the account, as `Mail Recipients`; default: all cmdlets. */
  readonly roles?: readonly string[];
  /** Sends questions (PromptForChoice) even to a client that says it has no host; default: they fail at once. */
  readonly asksNullHosts?: boolean;
  /** How long moves of mailboxes take, on the organisation's clock; default 5 s in the queue, 55 s copying. */
  readonly moveTiming?: MoveTiming;
  /** Properties that mailboxes lack, as on an older Exchange. */
  readonly missingProperties?: readonly string[];
  /** The latest PSRP version spoken; `2.1` behaves as a server of Exchange 2010's time. Default `2.3`. */
  readonly protocolVersion?: '2.1' | '2.2' | '2.3';
  /** Form of values in objects of Select-Object: text as in whole objects (default), or objects one level deeper. */
  readonly projectedValues?: 'flat' | 'objects';
  /** Zone of dates in filters that name none; default `server`. */
  readonly filterDates?: 'utc' | 'server';
  /** Concurrent shells of one user; default 18. */
  readonly maxShellsPerUser?: number;
  /** Runspaces a user may open in a period; default unlimited. */
  readonly runspaceBudget?: { readonly runspaces: number; readonly periodSeconds: number };
  /** Users (as authenticated) without any management role. */
  readonly withoutRoles?: readonly string[];
  /** Milliseconds without a request after which a shell ends; default 900,000. */
  readonly idleTimeoutMs?: number;
  /** Milliseconds without a request after which a connection is closed; default 120,000, as Exchange's front end has it. */
  readonly keepAliveTimeoutMs?: number;
  /** Also (or only) serves PSRP on this pipe, in the out-of-process framing: a socket `CoreFxPipe_<name>` in the temporary folder. */
  readonly pipe?: string;
  /** What goes wrong, and when: a fault script (docs/faults.md). Over HTTP only. */
  readonly fault?: string;
  /** Each further shell reads from another global catalog than the one before, where it is not pinned. */
  readonly spreadsShells?: boolean;
  /** What the Date header of answers says, `undefined` for none; default the organisation's clock. Over HTTP only. */
  readonly serverClock?: () => Date | undefined;
  /** Takes lines of the log; default: errors to standard error. */
  readonly log?: LogLine;
}

/** A running simulator. */
export interface Simulator {
  /** `http://localhost:34567/PowerShell/`; `pipe:NAME` where there is a pipe only. */
  readonly url: string;
  /** 0 where there is a pipe only. */
  readonly port: number;
  /** The organisation: what it truly is, its clock, and changes to it while it is served. */
  readonly organization: TestOrganization;
  /** What has happened so far. */
  readonly facts: SimulatorFacts;
  /** Requests by kind and bytes of answers since the start: every message boundary of a run can be counted off. */
  readonly counts: MessageCounts;
  /** A line for each fault that has fired since the script was set. */
  readonly firedFaults: readonly string[];
  /**
   * Plays another fault script from now on (its numbers count from here), or none.
   * @throws SimulatorError SIMULATOR_FAULT_SCRIPT_INVALID
   */
  setFault(script: string | undefined): void;
  /** Ends all shells and connections. */
  close(): Promise<void>;
}

function requireCount(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new SimulatorError(
    'SIMULATOR_OPTION_INVALID',
    `starting the simulator: ${name} is ${value}; allowed are whole numbers from ${least} to ${most}`,
  );
}

function logOf(options: SimulatorOptions): LogLine {
  return (
    options.log ??
    ((level, message) => void (level === 'Error' && process.stderr.write(`exchange-simulator: ${message}\n`)))
  );
}

function catalogsOf({ controllers }: Organization): string[] {
  return controllers.filter(({ isGlobalCatalog }) => isGlobalCatalog).map(({ name }) => name);
}

function inTurn(names: readonly string[]): () => string | undefined {
  let next = 0;
  return () => names[next++ % names.length];
}

function createService(options: SimulatorOptions, organization: Organization, registry: ShellRegistry): Service {
  return new Service({
    registry,
    context: {
      organization,
      shapes: { mailbox: mailboxShape(new Set(options.missingProperties)) },
      serverName: 'EX01',
      available: availableCmdlets(options.without, options.roles),
      filterDates: options.filterDates ?? 'server',
    },
    maxProtocolVersion: options.protocolVersion ?? '2.3',
    latencyMs: requireCount('latency-ms', options.latencyMs ?? 0, 0, 60_000),
    fillMs: options.fillMs ?? 50,
    projectedValues: options.projectedValues ?? 'flat',
    maxShellsPerUser: options.maxShellsPerUser ?? 18,
    runspaceBudget: options.runspaceBudget,
    withoutRoles: options.withoutRoles ?? [],
    idleTimeoutMs: options.idleTimeoutMs ?? 900_000,
    log: logOf(options),
    asksNullHosts: options.asksNullHosts ?? false,
    chooseCatalog: options.spreadsShells === true ? inTurn(catalogsOf(organization)) : undefined,
  });
}

interface Endpoint {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** What a fault script can do to this simulator as a whole. */
function faultHost(
  registry: ShellRegistry,
  log: LogLine,
  control: TestOrganization,
  listener: () => Listener | undefined,
): FaultHost {
  const life = new EverydayLife(organizationBehind(control), control);
  return {
    die: (comeBackAfterMs) => {
      listener()?.die(comeBackAfterMs);
      registry.restart();
    },
    disconnect: () => listener()?.disconnect(),
    forget: (shellId) => registry.forget(shellId),
    lag: (domainController, ms) => {
      try {
        control.setReplicationLag(domainController, ms);
      } catch (error) {
        log('Warning', `fault: ${(error as Error).message}`);
      }
    },
    change: (change, count) => {
      for (let made = 0; made < count; made += 1)
        if (!life.make(change)) log('Warning', `fault: ${change}: no mailbox is left to change`);
    },
  };
}

async function listenOnHttp(
  options: SimulatorOptions,
  control: TestOrganization,
  service: Service,
  registry: ShellRegistry,
): Promise<Endpoint & { readonly faults: Faults }> {
  const authenticator = new Authenticator({ kerberos: options.kerberos, basic: options.basic });
  const log = logOf(options);
  let url = '';
  let listener: Listener | undefined;
  const faults = new Faults({
    host: faultHost(registry, log, control, () => listener),
    tell: (line) => log('Warning', `fault: ${line}`),
  });
  const server = createHttpServer({
    authenticator,
    service,
    registry,
    faults,
    tls: options.tls,
    keepAliveTimeoutMs: options.keepAliveTimeoutMs ?? 120_000,
    serverName: 'EX01',
    now: options.serverClock ?? (() => control.clock.now()),
    baseUrl: () => url,
    log,
  });
  listener = new Listener(server, log);
  const port = await listener.listen(options.port ?? 0);
  url = `${options.tls === undefined ? 'http' : 'https'}://${options.host ?? 'localhost'}:${port}/PowerShell/`;
  faults.set(options.fault);
  const close = async (): Promise<void> => {
    faults.stop();
    await listener.close();
  };
  return { url, port, faults, close };
}

async function listenOnThePipe(name: string, service: Service): Promise<Endpoint> {
  const server = await listenOnPipe(name, (pool) => service.makeLocalShell(pool));
  const listener = new Listener(server, () => {});
  return { url: `pipe:${name}`, port: 0, close: () => listener.close() };
}

function onlyOverHttp(): SimulatorError {
  return new SimulatorError(
    'SIMULATOR_OPTION_INVALID',
    'setting a fault script: faults are played over HTTP, and this simulator has a pipe only; give it Kerberos or a login',
  );
}

/**
 * Starts a simulator on 127.0.0.1.
 * @throws SimulatorError SIMULATOR_OPTION_INVALID, SIMULATOR_FAULT_SCRIPT_INVALID, SIMULATOR_LISTEN_FAILED
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const hasHttp = options.kerberos !== undefined || options.basic !== undefined;
  if (!hasHttp && options.pipe === undefined) {
    throw new SimulatorError(
      'SIMULATOR_OPTION_INVALID',
      'starting the simulator: there is neither a keytab for Kerberos nor a login for Basic nor a pipe; give one of them',
    );
  }
  if (options.fault !== undefined) {
    parseFaultScript(options.fault);
    if (!hasHttp) throw onlyOverHttp();
  }
  const control = options.organization ?? createTestOrganization(options);
  const organization = organizationBehind(control);
  const registry = new ShellRegistry();
  const service = createService(options, organization, registry);
  const endpoints: Endpoint[] = [];
  let faults: Faults | undefined;
  try {
    if (hasHttp) {
      const http = await listenOnHttp(options, control, service, registry);
      endpoints.push(http);
      faults = http.faults;
    }
    if (options.pipe !== undefined) endpoints.push(await listenOnThePipe(options.pipe, service));
  } catch (error) {
    for (const endpoint of endpoints) await endpoint.close();
    throw error;
  }
  const { url, port } = endpoints[0] as Endpoint;
  return {
    url,
    port,
    organization: control,
    get facts() {
      return registry.facts;
    },
    get counts() {
      return faults?.counts ?? noCounts;
    },
    get firedFaults() {
      return faults?.fired ?? [];
    },
    setFault: (script) => {
      if (faults === undefined) throw onlyOverHttp();
      faults.set(script);
    },
    close: async () => {
      registry.closeAll();
      for (const endpoint of endpoints) await endpoint.close();
    },
  };
}
