/*
 * The demonstration behind `npm start`: a made-up organisation in the simulator, exported through the ordinary path
 * by the ordinary program. Both programs run as processes of their own, with nothing between them but a loopback port:
 *
 *   this process ── settings, certificate or realm ──► demo/
 *     ├── exchange-simulator … (its first line is the URL)
 *     └── exchange-connector export --settings demo/settings ──► demo/Temp/ExportOutput
 *
 * What it says itself goes to standard error; the connector's result ends standard output.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Interrupt, onInterrupt, startProgram, tellInterrupt } from '@exchange-connector/launcher';
import { makeCertificate } from './certificate.ts';
import { startRealm } from './realm.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const simulatorFile = join(root, 'packages', 'exchange-simulator', 'bin', 'exchange-simulator.mjs');
const connectorFile = join(root, 'packages', 'cli', 'bin', 'exchange-connector.mjs');

/** The simulator is ready within a second; a machine under load gets a minute. */
const readyLimitMs = 60_000;
/** A simulator that does not end on SIGTERM within this is ended otherwise. */
const endLimitMs = 5_000;

const help = `npm start [-- OPTION …]
npm run start:kerberos [-- OPTION …]

Exports a made-up Exchange organisation through the ordinary path: over TLS with a login and password, or over
HTTP sealed by Kerberos with a KDC of its own.

  --mailboxes N   mailboxes of the organisation (default: 3000)
  --databases N   databases (default: 6)
  --seed N        the same seed gives the same organisation (default: 1)
  --folder DIR    where settings and files go (default: demo)
  --help          this text

Examples:
  npm start
  npm run start:kerberos -- --mailboxes 20000 --seed 7
`;

interface Plan {
  readonly kerberos: boolean;
  readonly folder: string;
  readonly organisation: { readonly mailboxes: string; readonly databases: string; readonly seed: string };
}

/** How one way of authenticating is set up: what both programs are given. */
interface Ground {
  readonly words: string;
  readonly simulatorParameters: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The connection's settings without `Server`. */
  readonly connection: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function wholeNumber(name: string, text: string): string {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} ${text}: allowed is a whole number`);
  return text;
}

function readPlan(parameters: readonly string[]): Plan | 'help' {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      kerberos: { type: 'boolean', default: false },
      mailboxes: { type: 'string', default: '3000' },
      databases: { type: 'string', default: '6' },
      seed: { type: 'string', default: '1' },
      folder: { type: 'string', default: join(root, 'demo') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const organisation = {
    mailboxes: wholeNumber('mailboxes', values.mailboxes),
    databases: wholeNumber('databases', values.databases),
    seed: wholeNumber('seed', values.seed),
  };
  return { kerberos: values.kerberos, folder: resolve(values.folder), organisation };
}

/** Basic over TLS: a certificate authority of one certificate, and a password that nobody knows. */
async function prepareBasic(folder: string): Promise<Ground> {
  const { files } = await makeCertificate({ hosts: ['localhost'], folder });
  if (files === undefined) throw new Error('the certificate was not written');
  return {
    words: 'Basic over TLS, with a certificate made for the occasion',
    simulatorParameters: ['--login', 'demo', '--tls-cert', files.certificate, '--tls-key', files.key],
    environment: { EXCHANGE_PASSWORD: randomBytes(18).toString('base64url') },
    connection: { AuthType: 'Basic', Login: 'demo', CaFile: '../ca.pem' },
    stop: async () => undefined,
  };
}

/** Kerberos over plain HTTP, every message sealed: a realm of two, with its own KDC. */
async function prepareKerberos(folder: string): Promise<Ground> {
  const host = 'mailbox01.example.test';
  const realmFolder = join(folder, 'realm');
  await rm(realmFolder, { recursive: true, force: true });
  const realm = await startRealm({
    folder: realmFolder,
    realm: 'EXAMPLE.TEST',
    principals: [
      { name: `HTTP/${host}`, keytab: 'server.keytab' },
      { name: 'connector', keytab: 'connector.keytab' },
    ],
  });
  return {
    words: `Kerberos over sealed HTTP, with a KDC of its own for the realm ${realm.name}`,
    simulatorParameters: ['--host', host, '--keytab', realm.keytab('server.keytab')],
    environment: realm.environment,
    connection: {
      AuthType: 'Kerberos',
      ConnectAddress: '127.0.0.1',
      Keytab: '../realm/connector.keytab',
      Principal: `connector@${realm.name}`,
    },
    stop: () => realm.stop(),
  };
}

/** Starts the simulator and waits for its first line, the URL. */
async function startSimulator(plan: Plan, ground: Ground): Promise<{ simulator: ChildProcess; url: string }> {
  const { mailboxes, databases, seed } = plan.organisation;
  const size = ['--mailboxes', mailboxes, '--databases', databases, '--seed', seed];
  const simulator = startProgram(simulatorFile, [...size, ...ground.simulatorParameters], {
    // A Ctrl-C is for the export first: it still has to close its shell here.
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...ground.environment },
  });
  const { stdout } = simulator;
  if (stdout === null) throw new Error('the simulator has no standard output');
  const url = await new Promise<string>((resolve, reject) => {
    const limit = setTimeout(
      () => reject(new Error(`the simulator named no address within ${readyLimitMs / 1000} s`)),
      readyLimitMs,
    );
    const settle = (act: () => void) => {
      clearTimeout(limit);
      act();
    };
    createInterface({ input: stdout }).once('line', (line) => settle(() => resolve(line)));
    simulator.once('error', (error) => settle(() => reject(error)));
    simulator.once('exit', (code, signal) =>
      settle(() => reject(new Error(`the simulator ended with ${code ?? signal} before it was ready`))),
    );
  }).catch(async (error: unknown) => {
    await endProgram(simulator);
    throw error;
  });
  return { simulator, url };
}

async function writeSettings(folder: string, connection: Readonly<Record<string, string>>): Promise<string> {
  const settings = join(folder, 'settings');
  await mkdir(settings, { recursive: true });
  const write = (name: string, value: unknown) =>
    writeFile(join(settings, name), `${JSON.stringify(value, undefined, 2)}\n`);
  await write('appsettings.json', { TempFolderPath: '../Temp', WorkFolderPath: '../Work' });
  await write('appsettings.agent.json', { Connections: { MicrosoftExchangeExport: connection } });
  return settings;
}

/** Waits for a program's end; 128 + n for a signal, as a shell has it. */
function exitOf(program: ChildProcess): Promise<number> {
  if (program.exitCode !== null) return Promise.resolve(program.exitCode);
  return new Promise((resolve, reject) => {
    program.once('error', reject);
    program.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

async function endProgram(program: ChildProcess): Promise<void> {
  if (program.pid === undefined || program.exitCode !== null || program.signalCode !== null) return;
  const ended = exitOf(program);
  program.kill('SIGTERM');
  const limit = setTimeout(() => program.kill('SIGKILL'), endLimitMs);
  await ended;
  clearTimeout(limit);
}

/** What an interrupt reaches: the export, once it runs; before that, the next step does not begin. */
class Interruption {
  #export: ChildProcess | undefined;
  #seen: Interrupt['signal'] | undefined;

  readonly take = ({ signal }: Interrupt): void => {
    this.#seen = signal;
    if (this.#export !== undefined) tellInterrupt(this.#export, signal);
  };

  startExport(settings: string, environment: Readonly<Record<string, string>>): ChildProcess {
    this.#export = startProgram(connectorFile, ['export', '--complete', '--settings', settings], {
      env: { ...process.env, ...environment },
    });
    return this.#export;
  }

  get seen(): boolean {
    return this.#seen !== undefined;
  }
}

async function demonstrate(plan: Plan): Promise<number> {
  const interruption = new Interruption();
  const release = onInterrupt(interruption.take);
  await mkdir(plan.folder, { recursive: true });
  const ground = await (plan.kerberos ? prepareKerberos : prepareBasic)(plan.folder);
  let simulator: ChildProcess | undefined;
  try {
    if (interruption.seen) return 130;
    say(`Authentication: ${ground.words}.`);
    const started = await startSimulator(plan, ground);
    simulator = started.simulator;
    const { mailboxes, databases, seed } = plan.organisation;
    say(
      `A made-up organisation of ${mailboxes} mailboxes (a few of a kind that Get-Mailbox hides unless asked) and ${databases} databases, seed ${seed}, answers at ${started.url}`,
    );
    const settings = await writeSettings(plan.folder, { Server: started.url, ...ground.connection });
    say(`Settings: ${relative(process.cwd(), settings) || settings}. Now: exchange-connector export`);
    if (interruption.seen) return 130;
    return await exitOf(interruption.startExport(settings, ground.environment));
  } finally {
    if (simulator !== undefined) await endProgram(simulator);
    await ground.stop();
    release();
  }
}

async function run(): Promise<number> {
  let plan: Plan | 'help';
  try {
    plan = readPlan(process.argv.slice(2));
  } catch (error) {
    say(`error: ${(error as Error).message}\n\n${help}`);
    return 2;
  }
  if (plan === 'help') {
    process.stdout.write(help);
    return 0;
  }
  try {
    return await demonstrate(plan);
  } catch (error) {
    say(`error: the demonstration could not run: ${(error as Error).message}`);
    return 1;
  }
}

process.exitCode = await run();
