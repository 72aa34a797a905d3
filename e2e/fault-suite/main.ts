/*
 * The whole fault suite: `npm run test:faults [-- --mailboxes N --kills N --chaos SEEDS --only KIND|MODE --actions "A, B"]`.
 * A fault at every message boundary of an export, one run each; `kill -9` at moments by chance; chaos. Two
 * processes at a time; exit 1 where anything that must hold did not.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type JobReport, nameOf, runJob, type SuiteJob } from './suite-jobs.ts';
import type { ExportMode } from './suite-run.ts';

const processes = 2;

interface Line {
  readonly round?: string;
  readonly report?: JobReport;
}

/** Runs a part in a process of its own. */
async function runApart(job: SuiteJob): Promise<JobReport> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), '--job', JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let report: JobReport | undefined;
  let rounds = 0;
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (text) => {
    const line = JSON.parse(text) as Line;
    if (line.report !== undefined) report = line.report;
    if (line.round === undefined) return;
    rounds += 1;
    if (rounds % 25 === 0) process.stdout.write(`  … ${rounds} rounds: ${nameOf(job)}\n`);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (report !== undefined) return report;
  const what = `the process of this part ended with ${code} after ${rounds} rounds`;
  return { rounds, outcomes: {}, findings: [{ where: nameOf(job), what }], shellsLeft: 0 };
}

function jobsOf(values: { mailboxes: number; kills: number; chaos: number; only?: string; actions?: string }) {
  const jobs: SuiteJob[] = [];
  const { mailboxes } = values;
  const actions = values.actions?.split(',').map((action) => action.trim());
  const modes = ['complete', 'parts', 'incremental', 'acknowledged'] satisfies ExportMode[];
  for (const [place, mode] of modes.entries()) {
    for (let shard = 0; shard < processes; shard += 1)
      jobs.push({ kind: 'boundaries', mode, mailboxes, shard, shards: processes, ...(actions && { actions }) });
    for (let part = 0; part < processes; part += 1) {
      const count = Math.ceil(values.kills / processes / modes.length);
      jobs.push({ kind: 'kills', mode, mailboxes, count, seed: 1 + part + place * processes });
    }
    const seeds = Math.ceil(values.chaos / modes.length);
    jobs.push({ kind: 'chaos', mode, mailboxes, firstSeed: 1 + place * seeds, seeds });
  }
  return jobs.filter(({ kind, mode }) => ([undefined, kind, mode] as (string | undefined)[]).includes(values.only));
}

async function runAll(jobs: readonly SuiteJob[]): Promise<number> {
  const waiting = [...jobs];
  let [rounds, findings] = [0, 0];
  const work = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const started = performance.now();
      const report = await runApart(job);
      rounds += report.rounds;
      findings += report.findings.length;
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      const outcomes = Object.entries(report.outcomes).map(([kind, count]) => `${count} ${kind}`);
      const left = report.shellsLeft === 0 ? '' : `, ${report.shellsLeft} shells left`;
      process.stdout.write(
        `${report.findings.length === 0 ? 'ok    ' : 'FAILED'} ${nameOf(job)}: ${report.rounds} rounds (${outcomes.join(', ')}${left}, ${seconds} s)\n`,
      );
      for (const { where, what } of report.findings) process.stdout.write(`  ${where}: ${what}\n`);
    }
  };
  await Promise.all(Array.from({ length: processes }, work));
  process.stdout.write(`${rounds} runs were hurt and repaired, ${findings} findings\n`);
  return findings === 0 ? 0 : 1;
}

const { values } = parseArgs({
  options: {
    job: { type: 'string' },
    mailboxes: { type: 'string', default: '5000' },
    kills: { type: 'string', default: '200' },
    chaos: { type: 'string', default: '20' },
    only: { type: 'string' },
    actions: { type: 'string' },
  },
});
const print = (line: Line): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
if (values.job !== undefined) {
  print({ report: await runJob(JSON.parse(values.job) as SuiteJob, (round) => print({ round })) });
} else {
  const { only, actions } = values;
  process.exitCode = await runAll(
    jobsOf({
      mailboxes: Number(values.mailboxes),
      kills: Number(values.kills),
      chaos: Number(values.chaos),
      ...(only !== undefined && { only }),
      ...(actions !== undefined && { actions }),
    }),
  );
}
