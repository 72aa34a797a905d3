/* `psrp decode`: files of CLIXML as JSON lines. */
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { CliXmlError, decodeCliXmlFile } from '@exchange-connector/psrp';
import { errorLine } from './error-line.ts';
import { PsrpCliError } from './errors.ts';
import { JsonWriter } from './json/json-value.ts';
import { isReaderGone, type LineOutput } from './output.ts';

export interface DecodeRequest {
  /** `-` is standard input. */
  readonly files: readonly string[];
  readonly types: boolean;
  readonly output: LineOutput;
  /** Says what went wrong with one file. */
  readonly complain: (message: string) => void;
  readonly signal: AbortSignal;
  readonly standardInput: NodeJS.ReadableStream;
}

/**
 * Writes each file's top-level objects, one a line. A file that is broken ends at its broken place and the
 * next one follows.
 *
 * @returns the exit code: 0, 1 where a file is broken, 2 where the only trouble is files that cannot be read
 */
export async function runDecode(request: DecodeRequest): Promise<0 | 1 | 2> {
  let unreadable = false;
  let broken = false;
  for (const file of request.files) {
    request.signal.throwIfAborted();
    const name = file === '-' ? 'standard input' : file;
    const bytes = await readBytes(file, request).catch((error: Error) => {
      request.signal.throwIfAborted();
      unreadable = true;
      request.complain(`reading ${name}: ${error.message}`);
    });
    if (bytes === undefined) continue;
    try {
      await decodeFile(bytes, request);
    } catch (error) {
      if (!(error instanceof CliXmlError || error instanceof PsrpCliError)) throw error;
      broken = true;
      request.complain(`${name}: ${errorLine(error)}`);
    }
    if (request.output.gone.aborted) break;
  }
  const gone = request.output.gone;
  if (gone.aborted && !isReaderGone(gone.reason)) throw gone.reason;
  if (broken) return 1;
  return unreadable ? 2 : 0;
}

async function readBytes(file: string, request: DecodeRequest): Promise<Uint8Array> {
  if (file !== '-') return await readFile(file, { signal: request.signal });
  return await Promise.race([buffer(request.standardInput), aborted(request.signal)]);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** What powershell.exe writes before CLIXML on its standard error. */
const streamMark = new TextEncoder().encode('#< CLIXML');

/** The bytes without the line that marks a stream as CLIXML, where it stands first. */
function withoutStreamMark(bytes: Uint8Array): Uint8Array {
  if (!streamMark.every((byte, index) => bytes[index] === byte)) return bytes;
  const end = bytes.indexOf(0x0a);
  return end < 0 ? bytes : bytes.subarray(end + 1);
}

async function decodeFile(bytes: Uint8Array, request: DecodeRequest): Promise<void> {
  const writer = new JsonWriter({ types: request.types });
  for (const value of decodeCliXmlFile(withoutStreamMark(bytes), { onObject: writer.place })) {
    await request.output.write(`${writer.write(value)}\n`);
    request.signal.throwIfAborted();
    if (request.output.gone.aborted) return;
  }
}
