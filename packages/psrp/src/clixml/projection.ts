/*
 * Reads a few properties of an object without building the rest: the way from a mailbox's 15 KB to the row
 * of a file.
 *
 * The fast way takes only the form that PowerShell's serializer writes for an object with properties
 *
 *   <Obj RefId="0">
 *     <TN RefId="0">…</TN> or <TNRef RefId="0" />, <ToString>…</ToString>        each may be absent
 *     <Props>children</Props>, <MS>children</MS>                                either may be absent
 *   </Obj>
 *
 * with nothing between the tags. Whatever else it meets (white space, comments, single quotes, member sets,
 * a wanted reference, anything malformed) makes it give up, and the general reader reads the whole body: so
 * that both say the same of every well-formed body, and an error is always the general reader's.
 *
 * What a skip verifies: a primitive child is closed by its own tag; in a child object the tags of objects
 * balance. It does not look at the rest: a number that is none, an unknown element or a bad reference
 * inside something skipped goes unnoticed. Nor are values and their depth counted there (`maxValues`,
 * `maxDepth`): nothing of them is held.
 */
import { psNull } from './construct.ts';
import { property } from './inspect.ts';
import { type CliXmlLimits, completeLimits } from './limits.ts';
import { readBody } from './decode.ts';
import { type Child, ChildShapes, newChild } from './projection-shape.ts';
import { CliXmlReader } from './reader.ts';
import { Tag } from './tag.ts';
import { decodeText } from './text-decoding.ts';
import type { PsBoolean, PsValue } from './value.ts';

/** Which properties, and how to read them from a body. Keeps what it learnt of the shape of earlier bodies. */
export interface Projection {
  /** The wanted names, in the order of the values. */
  readonly names: readonly string[];
  /**
   * Reads the wanted properties of the object that a message body holds: direct children of its `<Props>` and
   * `<MS>` only; `<MS>` wins, and the last of a name. The same as `property(decodeCliXml(body), name)`.
   * Texts are views of the body's text and keep it in memory while they live: write them out soon.
   *
   * @returns a value for each name; `undefined` where the object has no such property, or the value is no object
   * @throws {CliXmlError} as decodeCliXml; what is skipped is only checked for balance
   */
  read(body: Uint8Array): readonly (PsValue | undefined)[];
}

/**
 * Makes a projection onto the properties of these names.
 *
 * @param names compared to the letter; a name may stand twice
 * @param options limits, see {@link CliXmlLimits}
 */
export function createProjection(names: readonly string[], options?: Partial<CliXmlLimits>): Projection {
  return new LearningProjection(names, completeLimits(options));
}

const objectClose = '</Obj>';

const psTrue: PsBoolean = Object.freeze({ kind: 'B', value: true });
const psFalse: PsBoolean = Object.freeze({ kind: 'B', value: false });

/** Thrown nowhere: the sign that the fast way gave up. */
const gaveUp = -1;

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** The end of `RefId="digits">` whose digits begin at `at`; `gaveUp` for anything else. */
function endOfRefId(text: string, at: number): number {
  let end = at;
  while (isDigit(text.charCodeAt(end))) end += 1;
  const plain = end > at && end - at <= 15 && text.charCodeAt(end) === 34 && text.charCodeAt(end + 1) === 62;
  return plain ? end + 2 : gaveUp;
}

class LearningProjection implements Projection {
  readonly names: readonly string[];
  readonly #limits: CliXmlLimits;
  readonly #wanted = new Map<string, number>();
  /** Names that stand again: index of the first, index of this. */
  readonly #again: (readonly [number, number])[] = [];
  readonly #shapes = new ChildShapes(this.#wanted);
  /** What begins each of the two lists of children: `next` is their first. */
  readonly #firsts: Readonly<Record<'</Props>' | '</MS>', Child>> = {
    '</Props>': newChild('', Tag.Nil, '', -1),
    '</MS>': newChild('', Tag.Nil, '', -1),
  };
  #reader: CliXmlReader | undefined;
  /** Where the next `<Obj` stands at or after the place of the last search; -1 for none. */
  #nextObject = 0;

  constructor(names: readonly string[], limits: CliXmlLimits) {
    this.names = [...names];
    this.#limits = limits;
    for (const [index, name] of this.names.entries()) {
      const first = this.#wanted.get(name);
      if (first === undefined) this.#wanted.set(name, index);
      else this.#again.push([first, index]);
    }
  }

  read(body: Uint8Array): readonly (PsValue | undefined)[] {
    if (body.length === 0) return this.names.map(() => undefined);
    const text = decodeText(body, this.#limits);
    const values = new Array<PsValue | undefined>(this.names.length).fill(undefined);
    this.#shapes.begin();
    const done = this.#readFast(text, values);
    this.#shapes.finish(done);
    this.#reader = undefined;
    if (!done) {
      const whole = readBody(text, this.#limits);
      return this.names.map((name) => property(whole, name));
    }
    for (const [first, index] of this.#again) values[index] = values[first];
    return values;
  }

  #readFast(text: string, values: (PsValue | undefined)[]): boolean {
    // Comments, CDATA and instructions could hide tags.
    if ((text.includes('!') && text.includes('<!')) || (text.includes('?') && text.includes('<?'))) return false;
    this.#nextObject = 0;
    let at = text.startsWith('<Obj RefId="') ? endOfRefId(text, 12) : gaveUp;
    if (at !== gaveUp) at = skipHead(text, at);
    if (at === gaveUp) return false;
    if (text.startsWith('<Props>', at)) at = this.#readChildren(text, at + 7, '</Props>', values);
    if (at !== gaveUp && text.startsWith('<MS>', at)) at = this.#readChildren(text, at + 4, '</MS>', values);
    return at !== gaveUp && text.startsWith(objectClose, at) && text.length === at + objectClose.length;
  }

  /** Reads children up to the end tag; gives where it ends. */
  #readChildren(text: string, start: number, close: '</Props>' | '</MS>', values: (PsValue | undefined)[]): number {
    let at = start;
    let before = this.#firsts[close];
    for (;;) {
      let child = before.next;
      if (child !== undefined && child.runLast !== undefined) {
        const end = at + child.run.length;
        if (text.slice(at, end) === child.run) {
          at = end;
          before = child.runLast;
          continue;
        }
      }
      // A comparison of slices runs at the speed of memory; startsWith goes letter by letter.
      if (child === undefined || text.slice(at, at + child.header.length) !== child.header) {
        if (text.startsWith(close, at)) break;
        child = this.#shapes.recognise(text, at);
        if (child === undefined) return gaveUp;
        before.next = child;
      }
      const begin = at;
      at = child.index < 0 ? this.#skip(text, at, child) : this.#take(text, at, child, values);
      if (at === gaveUp) return gaveUp;
      if (child.index < 0 && !child.varies) this.#shapes.compare(child, text, begin, at);
      this.#shapes.visit(child);
      before = child;
    }
    this.#shapes.visit(undefined);
    return at + close.length;
  }

  #skip(text: string, at: number, child: Child): number {
    const inside = at + child.header.length;
    if (child.tag === Tag.Obj) {
      const content = endOfRefId(text, inside);
      return content === gaveUp ? gaveUp : this.#skipObject(text, content);
    }
    if (child.close === '') return inside;
    const end = text.indexOf('<', inside);
    return end >= 0 && text.startsWith(child.close, end) ? end + child.close.length : gaveUp;
  }

  /** From inside an object to behind its end tag. */
  #skipObject(text: string, start: number): number {
    let at = start;
    let close = -1;
    for (let depth = 1; depth > 0; ) {
      // Both searches are repeated only behind what they found: a thousand open objects cost no thousand scans.
      if (close < at) close = text.indexOf(objectClose, at);
      if (close < 0) return gaveUp;
      if (this.#nextObject >= 0 && this.#nextObject < at) this.#nextObject = text.indexOf('<Obj', at);
      const open = this.#nextObject;
      if (open >= 0 && open < close) {
        const content = endOfNestedHeader(text, open);
        if (content === gaveUp) return gaveUp;
        if (text.charCodeAt(content - 2) !== 47) depth += 1;
        at = content;
      } else {
        depth -= 1;
        at = close + objectClose.length;
      }
    }
    return at;
  }

  #take(text: string, at: number, child: Child, values: (PsValue | undefined)[]): number {
    const inside = at + child.header.length;
    if (child.tag === Tag.Nil) {
      if (child.close !== '') return gaveUp;
      values[child.index] = psNull;
      return inside;
    }
    if (child.tag !== Tag.S && child.tag !== Tag.B && child.tag !== Tag.DT)
      return this.#takeWhole(text, at, child, values);
    if (child.close === '') return this.#takeWhole(text, at, child, values);
    const end = text.indexOf('<', inside);
    if (end < 0 || !text.startsWith(child.close, end)) return gaveUp;
    const value = simpleValue(child.tag, text, inside, end);
    if (value === undefined) return this.#takeWhole(text, at, child, values);
    values[child.index] = value;
    return end + child.close.length;
  }

  /** By the general reader, from the child's start tag. */
  #takeWhole(text: string, at: number, child: Child, values: (PsValue | undefined)[]): number {
    this.#reader ??= new CliXmlReader(text, this.#limits);
    const value = this.#reader.readMemberAt(at);
    if (value === undefined) return gaveUp;
    values[child.index] = value;
    return this.#reader.cursor.at;
  }
}

/** Past type names and text of the object; gives where `<Props>` or `<MS>` has to stand. */
function skipHead(text: string, start: number): number {
  let at = start;
  if (text.startsWith('<TN RefId="', at)) {
    const close = text.indexOf('</TN>', at);
    if (close < 0) return gaveUp;
    at = close + 5;
  } else if (text.startsWith('<TNRef RefId="', at)) {
    return gaveUp; // nothing came before it that it could name
  }
  if (!text.startsWith('<ToString>', at)) return at;
  const end = text.indexOf('<', at + 10);
  return end >= 0 && text.startsWith('</ToString>', end) ? end + 11 : gaveUp;
}

/** The end of a nested object's start tag, strict: a `>` in an attribute must not be taken for it. */
function endOfNestedHeader(text: string, open: number): number {
  let at = open + 4;
  if (text.charCodeAt(at) === 62) return at + 1;
  if (text.startsWith(' N="', at)) {
    const quote = text.indexOf('"', at + 4);
    if (quote < 0) return gaveUp;
    at = quote + 1;
  }
  if (!text.startsWith(' RefId="', at)) return gaveUp;
  at += 8;
  while (isDigit(text.charCodeAt(at))) at += 1;
  if (text.charCodeAt(at) !== 34) return gaveUp;
  at += 1;
  if (text.charCodeAt(at) === 32) at += 1;
  if (text.charCodeAt(at) === 47) at += 1;
  return text.charCodeAt(at) === 62 ? at + 1 : gaveUp;
}

/** Text without anything to decode, and the two Booleans as they are written; `undefined` for the rest. */
function simpleValue(tag: Tag, text: string, start: number, end: number): PsValue | undefined {
  const raw = text.slice(start, end);
  if (tag === Tag.B) return raw === 'true' ? psTrue : raw === 'false' ? psFalse : undefined;
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    // `&`, `_`, and line ends ask for the general way.
    if (code === 38 || code === 95 || code === 13) return undefined;
  }
  return tag === Tag.S ? { kind: 'S', value: raw } : { kind: 'DT', value: raw };
}
