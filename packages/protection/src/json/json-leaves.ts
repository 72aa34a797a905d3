/*
 * The text leaves of a JSON document as settings files have it (comments, trailing commas, a byte-order mark),
 * found without building objects, so that no name can be special and nothing recurses. Replacing leaves keeps the
 * tree, its order and its layout; comments are left out, because they may hold what is to be protected.
 */
import { createScanner, type JSONScanner } from 'jsonc-parser';
import { ProtectionError } from '../errors.ts';
import { limits } from '../limits.ts';

/** One text or number in the document. */
export interface JsonLeaf {
  /** `Connections.Main.Options.Password`, `Connections.Main.Server[1]`. */
  readonly path: string;
  /** Names and indexes from the root. */
  readonly steps: readonly (string | number)[];
  readonly kind: 'text' | 'number';
  /** The text itself, or the number as written. */
  readonly value: string;
  readonly offset: number;
  readonly length: number;
}

/** jsonc-parser's SyntaxKind and ScanError are const enums, which type stripping cannot read. */
const kindOf = {
  openBrace: 1,
  closeBrace: 2,
  openBracket: 3,
  closeBracket: 4,
  comma: 5,
  colon: 6,
  null: 7,
  true: 8,
  false: 9,
  text: 10,
  number: 11,
  lineComment: 12,
  blockComment: 13,
  lineBreak: 14,
  trivia: 15,
  endOfFile: 17,
} as const;

interface Container {
  readonly kind: 'object' | 'array';
  readonly names: Set<string>;
  step: string | number;
}

/** A document, read. */
export interface JsonLeaves {
  readonly leaves: readonly JsonLeaf[];
  /** The document with leaves replaced by texts, without its comments and trailing commas. */
  replace(values: ReadonlyMap<JsonLeaf, string>): string;
}

interface Edit {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

/**
 * Finds the leaves of a document.
 * @param source names it in messages
 * @throws ProtectionError PROTECT_FILE_INVALID with line and column, never with a value
 */
export function readJsonLeaves(bytes: Uint8Array, source: string): JsonLeaves {
  const text = decode(bytes, source);
  const reader = new LeafReader(text, source);
  reader.read();
  const { leaves, removals } = reader;
  return {
    leaves,
    replace(values) {
      const edits: Edit[] = [...removals];
      for (const [{ offset, length }, value] of values) edits.push({ offset, length, text: JSON.stringify(value) });
      return apply(text, edits);
    },
  };
}

function apply(text: string, edits: Edit[]): string {
  edits.sort((left, right) => left.offset - right.offset);
  const parts: string[] = [];
  let at = 0;
  for (const edit of edits) {
    parts.push(text.slice(at, edit.offset), edit.text);
    at = edit.offset + edit.length;
  }
  parts.push(text.slice(at));
  return parts.join('');
}

function decode(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const at = firstInvalidByte(bytes);
    const isWide = bytes[0] === 0xff || bytes[0] === 0xfe || bytes.indexOf(0) >= 0;
    throw invalid(
      source,
      `it is not UTF-8: the byte at offset ${at} does not belong there${isWide ? '; it looks like UTF-16' : ''}`,
      'save it as UTF-8',
    );
  }
}

/** The first byte that is not part of what UTF-8 allows. */
function firstInvalidByte(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  while (good < bad) {
    const middle = Math.ceil((good + bad) / 2);
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle - 1;
    }
  }
  return good;
}

function invalid(source: string, seen: string, mend: string): ProtectionError {
  return new ProtectionError('PROTECT_FILE_INVALID', `reading ${source}: ${seen}`, { mend });
}

/** A name that is no plain word stands in brackets, as elsewhere in this program's messages. */
function joinPath(steps: readonly (string | number)[]): string {
  return steps
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      if (!/^[\w-]+$/.test(step)) return `[${JSON.stringify(step.slice(0, 80))}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join('');
}

class LeafReader {
  readonly leaves: JsonLeaf[] = [];
  readonly removals: Edit[] = [];
  readonly #text: string;
  readonly #source: string;
  readonly #scanner: JSONScanner;
  readonly #open: Container[] = [];
  /** The comma before what comes next, where there is one. */
  #comma: number | undefined;
  #kind: number = kindOf.endOfFile;

  constructor(text: string, source: string) {
    this.#text = text;
    this.#source = source;
    this.#scanner = createScanner(text, false);
  }

  read(): void {
    this.#next();
    if (this.#kind === kindOf.endOfFile) throw this.#fault('the file is empty', 0);
    for (let expected: 'value' | 'first' | 'member' | 'after' = 'value'; ; ) {
      if (expected === 'value') expected = this.#value();
      else if (expected === 'first' || expected === 'member') expected = this.#member(expected === 'first');
      else if (this.#open.length === 0) break;
      else expected = this.#after();
    }
    if (this.#kind !== kindOf.endOfFile) throw this.#fault('there is more text after the end of the JSON value');
  }

  /** Steps to the next token that counts; comments are noted for removal. */
  #next(): void {
    for (;;) {
      this.#kind = this.#scanner.scan();
      const offset = this.#scanner.getTokenOffset();
      if (this.#scanner.getTokenError() !== 0)
        throw this.#fault('a text, number or comment that is not well-formed', offset);
      if (this.#kind === kindOf.lineComment || this.#kind === kindOf.blockComment)
        this.#removeComment(offset, offset + this.#scanner.getTokenLength());
      else if (this.#kind !== kindOf.lineBreak && this.#kind !== kindOf.trivia) return;
    }
  }

  /** A comment goes with the blanks before it, and with its line where that holds nothing else. */
  #removeComment(from: number, to: number): void {
    let start = from;
    while (/[ \t]/.test(this.#text[start - 1] ?? '')) start -= 1;
    const lineEnd = /^[ \t]*(?:\r?\n|$)/.exec(this.#text.slice(to, to + 1000));
    const isWholeLine = lineEnd !== null && (start === 0 || this.#text[start - 1] === '\n');
    const end = isWholeLine ? to + lineEnd[0].length : to;
    this.removals.push({ offset: start, length: end - start, text: '' });
  }

  #isAt(kind: number): boolean {
    return this.#kind === kind;
  }

  #value(): 'first' | 'value' | 'after' {
    const offset = this.#scanner.getTokenOffset();
    switch (this.#kind) {
      case kindOf.openBrace:
      case kindOf.openBracket:
        return this.#enter(this.#kind === kindOf.openBrace ? 'object' : 'array');
      case kindOf.text:
      case kindOf.number: {
        const steps = this.#open.map(({ step }) => step);
        const kind = this.#kind === kindOf.text ? 'text' : 'number';
        const length = this.#scanner.getTokenLength();
        this.leaves.push({ path: joinPath(steps), steps, kind, value: this.#scanner.getTokenValue(), offset, length });
        break;
      }
      case kindOf.null:
      case kindOf.true:
      case kindOf.false:
        break;
      default:
        throw this.#fault('a value was expected');
    }
    this.#next();
    return 'after';
  }

  #enter(kind: 'object' | 'array'): 'first' {
    if (this.#open.length >= limits.jsonDepth)
      throw this.#fault(`it nests deeper than ${limits.jsonDepth} objects and arrays`);
    this.#open.push({ kind, names: new Set(), step: kind === 'array' ? -1 : '' });
    this.#comma = undefined;
    this.#next();
    return 'first';
  }

  /** Before a member or item, or at the end of the container. */
  #member(isFirst: boolean): 'value' | 'after' {
    const container = this.#open.at(-1) as Container;
    if (this.#kind === (container.kind === 'object' ? kindOf.closeBrace : kindOf.closeBracket)) {
      if (!isFirst && this.#comma !== undefined) this.removals.push({ offset: this.#comma, length: 1, text: '' });
      this.#open.pop();
      this.#next();
      return 'after';
    }
    if (container.kind === 'array') {
      container.step = (container.step as number) + 1;
      return 'value';
    }
    if (this.#kind !== kindOf.text) throw this.#fault('a name in double quotes was expected');
    const name = this.#scanner.getTokenValue();
    container.step = name;
    if (container.names.has(name.toLowerCase()))
      throw this.#fault(
        `${joinPath(this.#open.map(({ step }) => step))} stands twice in one object (names count without regard to case)`,
      );
    container.names.add(name.toLowerCase());
    this.#next();
    if (!this.#isAt(kindOf.colon)) throw this.#fault('a colon was expected after the name');
    this.#next();
    return 'value';
  }

  #after(): 'member' {
    const container = this.#open.at(-1) as Container;
    if (this.#kind === kindOf.comma) {
      this.#comma = this.#scanner.getTokenOffset();
      this.#next();
      return 'member';
    }
    this.#comma = undefined;
    if (this.#kind !== (container.kind === 'object' ? kindOf.closeBrace : kindOf.closeBracket))
      throw this.#fault(
        this.#kind === kindOf.endOfFile ? 'the file ends inside an object or array' : 'a comma was expected',
      );
    return 'member';
  }

  #fault(seen: string, offset = this.#scanner.getTokenOffset()): ProtectionError {
    const before = this.#text.slice(0, offset);
    const line = before.split('\n').length;
    const column = offset - before.lastIndexOf('\n');
    return invalid(`${this.#source}:${line}:${column}`, seen, 'mend the file; nothing was written');
  }
}
