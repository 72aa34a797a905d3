/* Puts a simulator together and starts it. */
import type { SecurityMechanism } from '@exchange-connector/gssapi';
import type { AddressInfo, Server, Socket } from 'node:net';
import { availableCmdlets } from './cmdlets/catalogue.ts';
import { SimulatorError } from './errors.ts';
import type { LogLine } from './log.ts';
import { Organization } from './organization/organization.ts';
import { truthOf, type TruthValue } from './organization/truth.ts';
import { mailboxShape } from './serialization/mailbox-shape.ts';
import { Authenticator } from './wire/authentication.ts';
import { createHttpServer } from './wire/http-server.ts';
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
  /** Seed of the organisation; default 1. */
  readonly seed?: number;
  /** Milliseconds that the server spends on each object; default 0. */
  readonly latencyMs?: number;
  /** Kerberos and Negotiate with the keys of a keytab; bodies are sealed on plain HTTP. */
  readonly kerberos?: { readonly mechanism: SecurityMechanism; readonly keytab: string };
  /** Basic with this account. */
  readonly basic?: { readonly login: string; readonly password: string };
  /** PEM of the certificate (chain) and its key: then `https`. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Cmdlets (`Set-ADServerSettings`) and parameters (`Get-MailboxDatabase:Status`) that the account lacks. */
  readonly without?: readonly string[];
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
  /** Takes lines of the log; default: errors to standard error. */
  readonly log?: LogLine;
}

/** What the organisation holds, for comparison: nothing of it has been on the wire. */
export interface OrganizationTruth {
  readonly mailboxCount: number;
  readonly databases: readonly {
    readonly name: string;
    readonly guid: string;
    readonly server: string;
    readonly mounted: boolean;
  }[];
  readonly domains: readonly string[];
  /**
   * The 44 properties of mailbox `index` (from 0) by name: text (GUIDs in lower case, times in UTC with `Z`,
   * sizes as Exchange writes them), Booleans, null, or lists of text in the directory's order.
   */
  mailbox(index: number): Readonly<Record<string, TruthValue>>;
  /** Where mailbox `index` lies and what shows it: its domain, and the switch of Get-Mailbox that it needs, if any. */
  placeOf(index: number): { readonly domain: string; readonly hiddenBehind: string | undefined };
}

/** A running simulator. */
export interface Simulator {
  /** `http://localhost:34567/PowerShell/`; `pipe:NAME` where there is a pipe only. */
  readonly url: string;
  /** 0 where there is a pipe only. */
  readonly port: number;
  readonly organization: OrganizationTruth;
  /** What has happened so far. */
  readonly facts: SimulatorFacts;
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

function truth(organization: Organization): OrganizationTruth {
  return {
    mailboxCount: organization.mailboxCount,
    databases: organization.databases.map(({ name, guid, server, mounted }) => ({
      name,
      guid,
      server: server.name,
      mounted,
    })),
    domains: organization.domains.map((domain) => domain.name),
    mailbox: (index) => truthOf(organization.mailbox(index)),
    placeOf: (index) => {
      const mailbox = organization.mailbox(index);
      return { domain: mailbox.domain.name, hiddenBehind: mailbox.hiddenBehind };
    },
  };
}

/** Checks the numbers and makes the organisation. */
export function createOrganization(options: SimulatorOptions): Organization {
  return new Organization({
    mailboxes: requireCount('mailboxes', options.mailboxes ?? 3000, 0, 10_000_000),
    databases: requireCount('databases', options.databases ?? 6, 1, 10_000),
    seed: requireCount('seed', options.seed ?? 1, 0, 2_147_483_647),
  });
}

function logOf(options: SimulatorOptions): LogLine {
  return (
    options.log ??
    ((level, message) => void (level === 'Error' && process.stderr.write(`exchange-simulator: ${message}\n`)))
  );
}

function createService(options: SimulatorOptions, organization: Organization, registry: ShellRegistry): Service {
  return new Service({
    registry,
    context: {
      organization,
      shapes: { mailbox: mailboxShape(new Set(options.missingProperties)) },
      serverName: 'EX01',
      available: availableCmdlets(options.without),
      filterDates: options.filterDates ?? 'server',
    },
    maxProtocolVersion: options.protocolVersion ?? '2.3',
    latencyMs: requireCount('latency-ms', options.latencyMs ?? 0, 0, 60_000),
    projectedValues: options.projectedValues ?? 'flat',
    maxShellsPerUser: options.maxShellsPerUser ?? 18,
    runspaceBudget: options.runspaceBudget,
    withoutRoles: options.withoutRoles ?? [],
    idleTimeoutMs: options.idleTimeoutMs ?? 900_000,
    log: logOf(options),
  });
}

interface Listener {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Ends a server and all its connections when told. */
function closer(server: Server): () => Promise<void> {
  const connections = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
  });
  return async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of connections) socket.destroy();
    await closed;
  };
}

async function listenOnHttp(options: SimulatorOptions, service: Service, registry: ShellRegistry): Promise<Listener> {
  const authenticator = new Authenticator({ kerberos: options.kerberos, basic: options.basic });
  let url = '';
  const server = createHttpServer({
    authenticator,
    service,
    registry,
    tls: options.tls,
    keepAliveTimeoutMs: options.keepAliveTimeoutMs ?? 120_000,
    serverName: 'EX01',
    baseUrl: () => url,
    log: logOf(options),
  });
  const close = closer(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new SimulatorError(
          'SIMULATOR_LISTEN_FAILED',
          `starting the simulator: listening on 127.0.0.1 port ${options.port ?? 0}: ${cause.message}; choose another port with --port`,
          { cause },
        ),
      );
    });
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  url = `${options.tls === undefined ? 'http' : 'https'}://${options.host ?? 'localhost'}:${port}/PowerShell/`;
  return { url, port, close };
}

async function listenOnThePipe(name: string, service: Service): Promise<Listener> {
  const server = await listenOnPipe(name, (pool) => service.makeLocalShell(pool));
  return { url: `pipe:${name}`, port: 0, close: closer(server) };
}

/**
 * Starts a simulator on 127.0.0.1.
 * @throws SimulatorError SIMULATOR_OPTION_INVALID, SIMULATOR_LISTEN_FAILED
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const hasHttp = options.kerberos !== undefined || options.basic !== undefined;
  if (!hasHttp && options.pipe === undefined) {
    throw new SimulatorError(
      'SIMULATOR_OPTION_INVALID',
      'starting the simulator: there is neither a keytab for Kerberos nor a login for Basic nor a pipe; give one of them',
    );
  }
  const organization = createOrganization(options);
  const registry = new ShellRegistry();
  const service = createService(options, organization, registry);
  const listeners: Listener[] = [];
  try {
    if (hasHttp) listeners.push(await listenOnHttp(options, service, registry));
    if (options.pipe !== undefined) listeners.push(await listenOnThePipe(options.pipe, service));
  } catch (error) {
    for (const listener of listeners) await listener.close();
    throw error;
  }
  const { url, port } = listeners[0] as Listener;
  return {
    url,
    port,
    organization: truth(organization),
    get facts() {
      return registry.facts;
    },
    close: async () => {
      registry.closeAll();
      for (const listener of listeners) await listener.close();
    },
  };
}
