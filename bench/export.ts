/*
 * What an export costs its client, over Kerberos with sealed bodies: CPU for each mailbox and the peak of
 * its memory. The simulator and the measured client are processes of their own, with a real KDC beside them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ConnectionSettings } from '@exchange-connector/config';
import { startProgram } from '@exchange-connector/launcher';
import { type Realm, startRealm } from '@exchange-connector/rehearsal';
import type { ClientCost, ClientTask } from './export-client.ts';

/** One measured export. */
export interface ExportCost {
  readonly mailboxes: number;
  /** `projected`: the server sends 45 properties; `whole`: all 228. */
  readonly objects: 'projected' | 'whole';
  /** Microseconds of CPU of the client for each mailbox, start-up of the run included. */
  readonly cpuPerMailbox: number;
  /** The part of it that GSSAPI takes to unseal that many bytes. */
  readonly unsealPerMailbox: number;
  readonly bytesPerMailbox: number;
  readonly seconds: number;
  /** From the opening of the last shell to the end. */
  readonly secondsFromLastShell: number;
  readonly peakResidentMegabytes: number;
}

/** What else an export is measured with. */
export interface ExportConditions {
  /** Milliseconds that the server takes for each mailbox; default 0. */
  readonly latencyMs?: number;
  /** Shells that read at once, opened one right after the other; default 1. */
  readonly shells?: number;
}

const simulator = fileURLToPath(new URL('../packages/exchange-simulator/bin/exchange-simulator.mjs', import.meta.url));
const client = fileURLToPath(new URL('./export-client.mjs', import.meta.url));
const host = 'mailbox01.example.test';

async function firstLine(program: ChildProcess): Promise<string> {
  if (program.stdout === null) throw new Error('the simulator has no standard output');
  const line = once(createInterface({ input: program.stdout }), 'line').then(([text]) => String(text));
  const ended = once(program, 'exit').then(([code]) => {
    throw new Error(`the simulator ended with ${String(code)} before it named its address`);
  });
  return Promise.race([line, ended]);
}

/** A connection to the simulator at `url`, with the realm's account. */
export function settingsOf(realm: Realm, url: string): ConnectionSettings {
  return {
    id: 'Bench',
    servers: [{ url, protocol: 'http', host, port: Number(new URL(url).port) }],
    connectAddress: '127.0.0.1',
    caFile: undefined,
    authType: 'Kerberos',
    login: undefined,
    password: undefined,
    keytab: realm.keytab('connector.keytab'),
    principal: `connector@${realm.name}`,
    realm: undefined,
    allowUnencryptedBasic: false,
    exportScriptPath: undefined,
    fulfillScriptPath: undefined,
    fulfillOptions: [],
    allowRemoveMailbox: false,
    waitForMove: false,
    domainController: undefined,
    globalCatalog: undefined,
    operationTimeoutMs: 60_000,
    valueSeparator: ' ',
    bom: false,
    additionalColumns: [],
    includeArbitration: false,
    includePublicFolder: false,
    includeAuditLog: false,
    includeMonitoring: false,
    organizationalUnits: [],
    databases: [],
    recipientTypeDetails: [],
    filter: undefined,
    shells: 1,
    shellSpacingMs: 20_000,
    overlapMinutes: 60,
    maximumInsertedLines: 100,
    maximumUpdatedLines: 100,
    maximumDeletedLines: 100,
    maxPercentageInsertedLines: 5,
    maxPercentageUpdatedLines: 5,
    maxPercentageDeletedLines: 5,
    protectedMailboxes: [],
    protectedDatabases: [],
    requireAcknowledge: false,
    encryptOutput: false,
    deactivated: 'nothing',
  };
}

/** Runs one export in a process of its own, and gives what it cost. */
export async function runClient(task: ClientTask, realm: Realm): Promise<ClientCost> {
  const child = spawn(process.execPath, [client, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...realm.environment },
  });
  let output = '';
  child.stdout.on('data', (data) => {
    output += String(data);
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the measured export ended with ${String(code)}`);
  return JSON.parse(output) as ClientCost;
}

/**
 * Measures one export.
 * @param mailboxes of the organisation; those that `Get-Mailbox` hides are among them
 */
export async function measureExport(
  mailboxes: number,
  objects: 'projected' | 'whole',
  conditions: ExportConditions = {},
): Promise<ExportCost> {
  const folder = await mkdtemp(join(tmpdir(), 'export-bench-'));
  const realm = await startRealm({
    folder: join(folder, 'realm'),
    principals: [
      { name: `HTTP/${host}`, keytab: 'server.keytab' },
      { name: 'connector', keytab: 'connector.keytab' },
    ],
  });
  const options = ['--mailboxes', String(mailboxes), '--host', host, '--keytab', realm.keytab('server.keytab')];
  if (objects === 'whole') options.push('--no-select-object');
  if (conditions.latencyMs !== undefined) options.push('--latency-ms', String(conditions.latencyMs));
  const program = startProgram(simulator, options, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...realm.environment },
  });
  try {
    const url = await firstLine(program);
    const cost = await runClient(
      {
        connection: { ...settingsOf(realm, url), shells: conditions.shells ?? 1, shellSpacingMs: 0 },
        folder,
        serviceKeytab: realm.keytab('server.keytab'),
        servicePrincipal: `HTTP/${host}`,
      },
      realm,
    );
    return {
      mailboxes: cost.mailboxes,
      objects,
      cpuPerMailbox: cost.cpuMicroseconds / cost.mailboxes,
      unsealPerMailbox: cost.unsealMicroseconds / cost.mailboxes,
      bytesPerMailbox: cost.responseBytes / cost.mailboxes,
      seconds: cost.seconds,
      secondsFromLastShell: cost.secondsFromLastShell,
      peakResidentMegabytes: cost.peakResidentBytes / 1024 / 1024,
    };
  } finally {
    if (program.exitCode === null) {
      const ended = once(program, 'exit');
      program.kill('SIGTERM');
      await ended;
    }
    await realm.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [mailboxes = '10000', objects, latencyMs = '0', shells = '1'] = process.argv.slice(2);
  const conditions = { latencyMs: Number(latencyMs), shells: Number(shells) };
  const cost = await measureExport(Number(mailboxes), objects === 'whole' ? 'whole' : 'projected', conditions);
  process.stdout.write(`${JSON.stringify(cost)}\n`);
}
