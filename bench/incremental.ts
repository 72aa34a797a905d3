/*
 * What an increment costs its client, beside the complete export that it follows: one after which nothing
 * changed, and one that has to compare all GUIDs because a mailbox was deleted. Over Kerberos with sealed bodies;
 * the client is a process of its own, the simulator lives in this one.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestOrganization, startSimulator } from '@exchange-connector/exchange-simulator';
import { gssapiMechanism } from '@exchange-connector/gssapi';
import { startRealm } from '@exchange-connector/rehearsal';
import { runClient, settingsOf } from './export.ts';
import type { ClientCost } from './export-client.ts';

/** One increment that was measured. */
export interface MeasuredIncrement {
  /** What happened before it, e.g. `nothing changed`. */
  readonly name: string;
  readonly cost: ClientCost;
}

/** What was measured; the increments follow the complete export, one after the other. */
export interface IncrementalCost {
  readonly complete: ClientCost;
  readonly increments: readonly MeasuredIncrement[];
  /** The first of {@link increments}. */
  readonly unchanged: ClientCost;
  /** The second of {@link increments}. */
  readonly swept: ClientCost;
  readonly cookieBytes: number;
}

const host = 'mailbox01.example.test';

/** Measures the three exports of one organisation. */
export async function measureIncrements(mailboxes: number): Promise<IncrementalCost> {
  const folder = await mkdtemp(join(tmpdir(), 'export-bench-'));
  const realm = await startRealm({
    folder: join(folder, 'realm'),
    principals: [
      { name: `HTTP/${host}`, keytab: 'server.keytab' },
      { name: 'connector', keytab: 'connector.keytab' },
    ],
  });
  Object.assign(process.env, realm.environment);
  const organization = createTestOrganization({ mailboxes });
  const simulator = await startSimulator({
    organization,
    host,
    kerberos: { mechanism: gssapiMechanism(), keytab: realm.keytab('server.keytab') },
  });
  const run = (expected: ClientCost['mode']): Promise<ClientCost> =>
    runClient(
      {
        connection: settingsOf(realm, simulator.url),
        folder,
        serviceKeytab: realm.keytab('server.keytab'),
        servicePrincipal: `HTTP/${host}`,
      },
      realm,
    ).then((cost) => {
      if (cost.mode !== expected) throw new Error(`the export was a ${cost.mode} one`);
      return cost;
    });
  try {
    const complete = await run('complete');
    const cookie = await stat(join(folder, 'Work', 'ExportCookies', 'Bench_cookie.bin'));
    const unchanged = await run('incremental');
    organization.change({ kind: 'removeMailbox', mailbox: 12 });
    const swept = await run('incremental');
    const increments = [
      { name: 'nothing changed', cost: unchanged },
      { name: 'a mailbox deleted', cost: swept },
    ];
    return { complete, increments, unchanged, swept, cookieBytes: cookie.size };
  } finally {
    await simulator.close();
    await realm.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`${JSON.stringify(await measureIncrements(Number(process.argv[2] ?? 10_000)), undefined, 1)}\n`);
}
