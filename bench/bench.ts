/*
 * `npm run bench`: what exporting, decoding and starting cost. Prints each table when it is measured, and writes
 * docs/benchmark.md with its chart when all are.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, loadavg, platform } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installRealmPackages } from '../scripts/debian-packages.mjs';
import { drawChart } from './chart.ts';
import { measureDecoding } from './decode.ts';
import { measureExports } from './export.ts';
import type { ClientCost } from './export-client.ts';
import { measureIncrements } from './incremental.ts';
import { breathe, interrupted, listenForInterrupts } from './interruption.ts';
import { measureMatrixColumn } from './matrix.ts';
import type { MatrixColumn } from './matrix-figures.ts';
import {
  type ExportFigure,
  formatCookies,
  formatDecoding,
  formatExports,
  formatIncrements,
  formatMatrix,
  formatPage,
  formatSharing,
  formatStarting,
} from './page.ts';
import { measureResponseToCsv } from './response-to-csv.ts';
import { onStage, type Stage } from './stage.ts';

const usage = `usage: npm run bench [-- --only PART …] [--sizes N,N,…] [--output FOLDER]

Parts, in the order of the page: matrix (complete exports and increments of every size, through one shell and four;
reading their cookies), exports (whole objects, and five times the largest size), sharing (a server that takes 3 ms for
each mailbox), increments (what finding deletions costs), decoding, starting.

  --only PART      measure this part alone; may be given several times
  --sizes N,N,…    sizes of the organisations; default 1000,10000,100000. The other parts follow the largest
  --output FOLDER  write benchmark.md and benchmark.svg there; default docs, and nothing where --only is given
`;

const partNames = ['matrix', 'exports', 'sharing', 'increments', 'decoding', 'starting'] as const;
type PartName = (typeof partNames)[number];

interface Wishes {
  readonly parts: ReadonlySet<PartName>;
  readonly sizes: readonly number[];
  /** What the figures come from, without the place they go to. */
  readonly command: string;
  /** Where the page goes, if anywhere. */
  readonly output: string | undefined;
}

const usualSizes = [1000, 10_000, 100_000];
const chartFile = 'benchmark.svg';

function refuse(problem: string): never {
  process.stderr.write(`error: ${problem}\n\n${usage}`);
  process.exit(2);
}

function readWishes(parameters: readonly string[]): Wishes {
  const options = {
    only: { type: 'string', multiple: true },
    sizes: { type: 'string' },
    output: { type: 'string' },
    help: { type: 'boolean' },
  } as const;
  const values = (() => {
    try {
      return parseArgs({ args: [...parameters], options }).values;
    } catch (error) {
      return refuse(error instanceof Error ? error.message : String(error));
    }
  })();
  if (values.help === true) {
    process.stdout.write(usage);
    process.exit(0);
  }
  const only = values.only?.flatMap((names) => names.split(','));
  for (const name of only ?? []) if (!partNames.some((known) => known === name)) refuse(`there is no part ${name}`);
  const sizes = values.sizes?.split(',').map(Number) ?? usualSizes;
  // Fewer mailboxes leave too few to delete.
  if (sizes.some((size) => !Number.isInteger(size) || size < 1000 || size > 1_000_000))
    refuse('--sizes: whole numbers from 1000 to 1000000 are due, with commas between them');
  const docs = fileURLToPath(new URL('../docs/', import.meta.url));
  const asked = [
    ...(values.sizes === undefined ? [] : ['--sizes', values.sizes]),
    ...(only === undefined ? [] : only.flatMap((name) => ['--only', name])),
  ];
  return {
    command: ['npm run bench', ...(asked.length > 0 ? ['--', ...asked] : [])].join(' '),
    parts: new Set((only ?? partNames) as readonly PartName[]),
    sizes: [...new Set(sizes)].sort((left, right) => left - right),
    output: values.output ?? (only === undefined ? docs : undefined),
  };
}

const { command, parts, sizes, output } = readWishes(process.argv.slice(2));
const largest = sizes.at(-1) as number;
const started = performance.now();
const loadBefore = loadavg()[0] ?? 0;
const sections: string[] = [];

/** Progress, for a person who waits. */
function tell(what: string): void {
  process.stderr.write(`[${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s] ${what}\n`);
}

function say(section: string): void {
  sections.push(section);
  process.stdout.write(`${section}\n\n`);
}

async function measureMatrix(stage: Stage): Promise<readonly MatrixColumn[]> {
  const columns: MatrixColumn[] = [];
  for (const size of sizes) columns.push(await measureMatrixColumn(stage, size, tell));
  return columns;
}

/** Projected exports of the usual sizes come from the matrix, where that is measured. */
async function measureObjects(stage: Stage, columns: readonly MatrixColumn[]): Promise<readonly ExportFigure[]> {
  const figures: ExportFigure[] = columns.flatMap(({ cells }) =>
    cells
      .filter((cell) => cell.export === 'complete' && cell.shells === 1)
      .map(({ cost, shells }) => ({ objects: 'projected' as const, shells, cost })),
  );
  const measure = async (mailboxes: number, objects: ExportFigure['objects'], each: number[]): Promise<void> => {
    const costs = await measureExports(stage, mailboxes, { objects, shells: each });
    figures.push(...costs.map((cost, index) => ({ objects, shells: each[index] ?? 1, cost })));
    tell(`${mailboxes} mailboxes, ${objects} objects`);
  };
  await measure(5 * largest, 'projected', [1, 4]);
  for (const size of sizes) await measure(size, 'whole', [1]);
  return figures;
}

async function measureSharing(stage: Stage): Promise<void> {
  const conditions = { latencyMs: 3, shells: [1, 4] };
  const mailboxes = Math.min(largest, 20_000);
  const costs = await measureExports(stage, mailboxes, conditions);
  const measured = conditions.shells.map((shells, index) => ({ shells, cost: costs[index] as ClientCost }));
  tell(`${mailboxes} mailboxes from a server that takes ${conditions.latencyMs} ms for each`);
  say(formatSharing({ latencyMs: conditions.latencyMs, mailboxes, measured }));
}

async function measureStarting(): Promise<readonly number[]> {
  const program = fileURLToPath(new URL('../packages/cli/bin/exchange-connector.mjs', import.meta.url));
  const times: number[] = [];
  for (let round = 0; round < 15; round += 1) {
    await breathe();
    const before = performance.now();
    const [code] = await once(spawn(process.execPath, [program, '--help'], { stdio: 'ignore' }), 'exit');
    if (code !== 0) throw new Error(`exchange-connector --help ended with ${String(code)}`);
    times.push(performance.now() - before);
  }
  return times;
}

async function measureAll(stage: Stage): Promise<readonly MatrixColumn[]> {
  const columns = parts.has('matrix') ? await measureMatrix(stage) : [];
  if (columns.length > 0) say(formatMatrix(columns, chartFile));
  if (parts.has('exports')) say(formatExports(await measureObjects(stage, columns)));
  if (parts.has('sharing')) await measureSharing(stage);
  if (parts.has('increments')) say(formatIncrements(await measureIncrements(stage, largest, tell)));
  if (columns.length > 0) say(formatCookies(columns));
  if (parts.has('decoding')) {
    const costs = await measureDecoding(stage.folder);
    say(
      formatDecoding({
        costs,
        whole: await measureResponseToCsv('whole'),
        projected: await measureResponseToCsv('projected'),
      }),
    );
    tell('decoding');
  }
  if (parts.has('starting')) say(formatStarting(await measureStarting()));
  return columns;
}

function writePage(folder: string, columns: readonly MatrixColumn[]): void {
  const text = formatPage(
    {
      command,
      machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${platform()} ${arch()}, Node ${process.versions.node}; load average before it ${loadBefore.toFixed(1)}`,
    },
    sections,
  );
  mkdirSync(folder, { recursive: true });
  const written = [join(folder, 'benchmark.md')];
  writeFileSync(join(folder, 'benchmark.md'), text);
  if (columns.length > 0) {
    writeFileSync(join(folder, chartFile), drawChart(columns));
    written.push(join(folder, chartFile));
  }
  process.stderr.write(`written: ${written.join(', ')}\n`);
}

await installRealmPackages();
listenForInterrupts();
try {
  await onStage(async (stage) => {
    const columns = await measureAll(stage);
    if (output !== undefined) writePage(output, columns);
  });
} catch (error) {
  if (!interrupted.aborted) throw error;
  process.exitCode = 130;
}
