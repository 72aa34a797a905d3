/* Runs the scenarios real on real, then the three other ways, and compares. */
import { isDeepStrictEqual } from 'node:util';
import { encodeCliXml, psNull, type PipelineRequest, type PsValue } from '@exchange-connector/psrp';
import { nodeSessionKey } from '@exchange-connector/wsman';
import { ProcessClient } from '../out-of-process-peers.ts';
import { difference } from '../real-description.ts';
import type { Way } from './kept-differences.ts';
import { type OurSession, runOurClient } from './our-client.ts';
import { listenAsOurServer } from './our-server.ts';
import { type Difference, type Outcome, firstDifference, outcomeDifferences, tellHostCall } from './outcome.ts';
import type { PipeListener } from './pipe-listener.ts';
import { type RealSession, runRealClient } from './real-client.ts';
import { readSession, type RecordedSession } from './recording.ts';
import { Relay } from './relay.ts';
import { type Received, Responder } from './responder.ts';
import { type Case, requestOf, type Scenario, type SessionName, sessionNames, sessions } from './scenario.ts';

export function casesOf(scenarios: readonly Scenario[], session: SessionName): Case[] {
  return scenarios
    .filter((scenario) => (scenario.sessions ?? ['2.4']).includes(session))
    .map((scenario) => ({ scenario, session }));
}

interface Truth {
  readonly told: RealSession;
  readonly recorded: RecordedSession;
}

type BySession<T> = ReadonlyMap<SessionName, T>;

const runsOf = <T extends { readonly name: string }>(
  scenarios: readonly Scenario[],
  servers: BySession<T>,
): { session: SessionName; pipe: string; cases: Case[] }[] =>
  [...servers].map(([session, { name }]) => ({ session, pipe: name, cases: casesOf(scenarios, session) }));

async function runRealOnReal(program: string, scenarios: readonly Scenario[]): Promise<Map<SessionName, Truth>> {
  const relays = new Map<SessionName, Relay>();
  for (const session of sessionNames) relays.set(session, await Relay.listen(program, sessions[session]));
  try {
    const told = await runRealClient(program, runsOf(scenarios, relays));
    return new Map(
      [...relays].map(([session, relay]) => [
        session,
        { told: told.get(session) as RealSession, recorded: readSession(relay.packets) },
      ]),
    );
  } finally {
    for (const relay of relays.values()) await relay.close();
  }
}

async function runOursOnReal(program: string, scenarios: readonly Scenario[]): Promise<Map<SessionName, OurSession>> {
  const told = new Map<SessionName, OurSession>();
  for (const session of sessionNames) {
    const { version, initial } = sessions[session];
    const client = await ProcessClient.open(program, ['server', initial], {
      protocolVersion: version,
      sessionKey: nodeSessionKey,
      keyExchange: 'at-open',
    });
    told.set(session, await runOurClient(client, casesOf(scenarios, session)));
  }
  return told;
}

/** Our server for each session, and what it saw. */
class OurServers {
  readonly listeners = new Map<SessionName, PipeListener>();
  readonly responders = new Map<SessionName, Responder>();

  static async listen(scenarios: readonly Scenario[], truth: BySession<Truth>): Promise<OurServers> {
    const servers = new OurServers();
    for (const session of sessionNames) {
      const { recorded } = truth.get(session) as Truth;
      const responder = new Responder(casesOf(scenarios, session), recorded.pipelines);
      servers.responders.set(session, responder);
      const options = {
        maxProtocolVersion: sessions[session].version,
        applicationPrivateData: recorded.applicationPrivateData ?? psNull,
        sessionKey: nodeSessionKey,
      };
      servers.listeners.set(session, await listenAsOurServer(responder, options));
    }
    return servers;
  }

  async close(): Promise<void> {
    for (const listener of this.listeners.values()) await listener.close();
  }
}

async function runRealOnOurs(
  program: string,
  scenarios: readonly Scenario[],
  servers: OurServers,
): Promise<Map<SessionName, RealSession>> {
  try {
    return await runRealClient(program, runsOf(scenarios, servers.listeners), 5);
  } finally {
    await servers.close();
  }
}

async function runOursOnOurs(
  scenarios: readonly Scenario[],
  servers: OurServers,
): Promise<Map<SessionName, OurSession>> {
  const told = new Map<SessionName, OurSession>();
  try {
    for (const [session, listener] of servers.listeners) {
      const options = {
        protocolVersion: sessions[session].version,
        sessionKey: nodeSessionKey,
        keyExchange: 'at-open',
      } as const;
      told.set(
        session,
        await runOurClient(await ProcessClient.connect(listener.path, options), casesOf(scenarios, session)),
      );
    }
  } finally {
    await servers.close();
  }
  return told;
}

export interface FourWays {
  /** The differences from real on real in one scenario; `request` is what our server understood, held against what was sent. */
  differences(way: Way, one: Case): Difference[];
  sessionDifferences(way: Way, session: SessionName): Difference[];
}

export async function runFourWays(program: string, scenarios: readonly Scenario[]): Promise<FourWays> {
  const [truth, oursOnReal] = await Promise.all([runRealOnReal(program, scenarios), runOursOnReal(program, scenarios)]);
  const seenOfReal = await OurServers.listen(scenarios, truth);
  const realOnOurs = await runRealOnOurs(program, scenarios, seenOfReal);
  const seenOfOurs = await OurServers.listen(scenarios, truth);
  const oursOnOurs = await runOursOnOurs(scenarios, seenOfOurs);
  const told: Record<Way, BySession<RealSession | OurSession>> = {
    'our client, real server': oursOnReal,
    'real client, our server': realOnOurs,
    'our client, our server': oursOnOurs,
  };
  const seen: Record<Way, OurServers | undefined> = {
    'our client, real server': undefined,
    'real client, our server': seenOfReal,
    'our client, our server': seenOfOurs,
  };
  const truthOf = (session: SessionName): Truth => truth.get(session) as Truth;
  return {
    differences: (way, one) => {
      const at = casesOf(scenarios, one.session).findIndex(({ scenario }) => scenario === one.scenario);
      const real = truthOf(one.session);
      const said = real.recorded.pipelines[at]?.said ?? [];
      const hostCalls = said.flatMap((event) => (event.kind === 'hostCall' ? [tellHostCall(event)] : []));
      const outcome = told[way].get(one.session)?.outcomes[at] as Outcome;
      const found = outcomeDifferences({ ...real.told.outcomes[at], hostCalls }, outcome);
      const received = seen[way]?.responders.get(one.session)?.received[at];
      return seen[way] === undefined ? found : [...found, ...requestDifferences(one.scenario, received)];
    },
    sessionDifferences: (way, session) => {
      const violations = seen[way]?.responders
        .get(session)
        ?.events.filter((event) => event.kind === 'protocolViolation');
      const found = sessionDifferences(
        truthOf(session).told,
        told[way].get(session) as RealSession | OurSession,
        session,
      );
      return [...found, ...(violations ?? []).map((event) => ({ aspect: 'violation', what: event.error.message }))];
    },
  };
}

function sessionDifferences(truth: RealSession, other: RealSession | OurSession, session: SessionName): Difference[] {
  const found: Difference[] = [];
  const expect = (aspect: string, seen: unknown, expected: unknown): void => {
    if (isDeepStrictEqual(seen, expected)) return;
    found.push({ aspect, what: `${aspect}: ${JSON.stringify(seen)} instead of ${JSON.stringify(expected)}` });
  };
  const expectPrivateData = (what: string | undefined): void => {
    if (what !== undefined) found.push({ aspect: 'private data', what });
  };
  const { version } = sessions[session];
  expect('real on real', [truth.opened.state, truth.opened.version, truth.closed], ['Opened', version, 'Closed']);
  if ('opened' in other) {
    expect('session', [other.opened.state, other.opened.version, other.closed], ['Opened', version, 'Closed']);
    expectPrivateData(firstDifference(truth.opened.privateData, other.opened.privateData, 'private data'));
  } else {
    expect('session', [other.version, other.closed], [version, true]);
    expectPrivateData(difference(other.privateData ?? psNull, truth.opened.privateData, 'private data'));
  }
  return found;
}

const wire = (value: PsValue): string => Buffer.from(encodeCliXml(value)).toString();

/** What of a request can be compared: names, and every value as it stands on the wire; SecureStrings stand apart. */
function toldRequest(request: PipelineRequest): unknown {
  return request.statements.map((statement) =>
    statement.map(({ name, isScript, parameters }) => ({
      name,
      isScript: isScript === true,
      parameters: parameters.map((one) => ({
        name: one.name,
        value: holdsSecret(one.value) ? 'a secret' : wire(one.value),
      })),
    })),
  );
}

function holdsSecret(value: PsValue): boolean {
  return value.kind === 'SS' || (value.kind === 'Obj' && value.adapted.some((one) => holdsSecret(one.value)));
}

function requestDifferences(scenario: Scenario, received: Received | undefined): Difference[] {
  const seen = received && {
    statements: toldRequest(received.request),
    input: received.hasInput
      ? received.input.map((value) => (holdsSecret(value) ? 'a secret' : wire(value)))
      : undefined,
    invocationInfo: received.request.invocationInfo === true,
    secrets: received.secrets,
  };
  const sent = {
    statements: toldRequest(requestOf(scenario)),
    input: scenario.input?.ours.map((value) => (holdsSecret(value) ? 'a secret' : wire(value))),
    invocationInfo: scenario.invocationInfo === true,
    secrets: scenario.sentSecrets ?? [],
  };
  const what = isDeepStrictEqual(seen, sent)
    ? undefined
    : `the request: ${JSON.stringify(seen).slice(0, 1500)} instead of ${JSON.stringify(sent).slice(0, 1500)}`;
  return what === undefined ? [] : [{ aspect: 'request', what }];
}
