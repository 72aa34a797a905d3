/* The parts of the suite: each runs by itself, with a simulator and folders of its own. */
import { chaosScript } from '@exchange-connector/exchange-simulator';
import { cuts, hurtAtMessage } from './boundaries.ts';
import { Killer } from './kills.ts';
import { type ExportMode, type Finding, SuiteRun, TooManyFindings } from './suite-run.ts';

/** One part of the suite. */
export type SuiteJob =
  | {
      readonly kind: 'boundaries';
      readonly mode: ExportMode;
      readonly mailboxes: number;
      /** The boundaries with `number % shards === shard`. */
      readonly shard: number;
      readonly shards: number;
      /** At each boundary one run for each of these; default: {@link cuts}. */
      readonly actions?: readonly string[];
    }
  | {
      readonly kind: 'kills';
      readonly mode: ExportMode;
      readonly mailboxes: number;
      readonly count: number;
      readonly seed: number;
    }
  | {
      readonly kind: 'chaos';
      readonly mode: ExportMode;
      readonly mailboxes: number;
      readonly firstSeed: number;
      readonly seeds: number;
    };

/** What a part came to. */
export interface JobReport {
  readonly rounds: number;
  /** Hurt runs by what they came to. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
  /** Shells that nobody removed. */
  readonly shellsLeft: number;
}

export function nameOf(job: SuiteJob): string {
  const of = `a ${job.mode} export of ${job.mailboxes} mailboxes`;
  switch (job.kind) {
    case 'boundaries':
      return `${(job.actions ?? cuts).join(', ')} at message boundaries ${job.shard + 1}/${job.shards} of ${of}`;
    case 'kills':
      return `kill -9 at ${job.count} moments (seed ${job.seed}) of ${of}`;
    case 'chaos':
      return `chaos ${job.firstSeed} to ${job.firstSeed + job.seeds - 1} over ${of}`;
  }
}

/** Runs a part; `tell` gets the name of each round as it ends. */
export async function runJob(job: SuiteJob, tell: (where: string) => void = () => {}): Promise<JobReport> {
  let killer: Killer | undefined;
  const seed = job.kind === 'kills' ? job.seed : 1;
  const suite = await SuiteRun.open({ ...job, seed }, (line) => killer?.onLog(line));
  suite.onRound = tell;
  try {
    killer = new Killer(suite);
    await runRounds(suite, killer, job);
    return {
      rounds: suite.rounds,
      outcomes: Object.fromEntries(suite.outcomes),
      findings: suite.findings,
      shellsLeft: suite.simulator.facts.shellsOpen,
    };
  } finally {
    await suite.close();
  }
}

async function runRounds(suite: SuiteRun, killer: Killer, job: SuiteJob): Promise<void> {
  try {
    if (job.kind === 'boundaries') await runBoundaries(suite, job);
    else if (job.kind === 'kills') await runKills(killer, job.count);
    else await runChaos(suite, job);
  } catch (error) {
    if (!(error instanceof TooManyFindings)) throw error;
    suite.findings.push({ where: nameOf(job), what: 'ended early: enough has been found' });
  }
}

async function runBoundaries(suite: SuiteRun, job: SuiteJob & { kind: 'boundaries' }): Promise<void> {
  for (let number = job.shard === 0 ? job.shards : job.shard; ; number += job.shards) {
    let hasFired = false;
    for (const action of job.actions ?? cuts) hasFired = (await hurtAtMessage(suite, number, action)) || hasFired;
    if (!hasFired) return;
  }
}

async function runKills(killer: Killer, count: number): Promise<void> {
  const limits = await killer.measure();
  for (let killed = 0; killed < count; killed += 1) await killer.killAt(killer.pick(limits));
}

async function runChaos(suite: SuiteRun, job: SuiteJob & { kind: 'chaos' }): Promise<void> {
  for (let seed = job.firstSeed; seed < job.firstSeed + job.seeds; seed += 1) {
    await suite.round(`chaos ${seed}`, async () => {
      suite.simulator.setFault(chaosScript(seed));
      return await suite.export();
    });
  }
}
