/* `--input`: JSON lines from a file or from standard input, as pipeline input. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { PsValue } from '@exchange-connector/psrp';
import { parseJsonInput } from '../arguments/json-input.ts';
import { PsrpCliError, usageError } from '../errors.ts';

/** The most that one line may hold, in UTF-16 code units: a line is held whole, and a server takes no larger object. */
export const maxInputLineCharacters = 75_000_000;

/**
 * Reads a file once from end to end, so that a bad line is found before anything is contacted. A pipe or
 * a device can be read only once and is left alone.
 *
 * @returns whether it was read
 * @throws PsrpCliError PSRP_CLI_INPUT_INVALID, PSRP_CLI_USAGE
 */
export async function checkInputFile(file: string): Promise<boolean> {
  const kind = await stat(file).catch((error: Error) => {
    throw usageError(`--input ${file}: it cannot be read (${error.message})`, error);
  });
  if (kind.isDirectory()) throw usageError(`--input ${file}: this is a folder; name a file of JSON lines`);
  if (!kind.isFile()) return false;
  try {
    for await (const _ of readInputValues(createReadStream(file), file));
    return true;
  } catch (error) {
    if (error instanceof PsrpCliError) throw error;
    throw usageError(`--input ${file}: it cannot be read (${(error as Error).message})`, error);
  }
}

/**
 * The values of JSON lines, each as it is read. Empty lines are passed over.
 *
 * @throws PsrpCliError PSRP_CLI_INPUT_INVALID, naming the line
 */
export async function* readInputValues(
  source: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<PsValue, void, undefined> {
  let number = 0;
  for await (const line of readLines(source, name)) {
    number++;
    if (line.trim() !== '') yield parseJsonInput(line, `line ${number} of ${name}`);
  }
}

/** Only a line feed ends a line: JSON may hold U+2028, at which `node:readline` would cut. */
async function* readLines(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let number = 1;
  const decode = (bytes?: Uint8Array): string => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch (error) {
      throw new PsrpCliError(
        'PSRP_CLI_INPUT_INVALID',
        `reading ${name}: at or after line ${number} the text is not UTF-8`,
        { cause: error },
      );
    }
  };
  const parts: string[] = [];
  let length = 0;
  for await (const bytes of source) {
    let text = decode(bytes);
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      parts.push(text.slice(0, end));
      yield parts.join('');
      parts.length = 0;
      length = 0;
      number++;
      text = text.slice(end + 1);
    }
    parts.push(text);
    length += text.length;
    if (length > maxInputLineCharacters) {
      throw new PsrpCliError(
        'PSRP_CLI_INPUT_INVALID',
        `reading ${name}: line ${number} is longer than ${maxInputLineCharacters} characters`,
      );
    }
  }
  const rest = parts.join('') + decode();
  if (rest !== '') yield rest;
}
