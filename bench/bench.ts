/*
 * `npm run bench`: what decoding, exporting and starting cost. Prints tables and writes them to
 * docs/benchmark.md. `npm run bench -- --quick` measures small organisations and writes nothing.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { arch, cpus, platform } from 'node:os';
import { fileURLToPath } from 'node:url';
import { measureDecoding } from './decode.ts';
import { type ExportCost, measureExport } from './export.ts';
import { measureIncrements } from './incremental.ts';
import { measureResponseToCsv } from './response-to-csv.ts';

const quick = process.argv.includes('--quick');
const page: string[] = [];

function say(line = ''): void {
  console.log(line);
  page.push(line);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  say(`| ${head.join(' | ')} |`);
  say(`|${head.map((_, index) => (index === 0 ? '---' : '---:')).join('|')}|`);
  for (const row of rows) say(`| ${row.join(' | ')} |`);
  say();
}

const us = (value: number): string => `${value.toFixed(0)} µs`;
const ratio = (value: number, to: number): string => (value / to).toFixed(2);

async function decoding(): Promise<void> {
  say('## Decoding one whole mailbox');
  say();
  say('CPU for one `Get-Mailbox` object of 228 properties, the best of many rounds over bodies that all differ.');
  say('The floor is base64 and one scan of the text; the real deserializer is PowerShell 7’s own, warm, from text');
  say('that is decoded already.');
  say();
  const costs = await measureDecoding(quick ? 300 : 1000, quick ? 5 : 25);
  const whole = measureResponseToCsv('whole', quick ? 300 : 1000, quick ? 5 : 20);
  const projected = measureResponseToCsv('projected', quick ? 300 : 1000, quick ? 5 : 20);
  const rows: [string, number][] = [
    ['floor: base64 and one scan', costs.floor],
    ['projection: base64 to the values of the columns', costs.projection],
    ['general reader: base64 to all values', costs.general],
    ['**Receive response to CSV line, whole objects**', whole],
    ['Receive response to CSV line, projected objects', projected],
  ];
  if (costs.real !== undefined) rows.push(['real deserializer', costs.real]);
  table(
    ['', 'CPU', 'to the floor', 'to the real deserializer'],
    rows.map(([name, value]) => [
      name,
      us(value),
      ratio(value, costs.floor),
      costs.real === undefined ? '–' : ratio(value, costs.real),
    ]),
  );
  if (costs.realAbsent !== undefined) say(`The real deserializer was not measured: ${costs.realAbsent}\n`);
}

async function exporting(): Promise<void> {
  say('## Exporting, end to end over Kerberos');
  say();
  say('The client process alone: sealed HTTP, a real KDC, the simulator in a process of its own on the same machine.');
  say('CPU is that of the run, start-up apart; memory is the peak resident size of the whole process.');
  say();
  const costs: ExportCost[] = [];
  for (const objects of ['projected', 'whole'] as const) {
    const sizes = quick ? [1000, 3000] : [1000, 10_000, 100_000, ...(objects === 'projected' ? [500_000] : [])];
    for (const mailboxes of sizes) {
      costs.push(await measureExport(mailboxes, objects));
      console.error(`measured ${mailboxes} mailboxes, ${objects}`);
    }
  }
  table(
    ['objects', 'mailboxes', 'mailboxes/s', 'CPU each', 'of it GSSAPI', 'besides', 'on the wire, each', 'peak memory'],
    costs.map((cost) => [
      cost.objects,
      String(cost.mailboxes),
      (cost.mailboxes / cost.seconds).toFixed(0),
      us(cost.cpuPerMailbox),
      us(cost.unsealPerMailbox),
      us(cost.cpuPerMailbox - cost.unsealPerMailbox),
      `${(cost.bytesPerMailbox / 1000).toFixed(1)} KB`,
      `${cost.peakResidentMegabytes.toFixed(0)} MB`,
    ]),
  );
  for (const objects of ['projected', 'whole'] as const) {
    const [, small, large] = costs.filter((cost) => cost.objects === objects);
    if (small === undefined || large === undefined) continue;
    const growth = ratio(large.peakResidentMegabytes, small.peakResidentMegabytes);
    say(`Memory of ${large.mailboxes} mailboxes to that of ${small.mailboxes}, ${objects}: ${growth}`);
  }
  say();
}

async function sharing(): Promise<void> {
  const latencyMs = 3;
  const mailboxes = quick ? 3000 : 20_000;
  say('## One shell and four');
  say();
  say(
    `The same export of ${mailboxes} mailboxes from a server that takes ${latencyMs} ms for each, with \`Shells\` 1 and 4 and`,
  );
  say('`ShellSpacingSeconds` 0. Time is counted from the opening of the last shell; the counts, the planning of the');
  say('parts and the proof that nothing is missing are in it.');
  say();
  const one = await measureExport(mailboxes, 'projected', { latencyMs, shells: 1 });
  const four = await measureExport(mailboxes, 'projected', { latencyMs, shells: 4 });
  table(
    ['shells', 'seconds', 'mailboxes/s', 'CPU each', 'times as fast'],
    [one, four].map((cost, index) => [
      index === 0 ? '1' : '4',
      cost.secondsFromLastShell.toFixed(1),
      (cost.mailboxes / cost.secondsFromLastShell).toFixed(0),
      us(cost.cpuPerMailbox),
      ratio(one.secondsFromLastShell, cost.secondsFromLastShell),
    ]),
  );
}

async function increments(): Promise<void> {
  const { complete, unchanged, swept, cookieBytes } = await measureIncrements(quick ? 3000 : 100_000);
  say('## Increments');
  say();
  say(
    `After a complete export of ${complete.mailboxes} mailboxes: one after which nothing changed, and one after a mailbox was`,
  );
  say('deleted, which has to be found. CPU is that of the run, as above.');
  say();
  table(
    ['export', 'rows', 'seconds', 'CPU', 'on the wire', 'to the complete one', 'peak memory'],
    (
      [
        ['complete', complete],
        ['nothing changed', unchanged],
        ['a mailbox deleted', swept],
      ] as const
    ).map(([name, cost]) => [
      name,
      String(cost.rows),
      cost.seconds.toFixed(1),
      `${(cost.cpuMicroseconds / 1e6).toFixed(2)} s`,
      `${(cost.responseBytes / 1e6).toFixed(2)} MB`,
      `${((100 * cost.responseBytes) / complete.responseBytes).toFixed(2)} %`,
      `${(cost.peakResidentBytes / 1024 / 1024).toFixed(0)} MB`,
    ]),
  );
  say(`The cookie: ${(cookieBytes / 1e6).toFixed(1)} MB.`);
  say();
}

function starting(): void {
  say('## Starting');
  say();
  const program = fileURLToPath(new URL('../packages/cli/bin/exchange-connector.mjs', import.meta.url));
  const times = Array.from({ length: quick ? 5 : 15 }, () => {
    const before = performance.now();
    const { status } = spawnSync(process.execPath, [program, '--help'], { stdio: 'ignore' });
    if (status !== 0) throw new Error(`exchange-connector --help ended with ${String(status)}`);
    return performance.now() - before;
  }).sort((left, right) => left - right);
  const median = times[Math.floor(times.length / 2)] as number;
  say(`\`exchange-connector --help\`: median ${median.toFixed(0)} ms, least ${(times[0] as number).toFixed(0)} ms.`);
  say();
}

say('# Benchmark');
say();
say(
  `\`npm run bench\`, on ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${platform()} ${arch()}, Node ${process.versions.node}.`,
);
say('The machine is shared: ratios within one run tell more than the figures.');
say();
await decoding();
await exporting();
await sharing();
await increments();
starting();
if (!quick) {
  writeFileSync(new URL('../docs/benchmark.md', import.meta.url), `${page.join('\n').trimEnd()}\n`);
  console.error('written: docs/benchmark.md');
}
