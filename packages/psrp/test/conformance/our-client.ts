/* Our client, running the cases of a session at whatever is at the other end. */
import type { PsValue } from '@exchange-connector/psrp';
import type { ProcessClient } from '../out-of-process-peers.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { type Case, requestOf } from './scenario.ts';

export interface OurSession {
  readonly version: string;
  readonly privateData: PsValue | undefined;
  readonly outcomes: readonly Outcome[];
  readonly closed: boolean;
}

export async function runOurClient(client: ProcessClient, cases: readonly Case[]): Promise<OurSession> {
  try {
    const { protocolVersion, applicationPrivateData } = client.pool.server;
    await client.drain('pool');
    const outcomes: Outcome[] = [];
    for (const one of cases) {
      const outcome = await runCase(client, one).catch((cause: unknown) => {
        throw new Error(`our client, in “${one.scenario.name}” (${one.session}): ${String(cause)}`, { cause });
      });
      outcomes.push(outcome);
    }
    await client.close();
    const closed = client.events.some((event) => event.kind === 'poolClosed');
    return { version: protocolVersion, privateData: applicationPrivateData, outcomes, closed };
  } finally {
    await client.destroy();
  }
}

async function runCase(client: ProcessClient, { scenario }: Case): Promise<Outcome> {
  const id = await client.start(requestOf(scenario), scenario.input?.ours);
  const { stopAfter } = scenario;
  if (stopAfter !== undefined) {
    const outputs = (): number => client.eventsOf(id).filter((event) => event.kind === 'output').length;
    await client.until(`${stopAfter} objects`, () => outputs() >= stopAfter);
    await client.exchange({ kind: 'Signal', target: id });
  }
  const events = await client.end(id);
  const hostCalls = client.events
    .filter((event) => event.kind === 'hostCall')
    .filter((event) => event.pipelineId === id);
  client.events.length = 0;
  return outcomeOf(events, hostCalls, (value) => client.pool.revealSecureString(value));
}
