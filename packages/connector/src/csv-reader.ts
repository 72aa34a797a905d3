/*
 * Reads RFC 4180 out of chunks of bytes, one record at a time, and says where the first fault is.
 *
 *   record   field *(COMMA field) (CRLF | LF)        the last one too: a file that ends elsewhere was cut
 *   field    *(any but COMMA, DQUOTE, CR, LF)  |  DQUOTE *(any but DQUOTE | 2DQUOTE) DQUOTE
 *
 * The marks are ASCII, so records are found in the bytes of UTF-8 and decoded one by one: memory does not
 * grow with the file, only with its longest record.
 */
import { ConnectorError } from './errors.ts';

/** A record longer than this is a quote that is never closed, or no CSV. */
const mostRecordBytes = 16 * 1024 * 1024;

const lineFeed = 0x0a;
const quote = 0x22;

/** One record, and where it stands. */
export interface CsvRecord {
  /** The line that it begins in, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
  /** The text it was read from, without its line end. */
  readonly text: string;
}

/** A place in a file: both count from 1; a column is a character of its line. */
export interface FilePlace {
  readonly line: number;
  readonly column: number;
}

/**
 * The error for a file that cannot be accepted.
 * @param name as a person knows the file
 */
export function fileInvalid(name: string, place: FilePlace, message: string): ConnectorError {
  return new ConnectorError('EXPORT_FILE_INVALID', `${name}, line ${place.line}, column ${place.column}: ${message}`, {
    mend: 'mend the export script so that it writes this file as docs/scripts.md says; the files of the last good run were not touched',
  });
}

/** Where the character at `offset` of a record's text stands. */
function placeAt(firstLine: number, text: string, offset: number): FilePlace {
  let line = firstLine;
  let start = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) {
    line += 1;
    start = at + 1;
  }
  return { line, column: offset - start + 1 };
}

/** Where a field of a record begins. */
export function fieldPlace(record: CsvRecord, index: number): FilePlace {
  let offset = 0;
  let inQuotes = false;
  for (let field = 0; field < index && offset < record.text.length; offset += 1) {
    const character = record.text[offset];
    if (character === '"') inQuotes = !inQuotes;
    else if (character === ',' && !inQuotes) field += 1;
  }
  return placeAt(record.line, record.text, offset);
}

function concatenate(parts: readonly Uint8Array[], last: Uint8Array): Uint8Array {
  if (parts.length === 0) return last;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, last.length));
  let at = 0;
  for (const part of [...parts, last]) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Gives the records of one file. Feed it all bytes in order, then call {@link CsvReader.end}. */
export class CsvReader {
  readonly #name: string;
  readonly #parts: Uint8Array[] = [];
  #pending = 0;
  #inQuotes = false;
  /** The line that the next record begins in, and the one that is being looked through. */
  #recordLine = 1;
  #line = 1;
  #isFirst = true;

  /** @param name as a person knows the file, for messages */
  constructor(name: string) {
    this.#name = name;
  }

  /**
   * The records that end in `chunk`; it may be reused afterwards.
   * @throws ConnectorError EXPORT_FILE_INVALID
   */
  *push(chunk: Uint8Array): Generator<CsvRecord, void, void> {
    let start = 0;
    let from = 0;
    let nextQuote = chunk.indexOf(quote);
    while (from < chunk.length) {
      const found = chunk.indexOf(lineFeed, from);
      const end = found < 0 ? chunk.length : found + 1;
      for (; nextQuote >= 0 && nextQuote < end; nextQuote = chunk.indexOf(quote, nextQuote + 1)) {
        this.#inQuotes = !this.#inQuotes;
      }
      from = end;
      if (this.#pending + end - start > mostRecordBytes) this.#refuseLong(chunk.subarray(start, end));
      if (found < 0) break;
      this.#line += 1;
      if (this.#inQuotes) continue;
      yield this.#record(concatenate(this.#parts, chunk.subarray(start, end)));
      this.#parts.length = 0;
      this.#pending = 0;
      this.#recordLine = this.#line;
      start = end;
    }
    if (start < chunk.length) {
      this.#parts.push(chunk.slice(start));
      this.#pending += chunk.length - start;
    }
  }

  /**
   * To be called when there are no more bytes.
   * @throws ConnectorError EXPORT_FILE_INVALID where the file ends in the middle of a record, or is empty
   */
  end(): void {
    if (this.#pending === 0) {
      if (this.#isFirst)
        throw fileInvalid(this.#name, { line: 1, column: 1 }, 'the file is empty; its header is missing');
      return;
    }
    const text = this.#decode(concatenate(this.#parts, new Uint8Array(0)));
    if (this.#inQuotes) this.#refuseOpenQuote(text);
    throw fileInvalid(
      this.#name,
      placeAt(this.#recordLine, text, text.length),
      'the file ends in the middle of a row, without a line end: it was not written to its end',
    );
  }

  #refuseLong(last: Uint8Array): never {
    const text = new TextDecoder().decode(concatenate(this.#parts, last));
    const opened = this.#openQuote(text);
    const place = placeAt(this.#recordLine, text, opened ?? 0);
    const why = opened === undefined ? '' : ': the quote that opens here is not closed';
    throw fileInvalid(this.#name, place, `a row is longer than ${mostRecordBytes} bytes${why}`);
  }

  #refuseOpenQuote(text: string): never {
    const place = placeAt(this.#recordLine, text, this.#openQuote(text) ?? 0);
    throw fileInvalid(this.#name, place, 'the file ends inside the quoted value that opens here');
  }

  /** The last quote that opens and is not closed. */
  #openQuote(text: string): number | undefined {
    let opened: number | undefined;
    for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) {
      // Two quotes inside a quoted value are one quote of it.
      if (opened === undefined) opened = at;
      else if (text[at + 1] === '"') at += 1;
      else opened = undefined;
    }
    return opened;
  }

  #record(bytes: Uint8Array): CsvRecord {
    const decoded = this.#decode(bytes);
    const text = decoded.slice(0, decoded.endsWith('\r\n') ? -2 : -1);
    const line = this.#recordLine;
    return { line, text, fields: this.#fields(line, text) };
  }

  #decode(bytes: Uint8Array): string {
    const body = this.#isFirst ? this.#withoutMark(bytes) : bytes;
    this.#isFirst = false;
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    } catch {
      throw this.#notUtf8(body);
    }
    const nul = text.indexOf('\0');
    if (nul >= 0) {
      const place = placeAt(this.#recordLine, text, nul);
      throw fileInvalid(this.#name, place, 'a NUL character: the file is not text in UTF-8 (UTF-16, perhaps)');
    }
    return text;
  }

  #withoutMark(bytes: Uint8Array): Uint8Array {
    const [first, second, third] = bytes;
    if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
      throw fileInvalid(
        this.#name,
        { line: 1, column: 1 },
        'the file is in UTF-16; UTF-8 is needed (Export-Csv -Encoding UTF8)',
      );
    }
    return first === 0xef && second === 0xbb && third === 0xbf ? bytes.subarray(3) : bytes;
  }

  /** The longest start that decodes ends right before the fault. */
  #notUtf8(bytes: Uint8Array): ConnectorError {
    const decode = (count: number): string | undefined => {
      try {
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, count), {
          stream: true,
        });
      } catch {
        return undefined;
      }
    };
    let good = 0;
    let bad = bytes.length;
    while (bad - good > 1) {
      const middle = (good + bad) >>> 1;
      if (decode(middle) === undefined) bad = middle;
      else good = middle;
    }
    const text = decode(good) ?? '';
    const place = placeAt(this.#recordLine, text, text.length);
    return fileInvalid(this.#name, place, 'bytes that are no UTF-8; UTF-8 is needed (Export-Csv -Encoding UTF8)');
  }

  #fields(line: number, text: string): string[] {
    const fields: string[] = [];
    for (let at = 0; ; at += 1) {
      if (text[at] === '"') {
        const close = this.#closingQuote(line, text, at);
        fields.push(text.slice(at + 1, close).replaceAll('""', '"'));
        at = close + 1;
        if (at < text.length && text[at] !== ',')
          throw fileInvalid(
            this.#name,
            placeAt(line, text, at),
            'a comma or the end of the row must follow a closing quote',
          );
      } else {
        const comma = text.indexOf(',', at);
        const end = comma < 0 ? text.length : comma;
        const field = text.slice(at, end);
        const odd = field.search(/["\r\n]/);
        if (odd >= 0)
          throw fileInvalid(
            this.#name,
            placeAt(line, text, at + odd),
            `a ${field[odd] === '"' ? 'quote' : 'line break'} in a value that is not in quotes`,
          );
        fields.push(field);
        at = end;
      }
      if (at >= text.length) return fields;
    }
  }

  #closingQuote(line: number, text: string, open: number): number {
    let at = text.indexOf('"', open + 1);
    while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
    if (at < 0) throw fileInvalid(this.#name, placeAt(line, text, open), 'the quote that opens here is not closed');
    return at;
  }
}
