/*
 * Measured processes: each does one thing, and prints what it cost as one line of JSON.
 */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ConnectionSettings } from '@exchange-connector/config';
import { startProgram } from '@exchange-connector/launcher';
import type { Realm } from '@exchange-connector/rehearsal';
import { documentedDefaults } from '../packages/config/test/documented-defaults.ts';
import type { CookieCost } from './cookie-client.ts';
import type { ClientCost, ClientTask } from './export-client.ts';
import { interrupted } from './interruption.ts';

/** The name that the measured server answers to. */
export const host = 'mailbox01.example.test';

/** A connection to the simulator at `url`, with the realm's account, and without limits to what changes at once. */
export function settingsOf(realm: Realm, url: string): ConnectionSettings {
  return {
    ...documentedDefaults,
    id: 'Bench',
    servers: [{ url, protocol: 'http', host, port: Number(new URL(url).port) }],
    connectAddress: '127.0.0.1',
    keytab: realm.keytab('connector.keytab'),
    principal: `connector@${realm.name}`,
    shellSpacingMs: 0,
    maximumInsertedLines: 0,
    maximumUpdatedLines: 0,
    maximumDeletedLines: 0,
    maxPercentageInsertedLines: 0,
    maxPercentageUpdatedLines: 0,
    maxPercentageDeletedLines: 0,
  };
}

/** Runs a program of this folder to its end, and gives the JSON that it printed. */
async function runMeasured(
  program: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  interrupted.throwIfAborted();
  const child = startProgram(fileURLToPath(new URL(program, import.meta.url)), parameters, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  const end = (): void => void child.kill('SIGTERM');
  interrupted.addEventListener('abort', end);
  try {
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const [code, signal] = await once(child, 'close');
    interrupted.throwIfAborted();
    if (code !== 0) throw new Error(`${program} ended with ${String(code ?? signal)}`);
    return JSON.parse(output);
  } finally {
    interrupted.removeEventListener('abort', end);
  }
}

/** Runs one export in a process of its own, and gives what it cost. */
export async function runClient(task: ClientTask, realm: Realm): Promise<ClientCost> {
  return (await runMeasured('export-client.mjs', [JSON.stringify(task)], realm.environment)) as ClientCost;
}

/** Reads a cookie in a process of its own, and gives what that cost. */
export async function readCookie(path: string): Promise<CookieCost> {
  return (await runMeasured('cookie-client.mjs', [path])) as CookieCost;
}
