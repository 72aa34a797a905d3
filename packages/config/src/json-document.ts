/*
 * JSON as settings files have it: comments, trailing commas and a byte-order mark are welcome;
 * a key that stands twice in one object is not (RFC 8259 section 4 leaves open which one counts).
 * Every value keeps its place, so that a remark can name it.
 */
import { createScanner, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import type { Remarks } from './remarks.ts';
import { quote } from './remarks.ts';
import {
  memberPath,
  type Origin,
  type Position,
  type SettingMember,
  type SettingValue,
  type SourceKind,
} from './setting-value.ts';

/** Deeper than any settings; the parser recurses, and its stack must not be the limit. */
const deepestNesting = 64;

/** jsonc-parser's SyntaxKind is a const enum, which type stripping cannot read. */
const token = { openBrace: 1, closeBrace: 2, openBracket: 3, closeBracket: 4, endOfFile: 17 } as const;

const syntaxMessages: Readonly<Record<string, string>> = {
  InvalidSymbol: 'a word that is not JSON: text stands in double quotes, else true, false, null or a number',
  InvalidNumberFormat: 'a number that is not well-formed',
  PropertyNameExpected: 'a name in double quotes was expected',
  ValueExpected: 'a value was expected',
  ColonExpected: 'a colon was expected after the name',
  CommaExpected: 'a comma was expected before this',
  CloseBraceExpected: 'the closing } of an object is missing',
  CloseBracketExpected: 'the closing ] of an array is missing',
  EndOfFileExpected: 'there is more text after the end of the JSON value',
  InvalidCommentToken: 'a comment that is not well-formed',
  UnexpectedEndOfComment: 'a comment that does not end',
  UnexpectedEndOfString: 'a text whose closing quote is missing on its line',
  UnexpectedEndOfNumber: 'a number that breaks off',
  InvalidUnicode: 'a \\u escape without four hexadecimal digits',
  InvalidEscapeCharacter: 'an escape that JSON does not have: a backslash itself is written \\\\',
  InvalidCharacter: 'a control character inside a text: write it as an escape',
};

function decodeUtf8(bytes: Uint8Array): string | number {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return firstInvalidByte(bytes);
  }
}

function firstInvalidByte(bytes: Uint8Array): number {
  // The longest prefix that decodes ends where the first invalid sequence begins.
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

class LineIndex {
  readonly #starts: number[] = [0];

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  positionOf(offset: number): Position {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#starts[low] ?? 0) + 1 };
  }
}

/** Offset of the bracket that nests too deep, if any. Counted token by token, without recursion. */
function findExcessiveNesting(text: string): number | undefined {
  const scanner = createScanner(text, true);
  let depth = 0;
  for (let kind: number = scanner.scan(); kind !== token.endOfFile; kind = scanner.scan()) {
    if (kind === token.openBrace || kind === token.openBracket) depth += 1;
    else if (kind === token.closeBrace || kind === token.closeBracket) depth -= 1;
    if (depth > deepestNesting) return scanner.getTokenOffset();
  }
  return undefined;
}

class TreeReader {
  readonly #source: { readonly kind: SourceKind; readonly source: string };
  readonly #lines: LineIndex;
  readonly #text: string;
  readonly #remarks: Remarks;

  constructor(
    source: { readonly kind: SourceKind; readonly source: string },
    text: string,
    lines: LineIndex,
    remarks: Remarks,
  ) {
    this.#source = source;
    this.#text = text;
    this.#lines = lines;
    this.#remarks = remarks;
  }

  read(node: Node, path: string): SettingValue {
    const origin = this.#originAt(node.offset, path);
    switch (node.type) {
      case 'object':
        return { kind: 'section', members: this.#readMembers(node, path), origin };
      case 'array':
        return {
          kind: 'list',
          items: (node.children ?? []).map((item, index) => this.read(item, `${path}[${index}]`)),
          origin,
        };
      case 'string':
        return { kind: 'text', value: node.value as string, origin };
      case 'number':
        return {
          kind: 'number',
          value: node.value as number,
          text: this.#text.slice(node.offset, node.offset + node.length),
          origin,
        };
      case 'boolean':
        return { kind: 'boolean', value: node.value as boolean, origin };
      default:
        return { kind: 'null', origin };
    }
  }

  #readMembers(node: Node, path: string): Map<string, SettingMember> {
    const members = new Map<string, SettingMember & { readonly at: Position }>();
    for (const property of node.children ?? []) {
      const [nameNode, valueNode] = property.children ?? [];
      if (nameNode === undefined || valueNode === undefined) continue;
      const name = nameNode.value as string;
      const origin = this.#originAt(nameNode.offset, memberPath(path, name));
      const at = this.#lines.positionOf(nameNode.offset);
      const earlier = members.get(name.toLowerCase());
      if (earlier === undefined) {
        members.set(name.toLowerCase(), { name, value: this.read(valueNode, origin.path), at });
        continue;
      }
      const other = earlier.name === name ? '' : ` as ${quote(earlier.name)} (names count without regard to case)`;
      this.#remarks.error(
        origin,
        `stands twice in one object: at line ${earlier.at.line}, column ${earlier.at.column}${other}, and at line ${at.line}, column ${at.column}; keep one of them`,
      );
    }
    return members;
  }

  #originAt(offset: number, path: string): Origin {
    return { ...this.#source, path, position: this.#lines.positionOf(offset) };
  }
}

/**
 * Reads one settings file's bytes.
 *
 * @returns the value, or undefined where it is no JSON at all; what is wrong goes to `remarks`
 */
export function readJsonDocument(
  source: string,
  bytes: Uint8Array,
  remarks: Remarks,
  kind: SourceKind = 'file',
): SettingValue | undefined {
  const whole: Origin = { source, path: '', position: undefined };
  const text = decodeUtf8(bytes);
  if (typeof text === 'number') {
    const utf16 = bytes[0] === 0xff || bytes[0] === 0xfe || bytes.indexOf(0) >= 0;
    const guess = utf16 ? '; it looks like UTF-16, save it as UTF-8' : '; save the file as UTF-8';
    remarks.error(whole, `is not UTF-8: the byte at offset ${text} does not belong there${guess}`);
    return undefined;
  }
  const lines = new LineIndex(text);
  const tooDeep = findExcessiveNesting(text);
  if (tooDeep !== undefined) {
    remarks.error(
      { ...whole, position: lines.positionOf(tooDeep) },
      `nests deeper than ${deepestNesting} objects and arrays`,
    );
    return undefined;
  }
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true, disallowComments: false, allowEmptyContent: false });
  const [first] = errors;
  if (first !== undefined || tree === undefined) {
    const reason = text.trim() === '' ? 'the file is empty' : syntaxMessage(first);
    remarks.error({ ...whole, position: lines.positionOf(first?.offset ?? 0) }, `is not well-formed JSON: ${reason}`);
    return undefined;
  }
  return new TreeReader({ kind, source }, text, lines, remarks).read(tree, '');
}

function syntaxMessage(error: ParseError | undefined): string {
  const code = error === undefined ? 'ValueExpected' : printParseErrorCode(error.error);
  return syntaxMessages[code] ?? code;
}
