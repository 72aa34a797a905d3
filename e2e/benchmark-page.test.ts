/* The page of the benchmark and its chart, from figures made up here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawChart } from '../bench/chart.ts';
import type { ClientCost } from '../bench/export-client.ts';
import { type MatrixColumn, matrixExports, matrixShells } from '../bench/matrix-figures.ts';
import {
  formatCookies,
  formatDecoding,
  formatExports,
  formatIncrements,
  formatMatrix,
  formatPage,
  formatSharing,
  formatStarting,
} from '../bench/page.ts';
import { XmlScanner } from '../packages/wsman/src/codec/xml-scanner.ts';

function costOf(more: Partial<ClientCost> = {}): ClientCost {
  return {
    mailboxes: 980,
    mode: 'complete',
    rows: 980,
    cpuMicroseconds: 245_000,
    seconds: 0.5,
    secondsFromLastShell: 0.4,
    peakResidentBytes: 120 * 1024 * 1024,
    requestBytes: 100_000,
    responseBytes: 3_900_000,
    responses: 40,
    unsealMicroseconds: 24_500,
    ...more,
  };
}

function columnOf(size: number): MatrixColumn {
  const mailboxes = size - size / 50;
  const share = { complete: 1, incremental: 0.1, 'no change': 0.02 };
  return {
    size,
    changes: { updated: size / 100, created: 1, deleted: 2 },
    cells: matrixShells.flatMap((shells) =>
      matrixExports.map((kind) => ({
        export: kind,
        shells,
        cost: costOf({
          mailboxes,
          rows: kind === 'complete' ? mailboxes : kind === 'incremental' ? size / 100 + 3 : 0,
          seconds: (share[kind] * size) / 1000 / shells,
          cpuMicroseconds: share[kind] * size * 100,
          requestBytes: share[kind] * size * 500,
          responseBytes: share[kind] * size * 3500,
        }),
      })),
    ),
    cookie: {
      mailboxes,
      bytes: size * 140,
      openingSeconds: 0.001,
      seconds: 0.02,
      cpuMicroseconds: 21_000,
      peakResidentBytes: 60 * 1024 * 1024,
    },
  };
}

const columns = [1000, 10_000, 100_000].map(columnOf);

interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  text: string;
}

/** All elements of a document; whatever is not well-formed throws. */
function readElements(document: string): Element[] {
  const scanner = new XmlScanner(Buffer.from(document, 'utf8'));
  const open: Element[] = [];
  const all: Element[] = [];
  for (let token = scanner.next(); token !== 'finish'; token = scanner.next()) {
    if (token === 'text') {
      for (const element of open.slice(-1)) element.text += scanner.text();
    } else if (token === 'start') {
      const attributes = new Map<string, string>();
      for (const name of ['viewBox', 'points', 'x', 'cx', 'x1', 'x2', 'y', 'cy', 'y1', 'y2']) {
        const value = scanner.attribute(name);
        if (value !== undefined) attributes.set(name, value);
      }
      const element: Element = { name: scanner.name, attributes, text: '' };
      open.push(element);
      all.push(element);
    } else {
      open.pop();
    }
  }
  return all;
}

test('the page of the benchmark says what was measured, with what command, and what each figure comes to', () => {
  const page = formatPage({ command: 'npm run bench -- --sizes 1000', machine: '2 × CPU' }, [
    formatMatrix(columns.slice(0, 1), 'benchmark.svg'),
    formatExports([
      { objects: 'projected', shells: 1, cost: costOf() },
      { objects: 'projected', shells: 1, cost: costOf({ mailboxes: 9800 }) },
      { objects: 'projected', shells: 1, cost: costOf({ mailboxes: 49_000, peakResidentBytes: 150 * 1024 * 1024 }) },
      { objects: 'projected', shells: 4, cost: costOf({ mailboxes: 49_000, peakResidentBytes: 180 * 1024 * 1024 }) },
      { objects: 'whole', shells: 1, cost: costOf() },
    ]),
    formatSharing({
      latencyMs: 3,
      mailboxes: 1000,
      measured: [
        { shells: 1, cost: costOf({ secondsFromLastShell: 14 }) },
        { shells: 4, cost: costOf({ secondsFromLastShell: 4 }) },
      ],
    }),
    formatIncrements({
      complete: costOf(),
      increments: [
        {
          name: 'two are gone',
          cost: costOf({ mode: 'incremental', rows: 2, requestBytes: 10_000, responseBytes: 20_000 }),
        },
      ],
    }),
    formatCookies(columns.slice(2)),
    formatDecoding({
      costs: {
        bodies: 10,
        bytesPerBody: 15_000,
        floor: 10,
        projection: 20,
        general: 80,
        real: undefined,
        realAbsent: 'no .NET here',
      },
      whole: 30,
      projected: 15,
    }),
    formatStarting([90, 70, 80]),
  ]);
  for (const line of [
    '# Benchmark',
    '`npm run bench -- --sizes 1000`, on 2 × CPU.',
    '| complete | 980 | 1 | 980 | 1.00 | 980 | 0.10 s | 102 µs | 4.00 MB | 100.00 % | 120 MB |',
    '| complete | 980 | 4 | 980 | 0.25 | 3920 | 0.10 s | 102 µs | 4.00 MB | 100.00 % | 120 MB |',
    '| no change | 980 | 1 | 0 | 0.02 | 49000 | 0.00 s | 2 µs | 0.08 MB | 2.00 % | 120 MB |',
    '| incremental | 980 | 4 | 13 | 0.03 | 39200 | 0.01 s | 10 µs | 0.40 MB | 10.00 % | 120 MB |',
    'The incremental exports follow these changes: 10 changed, 1 made and 2 deleted of 1000.',
    '| projected | 980 | 1 | 1960 | 250 µs | 25 µs | 225 µs | 4.1 KB | 120 MB |',
    '| projected | 49000 | 4 | 98000 | 5 µs | 1 µs | 5 µs | 0.1 KB | 180 MB |',
    '- memory of 49000 mailboxes to that of 9800, projected: 1.25',
    '| 4 | 4.00 | 245 | 250 µs | 3.50 |',
    '| complete | 980 | 0.50 | 0.24 s | 4.00 MB | 100.00 % | 120 MB |',
    '| two are gone | 2 | 0.50 | 0.24 s | 0.03 MB | 0.75 % | 120 MB |',
    '| 98000 | 14.00 MB | 1 ms | 20 ms | 21 ms | 60 MB |',
    '| general reader: base64 to all values | 80 µs | 8.00 | – |',
    'The real deserializer was not measured: no .NET here',
    '`exchange-connector --help`: median 80 ms, least 70 ms.',
  ]) {
    assert.ok(page.split('\n').includes(line), `the page lacks the line: ${line}\n${page}`);
  }
  assert.match(page, /^!\[[^\]\n]{100,}\]\(benchmark\.svg\)$/m);
  // Every row has as many cells as its heading.
  for (const lines of page.matchAll(/(?:^\|.*\n)+/gm)) {
    const widths = new Set(
      lines[0]
        .trimEnd()
        .split('\n')
        .map((line) => line.split('|').length),
    );
    assert.equal(widths.size, 1, lines[0]);
  }
  assert.doesNotMatch(page, /NaN|undefined|Infinity/);
});

test('the chart of the benchmark is well-formed, names itself, its axes and its lines, and stays inside its frame', () => {
  for (const shown of [columns, columns.slice(0, 1), columns.slice(1)]) {
    const chart = drawChart(shown);
    const elements = readElements(chart);
    assert.equal(elements[0]?.name, 'svg');
    const [width, height] = (elements[0]?.attributes.get('viewBox') ?? '').split(' ').slice(2).map(Number);
    assert.ok(width !== undefined && height !== undefined);
    const count = (name: string): number => elements.filter((element) => element.name === name).length;
    assert.equal(count('polyline'), 3 * matrixExports.length * matrixShells.length);
    assert.ok((elements.find(({ name }) => name === 'desc')?.text.length ?? 0) > 100);
    const texts = elements.filter(({ name }) => name === 'text').map(({ text }) => text);
    for (const text of [
      'Mailboxes per second',
      'CPU of the client, seconds',
      'Peak memory of the client, MB',
      'mailboxes of the organisation',
      'complete export',
      'increment, nothing changed',
      'increment, 1 % changed',
      'one shell',
      'four shells',
      ...shown.map(({ size }) => size.toLocaleString('en-US')),
    ]) {
      assert.ok(texts.includes(text), `the chart lacks "${text}": ${texts.join(' | ')}`);
    }
    for (const { name, attributes } of elements) {
      for (const [attribute, value] of attributes) {
        if (!/^c?[xy][12]?$/.test(attribute)) continue;
        const limit: number = attribute.includes('x') ? width : height;
        assert.ok(Number(value) >= 0 && Number(value) <= limit, `${name} ${attribute}=${value}`);
      }
      for (const point of attributes.get('points')?.split(' ') ?? []) {
        const [x = Number.NaN, y = Number.NaN] = point.split(',').map(Number);
        assert.ok(x >= 0 && x <= width && y >= 0 && y <= height, `${name} points=${point}`);
      }
    }
    assert.doesNotMatch(chart, /NaN|undefined|Infinity/);
    assert.match(chart, /@media \(prefers-color-scheme: dark\)/);
  }
});

test('the chart of the benchmark puts more higher, and larger organisations further right', () => {
  const lines = readElements(drawChart(columns)).filter(({ name }) => name === 'polyline');
  const points = lines.map(({ attributes }) =>
    (attributes.get('points') ?? '').split(' ').map((point) => point.split(',').map(Number) as [number, number]),
  );
  const cpuOfComplete = points[matrixExports.length * matrixShells.length] ?? [];
  assert.equal(cpuOfComplete.length, columns.length);
  const [first, second, third] = cpuOfComplete;
  assert.ok(first && second && third);
  assert.ok(first[0] < second[0] && second[0] < third[0]);
  assert.ok(first[1] > second[1] && second[1] > third[1]);
  // Ten times as many mailboxes and ten times the CPU: the same step each time, on axes of powers of ten.
  assert.ok(Math.abs(first[0] - 2 * second[0] + third[0]) < 0.3);
  assert.ok(Math.abs(first[1] - 2 * second[1] + third[1]) < 0.3);
});
