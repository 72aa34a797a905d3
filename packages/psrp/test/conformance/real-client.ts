/* The real client, run by oracle/ConformCommand.cs: all sessions in one process, one after the other. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Outcome } from './outcome.ts';
import type { Described } from '../real-description.ts';
import { type Case, realRequestOf, type SessionName, sessions } from './scenario.ts';

/** Longer than the whole suite takes on a busy machine. */
const timeLimitMs = 1_200_000;

export interface RealSession {
  readonly opened: { readonly state: string; readonly version: string; readonly privateData: Described };
  readonly outcomes: readonly Outcome[];
  readonly closed: string;
}

class LineProcess {
  readonly #lines: AsyncIterator<string>;
  readonly #child;

  constructor(program: string, parameters: readonly string[]) {
    this.#child = spawn(program, parameters, { stdio: ['pipe', 'pipe', 'inherit'], timeout: timeLimitMs });
    this.#child.stdin.on('error', () => undefined);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ask<T>(request: unknown): Promise<T> {
    const text = JSON.stringify(request);
    this.#child.stdin.write(`${text}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true)
      throw new Error(`the real client ended (${this.#child.exitCode}) when it was asked ${text.slice(0, 300)}`);
    const answer = JSON.parse(value) as T & { thrown?: string };
    if (answer.thrown !== undefined) throw new Error(`the real client, asked ${text.slice(0, 300)}: ${answer.thrown}`);
    return answer;
  }

  async end(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#child.on('close', () => resolve());
    this.#child.stdin.end();
    await promise;
  }
}

/** Opens a session; the real client's own race (our-server.ts tells of it) may break its pool before it has one. */
async function open(client: LineProcess, request: object, tries: number): Promise<RealSession['opened']> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await client.ask<RealSession['opened']>(request);
    } catch (error) {
      if (attempt >= tries) throw error;
    }
  }
}

/**
 * Runs the cases of each session at the pipe of that session.
 * @param tries how often a session may be opened: more than once where the server is not recorded
 */
export async function runRealClient(
  program: string,
  runs: readonly { readonly session: SessionName; readonly pipe: string; readonly cases: readonly Case[] }[],
  tries = 1,
): Promise<Map<SessionName, RealSession>> {
  const client = new LineProcess(program, ['conform']);
  const told = new Map<SessionName, RealSession>();
  try {
    for (const { session, pipe, cases } of runs) {
      const opened = await open(client, { open: pipe, host: sessions[session].hasHost }, tries);
      const outcomes: Outcome[] = [];
      for (const { scenario } of cases) outcomes.push(await client.ask<Outcome>(realRequestOf(scenario)));
      const { state } = await client.ask<{ state: string }>({ close: true });
      told.set(session, { opened, outcomes, closed: state });
    }
  } finally {
    await client.end();
  }
  return told;
}
