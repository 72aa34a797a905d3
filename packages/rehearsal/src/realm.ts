/*
 * A real MIT KDC for tests and demonstrations: its own database, its own configuration, on a loopback port, run by
 * whoever runs this, root or not.
 *
 * A program that is to use a realm is started with `realm.environment`, or sets it in its own `process.env` before its
 * first GSSAPI call. MIT looks at the environment anew in each call, so one process can go from realm to realm by setting
 * it again while no call is under way; to use two at a time, start a child for each.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { RehearsalError } from './errors.ts';
import { runProgram } from './program-run.ts';
import { findRealmPrograms, type RealmProgram } from './realm-programs.ts';

export const AES_SHA1 = 'aes256-cts-hmac-sha1-96';
export const AES_SHA2 = 'aes256-cts-hmac-sha384-192';

export interface RealmPrincipal {
  /** `alice`, `HTTP/mail.example.test`; an @ inside is written `\@`. */
  readonly name: string;
  /** Without one the key is random. */
  readonly password?: string;
  /** Writes the keys to a keytab of this name in the folder; the random or the given key stays as it is. */
  readonly keytab?: string;
  /** Encryption types of its keys; default those of the realm. */
  readonly enctypes?: readonly string[];
  /** Longest life of its tickets, as kadmin takes it: `10 minutes`. */
  readonly maxLife?: string;
  /** Further arguments of kadmin's add_principal: `-expire yesterday`, `-allow_tix`. */
  readonly attributes?: string;
}

export interface RealmOptions {
  /** An empty or new folder; everything of the realm lies in it. */
  readonly folder: string;
  /** Default EXAMPLE.TEST. */
  readonly realm?: string;
  readonly principals: readonly RealmPrincipal[];
  /** Encryption types of keys and tickets; default both of AES-256. */
  readonly enctypes?: readonly string[];
  /** Lines for [libdefaults] of krb5.conf: `{ kdc_timesync: '0' }`. */
  readonly libdefaults?: Readonly<Record<string, string>>;
  /** Further realms in krb5.conf with the addresses of their KDCs: `{ 'DEAD.TEST': ['127.0.0.1:9'] }`. */
  readonly otherRealms?: Readonly<Record<string, readonly string[]>>;
}

export interface TicketRequest {
  readonly principal: string;
  /** One of the two. */
  readonly password?: string;
  readonly keytab?: string;
  /** As kinit takes it: `10m`. Default 10 hours. */
  readonly lifetime?: string;
  /** File of the ticket cache; default a new one in the folder. */
  readonly cache?: string;
}

/** A realm that runs. */
export interface Realm {
  readonly name: string;
  readonly folder: string;
  /** `127.0.0.1:port` of the KDC, UDP and TCP. */
  readonly kdcAddress: string;
  /** Path of krb5.conf. */
  readonly configuration: string;
  /** Path of the ticket cache that `environment` names; empty until `kinit` fills it. */
  readonly defaultCache: string;
  /** KRB5_CONFIG, KRB5CCNAME and KRB5_KDC_PROFILE, to be laid over the environment of a child. */
  readonly environment: Readonly<Record<string, string>>;
  /** Path of a keytab that a principal asked for. */
  keytab(name: string): string;
  /** Gets a ticket with the real kinit; gives the path of the cache. */
  kinit(request: TicketRequest): Promise<string>;
  /** Runs commands of kadmin.local (`cpw -pw new alice`); gives what it printed. */
  administer(commands: readonly string[]): Promise<string>;
  /** Ends the KDC; the folder stays. */
  stop(): Promise<void>;
}

/**
 * Makes a realm and starts its KDC.
 * @throws RehearsalError REHEARSAL_PROGRAM_MISSING where the KDC is not installed (findRealmPrograms asks without
 *   throwing), REHEARSAL_REALM_FAILED where it does not start.
 */
export async function startRealm(options: RealmOptions): Promise<Realm> {
  const programs = findRealmPrograms();
  if (programs.kind === 'missing') {
    const what = programs.programs.join(', ');
    throw new RehearsalError(
      'REHEARSAL_PROGRAM_MISSING',
      `starting a realm: not installed: ${what}. To get them: ${programs.mend}`,
    );
  }
  const name = options.realm ?? 'EXAMPLE.TEST';
  await mkdir(options.folder, { recursive: true });
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const layout = layoutOf(options, name, port);
    await writeConfiguration(options, layout);
    if (attempt === 1) await createDatabase(options, layout, programs.paths);
    const kdc = await startKdc(layout, programs.paths);
    if (kdc.kind === 'running') return realmOf(layout, programs.paths, kdc.process);
    if (attempt === 5)
      throw new RehearsalError('REHEARSAL_REALM_FAILED', `starting the KDC of ${name} on port ${port}: ${kdc.words}`);
  }
}

interface Layout {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  readonly configuration: string;
  readonly profile: string;
  readonly defaultCache: string;
  readonly environment: Readonly<Record<string, string>>;
}

function layoutOf(options: RealmOptions, name: string, port: number): Layout {
  const configuration = join(options.folder, 'krb5.conf');
  const profile = join(options.folder, 'kdc.conf');
  const defaultCache = join(options.folder, 'tickets');
  const environment = { KRB5_CONFIG: configuration, KRB5_KDC_PROFILE: profile, KRB5CCNAME: `FILE:${defaultCache}` };
  return { name, folder: options.folder, port, configuration, profile, defaultCache, environment };
}

async function writeConfiguration(options: RealmOptions, layout: Layout): Promise<void> {
  const enctypes = (options.enctypes ?? [AES_SHA1, AES_SHA2]).join(' ');
  const defaults: Record<string, string> = {
    default_realm: layout.name,
    dns_lookup_kdc: 'false',
    dns_lookup_realm: 'false',
    dns_canonicalize_hostname: 'false',
    rdns: 'false',
    qualify_shortname: '""',
    permitted_enctypes: enctypes,
    ...options.libdefaults,
  };
  const realms = { [layout.name]: [`127.0.0.1:${layout.port}`], ...options.otherRealms };
  const realmLines = Object.entries(realms).flatMap(([realm, addresses]) => [
    `  ${realm} = {`,
    ...addresses.map((address) => `    kdc = ${address}`),
    '  }',
  ]);
  const lines = [
    '[libdefaults]',
    ...Object.entries(defaults).map(([key, value]) => `  ${key} = ${value}`),
    '[realms]',
    ...realmLines,
  ];
  await writeFile(layout.configuration, `${lines.join('\n')}\n`);
  const kdc = [
    '[kdcdefaults]',
    `  kdc_listen = 127.0.0.1:${layout.port}`,
    `  kdc_tcp_listen = 127.0.0.1:${layout.port}`,
    '[realms]',
    `  ${layout.name} = {`,
    `    database_name = ${join(layout.folder, 'principal')}`,
    `    key_stash_file = ${join(layout.folder, 'stash')}`,
    `    acl_file = ${join(layout.folder, 'kadm5.acl')}`,
    '    max_life = 10h 0m 0s',
    '    max_renewable_life = 7d 0h 0m 0s',
    `    supported_enctypes = ${enctypes
      .split(' ')
      .map((type) => `${type}:normal`)
      .join(' ')}`,
    '  }',
    '[logging]',
    `  kdc = FILE:${join(layout.folder, 'kdc.log')}`,
    `  admin_server = FILE:${join(layout.folder, 'kadmin.log')}`,
  ];
  await writeFile(layout.profile, `${kdc.join('\n')}\n`);
}

async function createDatabase(
  options: RealmOptions,
  layout: Layout,
  paths: Record<RealmProgram, string>,
): Promise<void> {
  for (const leftover of ['principal', 'principal.ok', 'principal.kadm5', 'principal.kadm5.lock', 'stash']) {
    await rm(join(layout.folder, leftover), { force: true });
  }
  const env = environmentOf(layout);
  await runProgram(paths.kdb5_util, ['create', '-s', '-r', layout.name, '-P', 'master-key-of-a-rehearsal'], { env });
  const commands = options.principals.flatMap((principal) => commandsFor(principal, layout));
  await administer(layout, paths, commands);
}

function commandsFor(principal: RealmPrincipal, layout: Layout): string[] {
  const key = principal.password === undefined ? '-randkey' : `-pw ${quoted(principal.password)}`;
  const types =
    principal.enctypes === undefined
      ? ''
      : ` -e ${quoted(principal.enctypes.map((type) => `${type}:normal`).join(','))}`;
  const life = principal.maxLife === undefined ? '' : ` -maxlife ${quoted(principal.maxLife)}`;
  const attributes = principal.attributes === undefined ? '' : ` ${principal.attributes}`;
  const add = `add_principal${types}${life}${attributes} ${key} ${quoted(principal.name)}`;
  if (principal.keytab === undefined) return [add];
  return [add, `ktadd -k ${quoted(join(layout.folder, principal.keytab))} -norandkey ${quoted(principal.name)}`];
}

/** kadmin's own quoting: double quotes, an inner one doubled. */
function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

async function administer(
  layout: Layout,
  paths: Record<RealmProgram, string>,
  commands: readonly string[],
): Promise<string> {
  const run = { env: environmentOf(layout), input: `${commands.join('\n')}\n` };
  const { output, errors } = await runProgram(paths['kadmin.local'], ['-r', layout.name], run);
  // It ends with 0 whatever its commands came to; only these lines tell.
  const failures = errors.split('\n').filter((line) => /^[\w.]+: /.test(line) && !line.startsWith('WARNING:'));
  if (failures.length === 0) return output;
  throw new RehearsalError(
    'REHEARSAL_PROGRAM_FAILED',
    `administering the realm ${layout.name}: ${failures.join('; ')}`,
  );
}

function environmentOf(layout: Layout): NodeJS.ProcessEnv {
  return { ...process.env, ...layout.environment };
}

type KdcStart =
  | { readonly kind: 'running'; readonly process: ChildProcess }
  | { readonly kind: 'failed'; readonly words: string };

/**
 * The KDC's standard input is a pipe from this process, and a shell beside it waits for the pipe's end: however this
 * process dies, the KDC goes with it.
 */
const GUARD =
  'exec 3<&0; "$@" 3<&- </dev/null & kdc=$!; { read -r _ <&3; kill $kdc; } >/dev/null 2>&1 & exec 3<&-; wait $kdc';

async function startKdc(layout: Layout, paths: Record<RealmProgram, string>): Promise<KdcStart> {
  const child = spawn('/bin/sh', ['-c', GUARD, 'realm', paths.krb5kdc, '-n', '-r', layout.name], {
    env: environmentOf(layout),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined);
  let words = '';
  const ready = new Promise<boolean>((resolve) => {
    const listen = (text: string): void => {
      words += text;
      // Printed once the sockets are bound.
      if (/starting\.\.\./.test(words)) resolve(true);
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
    // The guard's reader ends with its pipe, and 'close' comes after all that was said.
    child.once('exit', () => child.stdin.destroy());
    child.once('close', () => resolve(false));
    child.once('error', (error) => {
      words += String(error);
      resolve(false);
    });
  });
  if (await ready) {
    // The KDC must not keep the process of a test that is done from ending.
    child.unref();
    for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as unknown as { unref(): void }).unref();
    return { kind: 'running', process: child };
  }
  return { kind: 'failed', words: words.trim() || `it ended without a word; see ${join(layout.folder, 'kdc.log')}` };
}

function realmOf(layout: Layout, paths: Record<RealmProgram, string>, kdc: ChildProcess): Realm {
  let caches = 0;
  return {
    name: layout.name,
    folder: layout.folder,
    kdcAddress: `127.0.0.1:${layout.port}`,
    configuration: layout.configuration,
    defaultCache: layout.defaultCache,
    environment: layout.environment,
    keytab: (name) => join(layout.folder, name),
    administer: (commands) => administer(layout, paths, commands),
    async kinit(request) {
      caches += 1;
      const cache = request.cache ?? join(layout.folder, `tickets-${caches}`);
      const life = request.lifetime === undefined ? [] : ['-l', request.lifetime];
      const from = request.keytab === undefined ? [] : ['-k', '-t', request.keytab];
      const args = ['-c', `FILE:${cache}`, ...life, ...from, request.principal];
      const input = request.password === undefined ? '' : `${request.password}\n`;
      await runProgram(paths.kinit, args, { env: environmentOf(layout), input });
      return cache;
    },
    async stop() {
      if (kdc.exitCode !== null || kdc.signalCode !== null) return;
      kdc.ref();
      const ended = once(kdc, 'exit');
      kdc.stdin?.end();
      await ended;
    },
  };
}

/** A loopback port that is free for TCP and for UDP. */
async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const free = await udpIsFree(port);
    server.close();
    await once(server, 'close');
    if (free) return port;
  }
}

async function udpIsFree(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}
