import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import {
  decodeCliXml,
  type ErrorRecord,
  type PipelineEvent,
  PipelineState,
  psNull,
  psObject,
  psString,
  type PsProgress,
} from '@exchange-connector/psrp';
import { ProgressLine } from '../src/invoke/progress-line.ts';
import { RecordPrinter } from '../src/invoke/record-printer.ts';
import { LineOutput } from '../src/output.ts';

class Stream extends PassThrough {
  readonly isTTY = true;
  readonly columns = 40;
  get text(): string {
    let text = '';
    for (let piece: unknown = this.read(); piece !== null; piece = this.read()) text += String(piece);
    return text;
  }
}

function printerFor(json: boolean, options: { terminal: boolean } = { terminal: false }) {
  const [output, complaints] = [new Stream(), new Stream()];
  const terminal = options.terminal ? (complaints as unknown as NodeJS.WriteStream) : undefined;
  const outputs = [output, complaints].map((stream) => new LineOutput(stream as unknown as NodeJS.WriteStream));
  const printer = new RecordPrinter(
    json,
    outputs[0] as LineOutput,
    outputs[1] as LineOutput,
    new ProgressLine(terminal),
  );
  return { printer, output, complaints };
}

const error: ErrorRecord = {
  message: 'it failed',
  fullyQualifiedErrorId: 'Id',
  category: 0,
  categoryActivity: '',
  categoryReason: '',
  categoryTargetName: '',
  categoryTargetType: '',
  categoryMessage: '',
  exceptionTypeNames: [],
  details: undefined,
  raw: psNull,
};
const progress: PsProgress = {
  kind: 'PR',
  activity: 'Moving',
  activityId: 0,
  currentOperation: undefined,
  parentActivityId: -1,
  percentComplete: 5,
  recordType: 'Processing',
  secondsRemaining: -1,
  statusDescription: 'anna',
};
const errorBlock = 'ERROR: it failed\n  FullyQualifiedErrorId : Id\n';

function outputOf(xml: string): PipelineEvent {
  return { kind: 'output', body: new TextEncoder().encode(xml) };
}

test('each stream goes where it belongs, each record as a block of its own', async () => {
  const { printer, output, complaints } = printerFor(true);
  const raw = psNull;
  await printer.print(outputOf('<S>a</S>'));
  for (const kind of ['warning', 'verbose', 'debug'] as const) await printer.print({ kind, message: kind, raw });
  await printer.print({ kind: 'information', raw: psObject({ extended: { MessageData: psString('told') } }) });
  await printer.print({ kind: 'progress', record: progress, raw });
  await printer.print({ kind: 'error', record: error });
  await printer.print({ kind: 'output', body: new Uint8Array(0) });
  assert.equal(output.text, '"a"\nnull\n');
  assert.equal(complaints.text, `WARNING: warning\nVERBOSE: verbose\nDEBUG: debug\nINFORMATION: told\n${errorBlock}`);
});

const ends: readonly (readonly [string, PipelineEvent[], number, string])[] = [
  ['completed', [{ kind: 'state', state: PipelineState.Completed, error: undefined }], 0, ''],
  [
    'completed with errors',
    [
      { kind: 'error', record: error },
      { kind: 'state', state: PipelineState.Completed, error: undefined },
    ],
    5,
    errorBlock,
  ],
  ['failed', [{ kind: 'state', state: PipelineState.Failed, error }], 1, errorBlock],
  [
    'failed with the same error on the error stream',
    [
      { kind: 'error', record: error },
      { kind: 'state', state: PipelineState.Failed, error },
    ],
    1,
    errorBlock,
  ],
  [
    'failed without a word',
    [{ kind: 'state', state: PipelineState.Failed, error: undefined }],
    1,
    'ERROR: the pipeline ended in state Failed, and the server gave no error for it\n  FullyQualifiedErrorId : (none)\n',
  ],
  ['stopped', [{ kind: 'state', state: PipelineState.Stopped, error }], 1, errorBlock],
];

for (const [how, events, exitCode, text] of ends) {
  test(`a pipeline that ${how} has exit code ${exitCode}`, async () => {
    const { printer, complaints } = printerFor(true);
    for (const event of events) await printer.print(event);
    assert.deepEqual([printer.exitCode, complaints.text], [exitCode, text]);
  });
}

test('blocks for a person are parted by an empty line, plain records are not', async () => {
  const { printer, output } = printerFor(false);
  const block = '<Obj RefId="0"><MS><S N="A">1</S></MS></Obj>';
  for (const xml of [block, block, '<S>x</S>', '<S>y</S>']) await printer.print(outputOf(xml));
  assert.equal(output.text, 'A : 1\n\nA : 1\n\nx\ny\n');
});

test('progress is drawn on a terminal and taken away before anything else is written', async () => {
  const { printer, complaints } = printerFor(true, { terminal: true });
  await printer.print({ kind: 'progress', record: progress, raw: psNull });
  await printer.print({ kind: 'progress', record: progress, raw: psNull });
  await printer.print({ kind: 'warning', message: 'w', raw: psNull });
  assert.equal(complaints.text, '\r\u001b[KMoving: anna 5%\r\u001b[KWARNING: w\n');
});

test('a record is written only when the reader of the one before has caught up', async () => {
  const { printer, output } = printerFor(true);
  const large = `<S>${'x'.repeat(1_000_000)}</S>`;
  let written = 0;
  const printing = (async () => {
    for (; written < 3; written++) await printer.print(outputOf(large));
  })();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(written, 0);
  output.resume();
  await printing;
  assert.equal(written, 3);
});

test('what was printed as JSON reads back as one value a line', async () => {
  const { printer, output } = printerFor(true);
  const xml = '<Obj RefId="0"><MS><S N="a">1\u20282_x000A_3</S></MS></Obj>';
  await printer.print(outputOf(xml));
  const lines = output.text.split(/\r?\n|[\u0085\u2028\u2029]/);
  assert.deepEqual([lines.length, JSON.parse(lines[0] ?? '')], [2, { a: '1\u20282\n3' }]);
  assert.equal(decodeCliXml(new TextEncoder().encode(xml)).kind, 'Obj');
});
