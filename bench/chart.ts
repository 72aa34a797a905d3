/*
 * A chart of the matrix as SVG: three panels over the size of the organisation, with one legend. Written by hand, as
 * it stands beside a page: a colour scheme of its own, light or dark, on a ground of its own; no script, no font
 * brought along. Rules of style stand in classes without variables, which simple renderers do not know.
 */
import { type MatrixColumn, type MatrixExport, matrixExports, matrixShells } from './matrix-figures.ts';

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Series {
  readonly export: MatrixExport;
  readonly shells: number;
  readonly points: readonly Point[];
}

interface Panel {
  /** What the upright axis shows, with its unit. */
  readonly title: string;
  readonly scale: 'log' | 'linear';
  readonly series: readonly Series[];
}

/** Values of an axis that get a line and a label, from its start to its end. */
interface Axis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
}

const width = 960;
const height = 392;
const margin = 24;
/** From the left edge of one panel to that of the next. */
const panelStep = 312;
/** Of the plot inside a panel, from the panel's left edge and the chart's top. */
const plot = { left: 48, right: 288, top: 112, bottom: 324 };

const classOf: Readonly<Record<MatrixExport, string>> = {
  complete: 'complete',
  incremental: 'incremental',
  'no change': 'unchanged',
};

const style = `
    text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #3d444d; }
    .title { font-weight: 600; fill: #1f2328; }
    .ground { fill: #ffffff; stroke: #d1d9e0; }
    .grid { stroke: #e4e8ec; fill: none; }
    .axis { stroke: #818b98; fill: none; }
    .line { fill: none; stroke-width: 2; }
    .several { stroke-dasharray: 6 4; }
    .mark { stroke-width: 2; }
    .complete { stroke: #0969a8; } .complete.one { fill: #0969a8; }
    .incremental { stroke: #b8500a; } .incremental.one { fill: #b8500a; }
    .unchanged { stroke: #1a7f56; } .unchanged.one { fill: #1a7f56; }
    .plain { stroke: #3d444d; } .plain.one { fill: #3d444d; }
    .line.one { fill: none; }
    .mark.several { fill: none; stroke-dasharray: none; stroke-width: 1.5; }
    @media (prefers-color-scheme: dark) {
      text { fill: #b7bdc8; }
      .title { fill: #f0f6fc; }
      .ground { fill: #0d1117; stroke: #3d444d; }
      .grid { stroke: #262c36; }
      .axis { stroke: #6e7681; }
      .complete { stroke: #5fb4f0; } .complete.one { fill: #5fb4f0; }
      .incremental { stroke: #f5a35c; } .incremental.one { fill: #f5a35c; }
      .unchanged { stroke: #4cc38a; } .unchanged.one { fill: #4cc38a; }
      .plain { stroke: #b7bdc8; } .plain.one { fill: #b7bdc8; }
      .line.one { fill: none; }
    }
  `;

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function label(value: number): string {
  return value >= 1000 ? value.toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}

/** Decades around the values; where they are two or fewer, also 2 and 5 times each that lies among the values. */
function logAxis(values: readonly number[]): Axis {
  const least = Math.min(...values);
  const most = Math.max(...values);
  const decades: number[] = [];
  const last = Math.max(Math.ceil(Math.log10(most)), Math.floor(Math.log10(least)) + 1);
  for (let power = Math.floor(Math.log10(least)); power <= last; power += 1) decades.push(10 ** power);
  if (decades.length > 3) return { from: decades[0] as number, to: decades.at(-1) as number, ticks: decades };
  const fine = decades.flatMap((decade) => [decade, 2 * decade, 5 * decade]);
  const from = fine.findLastIndex((tick) => tick <= least);
  const to = fine.findIndex((tick) => tick >= most && tick > (fine[from] as number));
  const ticks = fine.slice(Math.max(0, from), to + 1);
  return { from: ticks[0] as number, to: ticks.at(-1) as number, ticks };
}

/** From nothing to a round number above the values, in four or five steps. */
function linearAxis(values: readonly number[]): Axis {
  const most = Math.max(...values);
  const rough = most / 4;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * decade >= rough) as number) * decade;
  const steps = Math.ceil(most / step);
  return { from: 0, to: steps * step, ticks: Array.from({ length: steps + 1 }, (_, index) => index * step) };
}

/** Where a value stands between the two ends, 0 to 1. */
function share(value: number, { from, to }: Axis, scale: Panel['scale']): number {
  if (from === to) return 0.5;
  return scale === 'log' ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from);
}

/** A mark for each export, so that nobody needs to tell the colours apart. */
function mark(kind: MatrixExport | 'plain', shells: number, x: number, y: number): string {
  const looks = `class="mark ${kind === 'plain' ? 'plain' : classOf[kind]} ${shells === 1 ? 'one' : 'several'}"`;
  // Those of several shells are rings, wide enough to stand around those of one.
  const size = shells === 1 ? 3 : 5.5;
  const at = (dx: number, dy: number): string => `${(x + dx * size).toFixed(1)},${(y + dy * size).toFixed(1)}`;
  switch (kind) {
    case 'incremental':
      return `<polygon ${looks} points="${at(-0.95, -0.95)} ${at(0.95, -0.95)} ${at(0.95, 0.95)} ${at(-0.95, 0.95)}"/>`;
    case 'no change':
      return `<polygon ${looks} points="${at(0, -1.3)} ${at(1.2, 0.9)} ${at(-1.2, 0.9)}"/>`;
    case 'complete':
    case 'plain':
      return `<circle ${looks} cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${size}"/>`;
  }
}

function drawPanel(panel: Panel, left: number): string[] {
  const points = panel.series.flatMap((series) => series.points);
  const sizes = [...new Set(points.map((point) => point.x))].sort((one, other) => one - other);
  const across: Axis = { from: sizes[0] as number, to: sizes.at(-1) as number, ticks: sizes };
  const values = points.map((point) => point.y);
  const upward = panel.scale === 'log' ? logAxis(values) : linearAxis(values);
  // The outermost marks keep off the frame.
  const inset = 24;
  const x = (value: number): number =>
    left + plot.left + inset + share(value, across, 'log') * (plot.right - plot.left - 2 * inset);
  const y = (value: number): number => plot.bottom - share(value, upward, panel.scale) * (plot.bottom - plot.top);
  const lines = [`<text class="title" x="${left}" y="${plot.top - 16}">${escaped(panel.title)}</text>`];
  for (const tick of upward.ticks) {
    const height = y(tick).toFixed(1);
    lines.push(
      `<line class="grid" x1="${left + plot.left}" x2="${left + plot.right}" y1="${height}" y2="${height}"/>`,
      `<text text-anchor="end" x="${left + plot.left - 8}" y="${(y(tick) + 4).toFixed(1)}">${label(tick)}</text>`,
    );
  }
  lines.push(
    `<path class="axis" d="M${left + plot.left} ${plot.top}V${plot.bottom}H${left + plot.right}"/>`,
    `<text text-anchor="middle" x="${left + (plot.left + plot.right) / 2}" y="${plot.bottom + 44}">mailboxes of the organisation</text>`,
  );
  for (const tick of across.ticks) {
    const place = x(tick).toFixed(1);
    lines.push(
      `<line class="axis" x1="${place}" x2="${place}" y1="${plot.bottom}" y2="${plot.bottom + 5}"/>`,
      `<text text-anchor="middle" x="${place}" y="${plot.bottom + 20}">${label(tick)}</text>`,
    );
  }
  for (const series of panel.series) {
    const path = series.points.map((point) => `${x(point.x).toFixed(1)},${y(point.y).toFixed(1)}`).join(' ');
    const looks = `line ${classOf[series.export]} ${series.shells === 1 ? 'one' : 'several'}`;
    lines.push(`<polyline class="${looks}" points="${path}"/>`);
  }
  for (const { export: kind, shells, points } of panel.series) {
    for (const point of points) lines.push(mark(kind, shells, x(point.x), y(point.y)));
  }
  return lines;
}

function drawLegend(): string[] {
  const lines: string[] = [];
  let x = margin;
  const entry = (drawn: string, text: string, room: number): void => {
    lines.push(drawn, `<text x="${x + 38}" y="60">${escaped(text)}</text>`);
    x += room;
  };
  const stroke = (looks: string): string => `<line class="line ${looks}" x1="${x}" x2="${x + 30}" y1="56" y2="56"/>`;
  for (const kind of matrixExports) {
    entry(`${stroke(`${classOf[kind]} one`)}${mark(kind, 1, x + 15, 56)}`, legendTexts[kind], legendRoom[kind]);
  }
  x += 24;
  for (const shells of matrixShells) {
    const drawn = `${stroke(`plain ${shells === 1 ? 'one' : 'several'}`)}${mark('plain', shells, x + 15, 56)}`;
    entry(drawn, shells === 1 ? 'one shell' : 'four shells', 112);
  }
  return lines;
}

const legendTexts: Readonly<Record<MatrixExport, string>> = {
  complete: 'complete export',
  'no change': 'increment, nothing changed',
  incremental: 'increment, 1 % changed',
};
const legendRoom: Readonly<Record<MatrixExport, number>> = { complete: 158, 'no change': 222, incremental: 198 };

function seriesOf(columns: readonly MatrixColumn[], value: (cell: MatrixColumn['cells'][number]) => number): Series[] {
  const ordered = [...columns].sort((one, other) => one.size - other.size);
  return matrixExports.flatMap((kind) =>
    matrixShells.map((shells) => ({
      export: kind,
      shells,
      points: ordered.flatMap((column) =>
        column.cells
          .filter((cell) => cell.export === kind && cell.shells === shells)
          .map((cell) => ({ x: column.size, y: value(cell) })),
      ),
    })),
  );
}

/** What the chart shows, in words, for those who do not see it. */
export function describeChart(columns: readonly MatrixColumn[]): string {
  const sizes = columns.map((column) => label(column.size)).join(', ');
  const largest = [...columns].sort((one, other) => other.size - one.size)[0];
  const complete = largest?.cells.find((cell) => cell.export === 'complete' && cell.shells === 1)?.cost;
  const unchanged = largest?.cells.find((cell) => cell.export === 'no change' && cell.shells === 1)?.cost;
  if (complete === undefined || unchanged === undefined) throw new Error('the matrix lacks exports through one shell');
  return (
    `Three line charts over organisations of ${sizes} mailboxes, for complete exports, increments after no change and ` +
    'increments after 1 % of changes, through one shell and four: mailboxes per second, CPU seconds of the client, and its ' +
    `peak memory. At ${label(complete.mailboxes)} mailboxes through one shell, the complete export handles ` +
    `${label(Math.round(complete.mailboxes / complete.seconds))} mailboxes per second with ` +
    `${(complete.cpuMicroseconds / 1e6).toFixed(1)} s of CPU and ${Math.round(complete.peakResidentBytes / 1024 / 1024)} MB; ` +
    `the increment after no change takes ${unchanged.seconds.toFixed(1)} s.`
  );
}

/** The chart of a matrix, as the text of an SVG file. */
export function drawChart(columns: readonly MatrixColumn[]): string {
  const panels: Panel[] = [
    {
      title: 'Mailboxes per second',
      scale: 'log',
      series: seriesOf(columns, ({ cost }) => cost.mailboxes / cost.seconds),
    },
    {
      title: 'CPU of the client, seconds',
      scale: 'log',
      series: seriesOf(columns, ({ cost }) => cost.cpuMicroseconds / 1e6),
    },
    {
      title: 'Peak memory of the client, MB',
      scale: 'linear',
      series: seriesOf(columns, ({ cost }) => cost.peakResidentBytes / 1024 / 1024),
    },
  ];
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title description">`,
    '<title id="title">What exports cost</title>',
    `<desc id="description">${escaped(describeChart(columns))}</desc>`,
    `<style>${style}</style>`,
    `<rect class="ground" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>`,
    `<text class="title" x="${margin}" y="32">What an export costs, by the size of the organisation</text>`,
    ...drawLegend(),
    ...panels.flatMap((panel, index) => drawPanel(panel, margin + index * panelStep)),
    '</svg>',
  ];
  return `${lines.join('\n')}\n`;
}
