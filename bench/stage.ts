/*
 * What measured exports run against: one realm with a real KDC, and organisations that this process serves over
 * Kerberos with sealed bodies. The measured clients are processes of their own.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createTestOrganization,
  type SimulatorOptions,
  startSimulator,
  type TestOrganization,
} from '@exchange-connector/exchange-simulator';
import { gssapiMechanism } from '@exchange-connector/gssapi';
import { type Realm, startRealm } from '@exchange-connector/rehearsal';
import type { ClientCost } from './export-client.ts';
import { host, runClient, settingsOf } from './measured-client.ts';

/** An organisation that is served. */
export interface ServedOrganization {
  readonly organization: TestOrganization;
  /**
   * Measures one export.
   * @param client whose folders are kept apart from those of other clients: its first export is a complete one
   * @throws Error where the export is of another mode than expected
   */
  run(client: string, expected: ClientCost['mode'], shells?: number): Promise<ClientCost>;
  /** The cookie that a client's last export left. */
  cookie(client: string): string;
}

/** The realm, and room for files. */
export interface Stage {
  /** A folder that is removed with the stage. */
  readonly folder: string;
  /** Serves an organisation while `work` lasts. */
  serve<T>(
    mailboxes: number,
    options: Pick<SimulatorOptions, 'latencyMs' | 'without'>,
    work: (served: ServedOrganization) => Promise<T>,
  ): Promise<T>;
}

async function openStage(): Promise<{ readonly stage: Stage; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'export-bench-'));
  const removeFolder = (): Promise<void> => rm(folder, { recursive: true, force: true });
  let realm: Realm;
  try {
    realm = await startRealm({
      folder: join(folder, 'realm'),
      principals: [
        { name: `HTTP/${host}`, keytab: 'server.keytab' },
        { name: 'connector', keytab: 'connector.keytab' },
      ],
    });
  } catch (error) {
    await removeFolder();
    throw error;
  }
  return {
    stage: { folder, serve: (mailboxes, options, work) => serve(realm, folder, { mailboxes, ...options }, work) },
    async close() {
      await realm.stop();
      await removeFolder();
    },
  };
}

/** Starts a realm for `work`; afterwards nothing of it is left. */
export async function onStage<T>(work: (stage: Stage) => Promise<T>): Promise<T> {
  const { stage, close } = await openStage();
  try {
    return await work(stage);
  } finally {
    await close();
  }
}

async function serve<T>(
  realm: Realm,
  stageFolder: string,
  { mailboxes, ...options }: SimulatorOptions & { readonly mailboxes: number },
  work: (served: ServedOrganization) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(stageFolder, 'clients-'));
  Object.assign(process.env, realm.environment);
  const serviceKeytab = realm.keytab('server.keytab');
  const organization = createTestOrganization({ mailboxes });
  const simulator = await startSimulator({
    organization,
    host,
    kerberos: { mechanism: gssapiMechanism(), keytab: serviceKeytab },
    ...options,
  });
  try {
    return await work({
      organization,
      async run(client, expected, shells = 1) {
        const connection = { ...settingsOf(realm, simulator.url), shells };
        const task = { connection, folder: join(folder, client), serviceKeytab, servicePrincipal: `HTTP/${host}` };
        const cost = await runClient(task, realm);
        if (cost.mode === expected) return cost;
        throw new Error(`the export was a ${cost.mode} one, which was to be ${expected}`);
      },
      cookie: (client) => join(folder, client, 'Work', 'ExportCookies', 'Bench_cookie.bin'),
    });
  } finally {
    await simulator.close();
    await rm(folder, { recursive: true, force: true });
  }
}
