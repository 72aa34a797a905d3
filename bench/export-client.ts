/*
 * The measured process: one export through the agent, as the command line does it, and nothing else. What it
 * cost is printed as one line of JSON. Started by measured-client.ts, with its settings as JSON in the first argument.
 */
import { subscribe } from 'node:diagnostics_channel';
import { listenToLog, runExport } from '@exchange-connector/agent';
import type { ConnectionSettings } from '@exchange-connector/config';
import { gssapiMechanism, type SecurityContext } from '@exchange-connector/gssapi';
import { type RequestNotice, requestChannelName } from '@exchange-connector/wsman';
import { readPeakResidentBytes } from './peak-memory.ts';

/** What the parent passes. */
export interface ClientTask {
  readonly connection: ConnectionSettings;
  readonly folder: string;
  /** Of the service, for the measure of GSSAPI alone. */
  readonly serviceKeytab: string;
  readonly servicePrincipal: string;
}

/** What the process prints. */
export interface ClientCost {
  /** Of the organisation. */
  readonly mailboxes: number;
  readonly mode: 'complete' | 'incremental';
  readonly rows: number;
  /** User and system time of all threads, from the start of the run to its end. */
  readonly cpuMicroseconds: number;
  readonly seconds: number;
  /** From the opening of the last shell to the end. */
  readonly secondsFromLastShell: number;
  readonly peakResidentBytes: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly responses: number;
  /** CPU time that the system's GSSAPI takes to open that many bytes in messages of that size, measured apart. */
  readonly unsealMicroseconds: number;
}

const task = JSON.parse(process.argv[2] ?? '') as ClientTask;

async function openContexts(): Promise<{ readonly client: SecurityContext; readonly service: SecurityContext }> {
  const mechanism = gssapiMechanism();
  const { keytab, principal } = task.connection;
  const client = mechanism.initiate({
    target: task.servicePrincipal,
    scheme: 'kerberos',
    credential: { kind: 'keytab', file: keytab ?? '', principal },
  });
  const service = mechanism.accept({ keytab: task.serviceKeytab, scheme: 'kerberos' });
  let token = await client.step();
  while (token !== undefined) {
    const answer = await service.step(token);
    token = answer === undefined ? undefined : await client.step(answer);
  }
  return { client, service };
}

/** Microseconds of CPU for opening `bytes`, in messages of `messageBytes`. */
async function measureUnseal(bytes: number, messageBytes: number): Promise<number> {
  const { client, service } = await openContexts();
  const rounds = Math.max(20, Math.min(200, Math.ceil(40_000_000 / messageBytes)));
  const sealed = [];
  const plain = Buffer.alloc(messageBytes, 'PHMgTj0iRGF0YWJhc2UiPg==');
  for (let round = 0; round < rounds; round += 1) sealed.push(await service.wrap(plain));
  const before = process.cpuUsage();
  for (const message of sealed) await client.unwrap(message.header, message.data);
  const { user, system } = process.cpuUsage(before);
  client.end();
  service.end();
  return ((user + system) / (rounds * messageBytes)) * bytes;
}

let requestBytes = 0;
let responseBytes = 0;
let responses = 0;
subscribe(requestChannelName, (message) => {
  const notice = message as RequestNotice;
  requestBytes += notice.requestBytes;
  responseBytes += notice.responseBytes;
  responses += 1;
});

let lastShellAt = 0;
const stopListening = listenToLog(({ message }) => {
  if (message.startsWith('session open')) lastShellAt = performance.now();
});

const started = performance.now();
const before = process.cpuUsage();
const outcome = await runExport({
  connection: task.connection,
  folders: { temp: `${task.folder}/Temp`, work: `${task.folder}/Work` },
  settingsFolder: task.folder,
  signal: new AbortController().signal,
});
const { user, system } = process.cpuUsage(before);
const ended = performance.now();
const seconds = (ended - started) / 1000;
stopListening();
const peakResidentBytes = readPeakResidentBytes();
if (outcome.kind !== 'done') {
  process.stderr.write(`${JSON.stringify(outcome)}\n`);
  process.exit(1);
}
const cost: ClientCost = {
  mailboxes: Object.values(outcome.manifest.countsByDatabase).reduce((sum, count) => sum + count, 0),
  mode: outcome.manifest.mode,
  rows: outcome.manifest.files[0]?.rows ?? 0,
  cpuMicroseconds: user + system,
  seconds,
  secondsFromLastShell: (ended - lastShellAt) / 1000,
  peakResidentBytes,
  requestBytes,
  responseBytes,
  responses,
  unsealMicroseconds: await measureUnseal(responseBytes, Math.ceil(responseBytes / Math.max(1, responses))),
};
process.stdout.write(`${JSON.stringify(cost)}\n`);
