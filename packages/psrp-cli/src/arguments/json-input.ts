/*
 * JSON (RFC 8259) as pipeline input. Read directly into CLIXML values: a JavaScript object in between would
 * move keys like "10" to the front, and a number in between would lose the digits of a large integer.
 */
import {
  psArray,
  psBoolean,
  psDouble,
  psHashtable,
  psInt32,
  psInt64,
  psNull,
  psString,
} from '@exchange-connector/psrp';
import type { PsValue } from '@exchange-connector/psrp';
import { PsrpCliError } from '../errors.ts';

/** PowerShell's deserializer refuses what is nested deeper than 48 arrays. */
export const maxInputDepth = 48;

/**
 * One JSON text as a CLIXML value: text as `S`, a whole number as `I32` or `I64`, another as `Db`, an array
 * as `Object[]`, an object as a hashtable (keys in their order), `true` and `false` as `B`, `null` as `Nil`.
 *
 * @param where what the text is, for error messages: `line 7 of orders.jsonl`
 * @throws PsrpCliError PSRP_CLI_INPUT_INVALID
 */
export function parseJsonInput(text: string, where: string): PsValue {
  return new JsonInputReader(text, where).read();
}

const space = /[ \t\r\n]*/y;
const numberText = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const word = /true|false|null/y;

class JsonInputReader {
  readonly #text: string;
  readonly #where: string;
  #at = 0;
  #depth = 0;

  constructor(text: string, where: string) {
    this.#text = text;
    this.#where = where;
  }

  read(): PsValue {
    this.#take(space);
    const value = this.#value();
    this.#take(space);
    if (this.#at < this.#text.length) this.#fail('one value a line is allowed, and more follows');
    return value;
  }

  #value(): PsValue {
    switch (this.#text[this.#at]) {
      case '{':
        return this.#nested(() => this.#object());
      case '[':
        return this.#nested(() => this.#array());
      case '"':
        return psString(this.#string());
      default: {
        const literal = this.#take(word);
        if (literal === 'null') return psNull;
        return literal === undefined ? this.#number() : psBoolean(literal === 'true');
      }
    }
  }

  #nested(read: () => PsValue): PsValue {
    if (++this.#depth > maxInputDepth) this.#fail(`more than ${maxInputDepth} levels, which PowerShell cannot read`);
    this.#at++;
    const value = read();
    this.#depth--;
    return value;
  }

  #array(): PsValue {
    const items: PsValue[] = [];
    if (this.#ends(']')) return psArray(items);
    for (;;) {
      this.#take(space);
      items.push(this.#value());
      if (this.#ends(']')) return psArray(items);
      this.#expect(',');
    }
  }

  #object(): PsValue {
    const entries = new Map<string, PsValue>();
    if (this.#ends('}')) return psHashtable([]);
    for (;;) {
      this.#take(space);
      const key = this.#string();
      if (entries.has(key)) this.#fail(`the key ${JSON.stringify(key)} stands twice in one object`);
      this.#take(space);
      this.#expect(':');
      this.#take(space);
      entries.set(key, this.#value());
      if (this.#ends('}')) return psHashtable(entries);
      this.#expect(',');
    }
  }

  #number(): PsValue {
    const match = this.#match(numberText);
    if (match === undefined) return this.#fail('a JSON value is due');
    const [text, fraction, exponent] = match;
    const value = Number(text);
    if (!Number.isFinite(value)) this.#fail(`the number ${text} is too large`);
    const whole = fraction === undefined && exponent === undefined ? BigInt(text) : wholeOf(value);
    if (whole === undefined || BigInt.asIntN(64, whole) !== whole) return psDouble(value);
    return BigInt.asIntN(32, whole) === whole ? psInt32(Number(whole)) : psInt64(whole);
  }

  #string(): string {
    const start = this.#at;
    if (this.#text[start] !== '"') this.#fail('a text in double quotes is due');
    let end = start + 1;
    for (; this.#text[end] !== '"'; end++) {
      if (end >= this.#text.length) this.#fail('a text without its closing quote');
      if (this.#text[end] === '\\') end++;
    }
    try {
      const text = JSON.parse(this.#text.slice(start, end + 1)) as string;
      this.#at = end + 1;
      return text;
    } catch {
      return this.#fail('a text with a bad escape or a bare control character');
    }
  }

  /** Whether the bracket follows, behind any space; takes it then. */
  #ends(bracket: string): boolean {
    this.#take(space);
    if (this.#text[this.#at] !== bracket) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (this.#text[this.#at] !== character) this.#fail(`a "${character}" is due`);
    this.#at++;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match;
  }

  #take(pattern: RegExp): string | undefined {
    return this.#match(pattern)?.[0];
  }

  #fail(reason: string): never {
    const seen = this.#at < this.#text.length ? JSON.stringify(this.#text.slice(this.#at, this.#at + 20)) : 'the end';
    throw new PsrpCliError(
      'PSRP_CLI_INPUT_INVALID',
      `reading ${this.#where} as JSON: at character ${this.#at + 1}, before ${seen}: ${reason}`,
    );
  }
}

function wholeOf(value: number): bigint | undefined {
  return Number.isInteger(value) ? BigInt(value) : undefined;
}
