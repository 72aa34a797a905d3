/*
 * What a projection learns of the children of `<Props>` and `<MS>` while it reads bodies of one kind.
 */
import { Tag, tagNames } from './tag.ts';
import { XmlCursor } from './xml-cursor.ts';

/**
 * One kind of child, by the text of its start tag (of an object: the part before the digits of its id).
 *
 * Objects of one kind resemble one another, so much is learnt of them: which child follows which, and which
 * unwanted children have always been the same, to the letter. A run of such children is skipped by one
 * comparison of text: that it is well-formed was seen when it was learnt. Where the comparison fails the
 * children are gone through one by one, and what differed is never again part of a run.
 */
export interface Child {
  readonly header: string;
  readonly tag: Tag;
  /** Its end tag; empty where the header is the whole element. */
  readonly close: string;
  /** Index in the names, or -1. */
  readonly index: number;
  /** Which child followed the last time: the first guess. */
  next: Child | undefined;
  /** The whole text of the child, when unwanted and the same so far; `undefined` before it was seen. */
  constant: string | undefined;
  varies: boolean;
  /** The text of a run of children that begins here, and the last of them; empty where none does. */
  run: string;
  runLast: Child | undefined;
}

/** Longer texts are not learnt, in characters: they would not be the same twice. */
const longestLearnt = 4096;
/** A run ends when it has become so long, in characters. */
const longestRun = 16_384;
/** No start tag that PowerShell writes is longer, in characters. */
const longestHeader = 512;

/** A copy by itself: a slice would keep the whole text of a body in memory. */
function copyOf(text: string): string {
  return [...text].join('');
}

export function newChild(header: string, tag: Tag, close: string, index: number): Child {
  return {
    header,
    tag,
    close,
    index,
    next: undefined,
    constant: undefined,
    varies: false,
    run: '',
    runLast: undefined,
  };
}

/** A peer that makes up names does not fill the memory. */
const mostLearnt = 4096;

/** The children met so far, and what always stayed the same of them. */
export class ChildShapes {
  readonly #wanted: ReadonlyMap<string, number>;
  readonly #children = new Map<string, Child>();
  /** Whether runs stand in the children, whether this body taught something, and what it was made of. */
  #hasRuns = false;
  #learnt = false;
  readonly #visited: (Child | undefined)[] = [];

  /** @param wanted index of each wanted name */
  constructor(wanted: ReadonlyMap<string, number>) {
    this.#wanted = wanted;
  }

  /** Begins a body. */
  begin(): void {
    this.#learnt = false;
    this.#visited.length = 0;
  }

  /** The child that was gone through next; `undefined` at the end of a list of children. */
  visit(child: Child | undefined): void {
    if (!this.#hasRuns) this.#visited.push(child);
  }

  /** The child whose start tag stands at `at`, learnt if it is new; `undefined` when it has another form. */
  recognise(text: string, at: number): Child | undefined {
    const isObject = text.startsWith('<Obj N="', at);
    const end = isObject ? text.indexOf('"', at + 8) : text.indexOf('>', at);
    if (end < 0 || end - at > longestHeader) return undefined;
    const key = text.slice(at, end + 1);
    const known = this.#children.get(key);
    if (known !== undefined) return known;
    const child = this.#learn(key, isObject);
    if (child !== undefined && this.#children.size < mostLearnt) this.#children.set(key, child);
    return child;
  }

  #learn(key: string, isObject: boolean): Child | undefined {
    const form = /^<([A-Za-z0-9]+) N="([^"<>]*)"(?: RefId="[0-9]{1,15}")?(?: ?(\/))?>$/.exec(
      isObject ? `${key}>` : key,
    );
    if (form === null) return undefined;
    const cursor = new XmlCursor(isObject ? `${key}>` : key);
    try {
      cursor.next(0);
    } catch {
      return undefined; // the general reader tells of it
    }
    const name = cursor.name ?? '';
    const { tag } = cursor;
    // Member sets and containers outside an object are rare: the general reader takes them.
    if (tag === Tag.MS || (tag >= Tag.PR && tag !== Tag.Obj && tag !== Tag.Ref)) return undefined;
    const index = this.#wanted.get(name) ?? -1;
    const header = copyOf(isObject ? `${key} RefId="` : key);
    return newChild(header, tag, cursor.selfClosed ? '' : `</${tagNames[tag]}>`, index);
  }

  /** Learns whether an unwanted child is the same as always. */
  compare(child: Child, text: string, begin: number, end: number): void {
    const piece = text.slice(begin, end);
    if (piece === child.constant) return;
    this.#learnt = true;
    if (child.constant === undefined && piece.length <= longestLearnt) {
      child.constant = copyOf(piece);
    } else {
      child.varies = true;
      child.constant = '';
    }
  }

  /**
   * Ends a body. Makes runs once a body taught nothing new; takes them away when one did. Each child can teach twice (its
   * text, that it varies), so that this ends.
   */
  finish(done: boolean): void {
    if (this.#learnt && this.#hasRuns) {
      for (const child of this.#children.values()) {
        child.run = '';
        child.runLast = undefined;
      }
      this.#hasRuns = false;
    } else if (done && !this.#learnt && !this.#hasRuns) {
      let first: Child | undefined;
      for (const child of this.#visited) {
        const constant = child !== undefined && child.index < 0 && !child.varies ? child : undefined;
        if (
          first !== undefined &&
          constant !== undefined &&
          first.runLast?.next === constant &&
          first.run.length < longestRun
        ) {
          first.run += constant.constant;
          first.runLast = constant;
        } else {
          first = constant;
          if (first !== undefined) {
            first.run = first.constant ?? '';
            first.runLast = first;
          }
        }
      }
      for (const child of this.#children.values()) child.run = copyOf(child.run);
      this.#hasRuns = true;
    }
  }
}
