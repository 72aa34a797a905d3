import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

export const programFile = fileURLToPath(new URL('../bin/exchange-connector.mjs', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
}

export interface RunningProgram {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface ProgramOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** What standard input holds; default nothing. */
  readonly input?: string | Uint8Array;
}

/** Starts the real program as a process of its own, in a process group of its own as a shell does. */
export function startProgram(parameters: readonly string[], options: ProgramOptions = {}): RunningProgram {
  const { EXCHANGE_PASSWORD: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [programFile, ...parameters], {
    cwd: options.folder ?? tmpdir(),
    env: { ...inherited, ...options.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, output, errors }) as Ended);
  return { process: child, ended };
}

export function runProgram(parameters: readonly string[], options: ProgramOptions = {}): Promise<Ended> {
  return startProgram(parameters, options).ended;
}

/** A settings folder with one connection `Main`, gone after the test. */
export function makeSettings(context: TestContext, connections: object): string {
  const parent = mkdtempSync(join(tmpdir(), 'cli-'));
  context.after(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, 'settings');
  mkdirSync(folder);
  writeFileSync(join(folder, 'appsettings.agent.json'), JSON.stringify({ Connections: connections }));
  return folder;
}

export interface Peer {
  readonly port: number;
  /** How many connections were made. */
  readonly connections: () => number;
  /** Resolves with the next connection. */
  readonly nextConnection: () => Promise<Socket>;
}

/** Something that listens; `speak` says what it does with each connection. */
export async function startPeer(context: TestContext, speak: (socket: Socket) => void): Promise<Peer> {
  let count = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    count += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    speak(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    connections: () => count,
    nextConnection: async () => (await once(server, 'connection'))[0] as Socket,
  };
}

/** A connection that authenticates with Basic, over plain HTTP, to a peer of a test. */
export function basicTo(port: number): object {
  return {
    AuthType: 'Basic',
    AllowUnencryptedBasic: true,
    Login: 'demo',
    Password: 'hunter2',
    Server: `http://localhost:${port}/PowerShell/`,
  };
}
