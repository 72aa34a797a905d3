/*
 * The page of the benchmark: Markdown from figures, and nothing measured here.
 */
import { describeChart } from './chart.ts';
import type { DecodingCosts } from './decode.ts';
import type { ClientCost } from './export-client.ts';
import { type MatrixColumn, matrixExports } from './matrix-figures.ts';

/** Where and with what command it was measured. */
export interface Circumstances {
  readonly command: string;
  readonly machine: string;
}

/** Decoding one mailbox, in microseconds of CPU. */
export interface DecodingFigures {
  readonly costs: DecodingCosts;
  readonly whole: number;
  readonly projected: number;
}

/** Complete exports through one shell. */
export interface ExportFigure {
  readonly objects: 'projected' | 'whole';
  readonly shells: number;
  readonly cost: ClientCost;
}

/** Exports from a server that takes its time. */
export interface SharingFigures {
  readonly latencyMs: number;
  readonly mailboxes: number;
  readonly measured: readonly { readonly shells: number; readonly cost: ClientCost }[];
}

/** A complete export, and increments after it, one after the other. */
export interface IncrementFigures {
  readonly complete: ClientCost;
  readonly increments: readonly { readonly name: string; readonly cost: ClientCost }[];
}

/** Milliseconds of each start of the command. */
export type StartingFigures = readonly number[];

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;
/** Both ways. */
const wire = ({ requestBytes, responseBytes }: ClientCost): number => requestBytes + responseBytes;
const memory = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MB`;
const us = (value: number): string => `${value.toFixed(0)} µs`;
const cpu = ({ cpuMicroseconds }: { readonly cpuMicroseconds: number }): string =>
  `${(cpuMicroseconds / 1e6).toFixed(2)} s`;
const ratio = (value: number, to: number): string => (value / to).toFixed(2);
const percent = (value: number, of: number): string => `${((100 * value) / of).toFixed(2)} %`;
const rate = ({ mailboxes, seconds }: ClientCost): string => (mailboxes / seconds).toFixed(0);
/** Short runs with as many digits as they have. */
const seconds = (value: number): string => value.toFixed(value < 10 ? 2 : 1);

function table(head: readonly string[], rows: readonly (readonly string[])[], textColumns = 1): string {
  const rule = head.map((_, index) => (index < textColumns ? '---' : '---:')).join('|');
  return [`| ${head.join(' | ')} |`, `|${rule}|`, ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n');
}

function section(title: string, ...paragraphs: readonly string[]): string {
  return [`## ${title}`, ...paragraphs].join('\n\n');
}

/** The page of the sections, with its heading. */
export function formatPage({ command, machine }: Circumstances, sections: readonly string[]): string {
  const heading = [
    '# Benchmark',
    `\`${command}\`, on ${machine}.\nFigures of one run on one machine: ratios within it tell more than the figures do.`,
  ];
  return `${[...heading, ...sections].join('\n\n')}\n`;
}

/** Complete exports and increments of organisations of several sizes. */
export function formatMatrix(columns: readonly MatrixColumn[], chartFile: string): string {
  const rows = columns.flatMap(({ cells }) => {
    const complete = cells.find((cell) => cell.export === 'complete')?.cost;
    if (complete === undefined) throw new Error('the matrix lacks a complete export');
    return matrixExports.flatMap((kind) =>
      cells
        .filter((cell) => cell.export === kind)
        .map(({ shells, cost }) => [
          kind,
          String(cost.mailboxes),
          String(shells),
          String(cost.rows),
          seconds(cost.seconds),
          rate(cost),
          cpu(cost),
          us(cost.cpuMicroseconds / cost.mailboxes),
          megabytes(wire(cost)),
          percent(wire(cost), wire(complete)),
          memory(cost.peakResidentBytes),
        ]),
    );
  });
  const changes = columns
    .map(
      ({ changes: { updated, created, deleted }, size }) =>
        `${updated} changed, ${created} made and ${deleted} deleted of ${size}`,
    )
    .join('; ');
  return section(
    'Exports and increments, one shell and four',
    [
      'Over Kerberos with sealed bodies, a real KDC beside it, projected objects. The client is a process of its own; CPU is',
      'that of its run, start-up apart, and memory the peak resident size of the process. The server is the simulator on the',
      'same machine, which answers at once: four shells have nothing to wait for there, and can only show what they cost.',
      'Increments read through one shell in either case. Mailboxes are those that `Get-Mailbox` shows, mailboxes/s are those',
      'of the organisation, rows what was written, and bytes on the wire the bodies of requests and answers.',
    ].join('\n'),
    `![${describeChart(columns)}](${chartFile})`,
    table(
      [
        'export',
        'mailboxes',
        'shells',
        'rows',
        'seconds',
        'mailboxes/s',
        'CPU',
        'CPU each',
        'on the wire',
        'to the complete one',
        'peak memory',
      ],
      rows,
    ),
    `The incremental exports follow these changes: ${changes}.`,
  );
}

/** Reading the cookies that the matrix left. */
export function formatCookies(columns: readonly MatrixColumn[]): string {
  return section(
    'Reading the cookie',
    [
      'What an increment does first and last with the snapshot, by itself, in a process of its own: the file is opened, its',
      'checksum compared, its facts read; then all its mailboxes are read, front to back.',
    ].join('\n'),
    table(
      ['mailboxes', 'file', 'opened and checked', 'all of it', 'CPU', 'peak memory of the process'],
      columns.map(({ cookie }) => [
        String(cookie.mailboxes),
        megabytes(cookie.bytes),
        `${(cookie.openingSeconds * 1000).toFixed(0)} ms`,
        `${(cookie.seconds * 1000).toFixed(0)} ms`,
        `${(cookie.cpuMicroseconds / 1000).toFixed(0)} ms`,
        memory(cookie.peakResidentBytes),
      ]),
    ),
  );
}

/** What the client's CPU goes into, of projected and of whole objects. */
export function formatExports(figures: readonly ExportFigure[]): string {
  const growth = (['projected', 'whole'] as const).flatMap((objects) => {
    const costs = figures.filter((figure) => figure.objects === objects && figure.shells === 1).map(({ cost }) => cost);
    const [small, large] = [costs[1], costs.at(-1)];
    if (small === undefined || large === undefined || small === large) return [];
    const factor = ratio(large.peakResidentBytes, small.peakResidentBytes);
    return [`- memory of ${large.mailboxes} mailboxes to that of ${small.mailboxes}, ${objects}: ${factor}`];
  });
  return section(
    'Projected and whole objects',
    [
      'Complete exports: the server sends the 45 properties that a row is made of, or, where it offers no',
      '`Select-Object`, all 228. The part of GSSAPI is measured apart: opening as many bytes in messages as large.',
    ].join('\n'),
    table(
      [
        'objects',
        'mailboxes',
        'shells',
        'mailboxes/s',
        'CPU each',
        'of it GSSAPI',
        'besides',
        'on the wire, each',
        'peak memory',
      ],
      figures.map(({ objects, shells, cost }) => {
        const each = cost.cpuMicroseconds / cost.mailboxes;
        const unseal = cost.unsealMicroseconds / cost.mailboxes;
        return [
          objects,
          String(cost.mailboxes),
          String(shells),
          rate(cost),
          us(each),
          us(unseal),
          us(each - unseal),
          `${(wire(cost) / cost.mailboxes / 1000).toFixed(1)} KB`,
          memory(cost.peakResidentBytes),
        ];
      }),
    ),
    ...(growth.length === 0 ? [] : [growth.join('\n')]),
  );
}

/** One shell and several, where the server is what takes the time. */
export function formatSharing({ latencyMs, mailboxes, measured }: SharingFigures): string {
  const [one] = measured;
  if (one === undefined) throw new Error('nothing was measured');
  return section(
    `A server that takes ${latencyMs} ms for each mailbox`,
    [
      `The same complete export of ${mailboxes} mailboxes with \`Shells\` ${measured.map(({ shells }) => shells).join(' and ')} and \`ShellSpacingSeconds\` 0. Time is`,
      'counted from the opening of the last shell; the counts, the planning of the parts and the proof that nothing is',
      'missing are in it.',
    ].join('\n'),
    table(
      ['shells', 'seconds', 'mailboxes/s', 'CPU each', 'times as fast'],
      measured.map(({ shells, cost }) => [
        String(shells),
        seconds(cost.secondsFromLastShell),
        (cost.mailboxes / cost.secondsFromLastShell).toFixed(0),
        us(cost.cpuMicroseconds / cost.mailboxes),
        ratio(one.cost.secondsFromLastShell, cost.secondsFromLastShell),
      ]),
    ),
  );
}

/** What finding deletions costs, beside the complete export. */
export function formatIncrements({ complete, increments }: IncrementFigures): string {
  return section(
    'Increments that look for deletions',
    [
      `After a complete export of ${complete.mailboxes} mailboxes, one after the other, through one shell. Most of the seconds of a`,
      'search are the simulator’s, which holds every mailbox against the filter of every count.',
    ].join('\n'),
    table(
      ['export', 'rows', 'seconds', 'CPU', 'on the wire', 'to the complete one', 'peak memory'],
      [{ name: 'complete', cost: complete }, ...increments].map(({ name, cost }) => [
        name,
        String(cost.rows),
        seconds(cost.seconds),
        cpu(cost),
        megabytes(wire(cost)),
        percent(wire(cost), wire(complete)),
        memory(cost.peakResidentBytes),
      ]),
    ),
  );
}

/** CPU for one mailbox, beside the least that could be done and beside PowerShell. */
export function formatDecoding({ costs, whole, projected }: DecodingFigures): string {
  const rows: [string, number][] = [
    ['floor: base64 and one scan', costs.floor],
    ['projection: base64 to the values of the columns', costs.projection],
    ['general reader: base64 to all values', costs.general],
    ['**Receive response to CSV line, whole objects**', whole],
    ['Receive response to CSV line, projected objects', projected],
  ];
  const { real } = costs;
  if (real !== undefined) rows.push(['real deserializer', real]);
  return section(
    'Decoding one whole mailbox',
    [
      'CPU for one `Get-Mailbox` object of 228 properties, the best of many rounds over bodies that all differ. The floor is',
      'base64 and one scan of the text; the real deserializer is PowerShell 7’s own, warm, from text that is decoded already.',
    ].join('\n'),
    table(
      ['', 'CPU', 'to the floor', 'to the real deserializer'],
      rows.map(([name, value]) => [
        name,
        us(value),
        ratio(value, costs.floor),
        real === undefined ? '–' : ratio(value, real),
      ]),
    ),
    ...(costs.realAbsent === undefined ? [] : [`The real deserializer was not measured: ${costs.realAbsent}`]),
  );
}

/** What a command costs before it does anything. */
export function formatStarting(times: StartingFigures): string {
  const ordered = [...times].sort((left, right) => left - right);
  const median = ordered[Math.floor(ordered.length / 2)] ?? Number.NaN;
  const least = ordered[0] ?? Number.NaN;
  return section(
    'Starting',
    `\`exchange-connector --help\`: median ${median.toFixed(0)} ms, least ${least.toFixed(0)} ms.`,
  );
}
