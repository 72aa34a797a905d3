/* What a running pipeline tells, as records on standard output and blocks on standard error. */
import { decodeCliXml, type ErrorRecord, type PipelineEvent, PipelineState } from '@exchange-connector/psrp';
import { assertNever } from '../errors.ts';
import { JsonWriter } from '../json/json-value.ts';
import type { LineOutput } from '../output.ts';
import { ExitCode } from '../run-control.ts';
import type { ProgressLine } from './progress-line.ts';
import { formatRecord } from './record-text.ts';
import { formatErrorBlock, formatMessageBlock, formatUnexplainedEnd, informationText } from './stream-blocks.ts';

const words = { warning: 'WARNING', verbose: 'VERBOSE', debug: 'DEBUG' } as const;

export class RecordPrinter {
  readonly #json: boolean;
  readonly #output: LineOutput;
  readonly #complaints: LineOutput;
  readonly #progress: ProgressLine;
  #records = 0;
  #errors = 0;
  #afterBlock = false;
  #lastError: ErrorRecord | undefined;
  #end: ExitCode | undefined;

  constructor(json: boolean, output: LineOutput, complaints: LineOutput, progress: ProgressLine) {
    this.#json = json;
    this.#output = output;
    this.#complaints = complaints;
    this.#progress = progress;
  }

  get records(): number {
    return this.#records;
  }

  get errors(): number {
    return this.#errors;
  }

  /** How the pipeline ended; undefined while it has not. */
  get exitCode(): ExitCode | undefined {
    return this.#end;
  }

  async print(event: PipelineEvent): Promise<void> {
    switch (event.kind) {
      case 'output':
        this.#records++;
        return await this.#record(event.body);
      case 'error':
        this.#errors++;
        this.#lastError = event.record;
        return await this.#block(formatErrorBlock(event.record));
      case 'warning':
      case 'verbose':
      case 'debug':
        return await this.#block(formatMessageBlock(words[event.kind], event.message));
      case 'information':
        return await this.#block(formatMessageBlock('INFORMATION', informationText(event.raw)));
      case 'progress':
        return this.#progress.show(event.record);
      case 'state':
        return await this.#state(event.state, event.error);
      default:
        return assertNever(event);
    }
  }

  async #record(body: Uint8Array): Promise<void> {
    this.#progress.clear();
    if (this.#json) {
      const writer = new JsonWriter();
      return await this.#output.write(`${writer.write(decodeCliXml(body, { onObject: writer.place }))}\n`);
    }
    const { text, isBlock } = formatRecord(decodeCliXml(body));
    const gap = this.#records > 1 && (isBlock || this.#afterBlock) ? '\n' : '';
    this.#afterBlock = isBlock;
    await this.#output.write(`${gap}${text}\n`);
  }

  async #block(text: string): Promise<void> {
    this.#progress.clear();
    await this.#complaints.write(text);
  }

  async #state(state: PipelineState, error: ErrorRecord | undefined): Promise<void> {
    this.#progress.clear();
    switch (state) {
      case PipelineState.Completed:
        this.#end = this.#errors > 0 ? ExitCode.DoneInPart : ExitCode.Done;
        return;
      case PipelineState.Failed:
      case PipelineState.Stopped:
        this.#end = ExitCode.Failed;
        if (error === undefined)
          return await this.#block(formatUnexplainedEnd(state === PipelineState.Failed ? 'Failed' : 'Stopped'));
        if (!isSameError(error, this.#lastError)) await this.#block(formatErrorBlock(error));
        return;
      default:
    }
  }
}

/** Some failed pipelines send their last error on the error stream too. */
function isSameError(one: ErrorRecord, other: ErrorRecord | undefined): boolean {
  return (
    other !== undefined && one.message === other.message && one.fullyQualifiedErrorId === other.fullyQualifiedErrorId
  );
}
