/*
 * Goes through the text of CLIXML tag by tag, forward only. What it takes of XML 1.0: elements, attributes in
 * either quote, the five entities and character references, comments, processing instructions, CDATA in the
 * text of an element. What it refuses: document types, other entities, unknown elements, tags that do not
 * close one another. What it lets pass although XML does not: control characters as themselves, `]]>` in
 * text, a second attribute of a name that means nothing here.
 * Every search goes forward from where it stands and is not repeated, so that the time is linear.
 */
import { CliXmlError, elementPath, excerpt } from './cli-xml-error.ts';
import { findTag, Tag, tagNames } from './tag.ts';
import { decodeEscapes, decodeReferences, normalizeAttribute, normalizeLineEnds } from './xml-text.ts';

/** No element of CLIXML has a longer name. */
const longestTagName = 16;
/** Longest name of an attribute that is skipped, e.g. `xmlns`. */
const longestAttributeName = 64;

function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9;
}

export class XmlCursor {
  readonly text: string;
  /** Where the reader stands. */
  at = 0;
  /** Of the start tag read last: its element, where it begins, whether it closes itself. */
  tag: Tag = Tag.Nil;
  tagStart = 0;
  selfClosed = false;
  /** Its attributes `N`, decoded, and `RefId`; `undefined` where there is none. */
  name: string | undefined = undefined;
  refId: number | undefined = undefined;
  readonly #hasReferences: boolean;
  readonly #hasEscapes: boolean;
  readonly #hasReturns: boolean;

  constructor(text: string) {
    this.text = text;
    this.#hasReferences = text.includes('&');
    // Through a character reference an escape can also come to stand where the text shows none.
    this.#hasEscapes = this.#hasReferences || text.includes('_x') || text.includes('_X');
    this.#hasReturns = text.includes('\r');
  }

  /**
   * Goes to the next child of `parent`: true with its start tag read, false with `parent`'s end tag read.
   * At the top (`parent` 0) false means the end of the text.
   */
  next(parent: Tag | 0): boolean {
    const text = this.text;
    for (;;) {
      const code = text.charCodeAt(this.at);
      if (code === 60) {
        const second = text.charCodeAt(this.at + 1);
        if (second === 47) {
          if (parent === 0) this.fail(`${excerpt(text, this.at, 20)} closes an element that is not open`);
          this.#readEndTag(parent);
          return false;
        }
        if (second !== 33 && second !== 63) {
          this.#readStartTag();
          return true;
        }
        this.#skipMarkup();
      } else if (isSpace(code)) {
        this.at += 1;
      } else if (!Number.isNaN(code)) {
        this.fail(`text ${excerpt(text, this.at)} stands where only elements can stand`);
      } else {
        if (parent === 0) return false;
        this.fail(`the text ends inside <${tagNames[parent]}>`);
      }
    }
  }

  /** The text of the element whose start tag was read last, references decoded, and goes past its end tag. */
  readText(): string {
    if (this.selfClosed) return '';
    const text = this.text;
    const end = text.indexOf('<', this.at);
    if (end < 0) this.fail(`the text ends inside <${tagNames[this.tag]}>`);
    if (text.charCodeAt(end + 1) !== 47) return this.#readMixedText(end);
    const start = this.at;
    this.at = end;
    this.#readEndTag(this.tag);
    return start === end ? '' : this.#decode(text.slice(start, end), start);
  }

  /** As `readText`, PowerShell's escapes decoded too. */
  readEscapedText(): string {
    const text = this.readText();
    return this.#hasEscapes && text.includes('_') ? decodeEscapes(text) : text;
  }

  /** Goes past the end tag of an element that has to be empty. */
  readEmpty(): void {
    if (this.selfClosed) return;
    const tag = this.tag;
    if (this.next(tag)) this.fail(`<${tagNames[tag]}> must be empty but holds <${tagNames[this.tag]}>`, this.tagStart);
  }

  /** Throws, naming the place. */
  fail(
    problem: string,
    offset: number = this.at,
    code: 'PSRP_CLIXML_INVALID' | 'PSRP_LIMIT_EXCEEDED' = 'PSRP_CLIXML_INVALID',
  ): never {
    const path = elementPath(this.text, offset);
    const place = path === '' ? `offset ${offset}` : `offset ${offset}, in ${path}`;
    throw new CliXmlError(code, `reading CLIXML at ${place}: ${problem}`, { offset });
  }

  /** Text with comments, processing instructions or CDATA in it: rare, never written by PowerShell. */
  #readMixedText(firstMarkup: number): string {
    const { text, tag } = this;
    const parts: string[] = [];
    let end = firstMarkup;
    for (;;) {
      parts.push(this.#decode(text.slice(this.at, end), this.at));
      this.at = end;
      const second = text.charCodeAt(end + 1);
      if (second === 47) break;
      if (text.startsWith('<![CDATA[', end)) {
        const close = text.indexOf(']]>', end + 9);
        if (close < 0) this.fail('the text ends inside a CDATA section');
        parts.push(normalizeLineEnds(text.slice(end + 9, close)));
        this.at = close + 3;
      } else if (second === 33 || second === 63) {
        this.#skipMarkup();
      } else {
        this.fail(`<${tagNames[tag]}> can hold only text, not ${excerpt(text, end, 20)}`);
      }
      end = text.indexOf('<', this.at);
      if (end < 0) this.fail(`the text ends inside <${tagNames[tag]}>`);
    }
    this.#readEndTag(tag);
    return parts.join('');
  }

  #decode(raw: string, start: number): string {
    let text = raw;
    if (this.#hasReturns && text.includes('\r')) text = normalizeLineEnds(text);
    if (!this.#hasReferences || !text.includes('&')) return text;
    const decoded = decodeReferences(text);
    return typeof decoded === 'string' ? decoded : this.#failReference(text, decoded, start);
  }

  #failReference(text: string, index: number, start: number): never {
    return this.fail(
      `${excerpt(text, index, 12)} is none of the five entities (&lt; &gt; &amp; &quot; &apos;) and no reference to a character`,
      start + index,
    );
  }

  /** Past a comment or processing instruction. */
  #skipMarkup(): void {
    const { text, at } = this;
    const comment = text.startsWith('<!--', at);
    if (!comment && text.charCodeAt(at + 1) === 33) {
      if (/^<!doctype/i.test(text.slice(at, at + 9))) this.fail('a document type is not allowed');
      this.fail(`${excerpt(text, at, 20)} stands where only elements can stand`);
    }
    const end = comment ? text.indexOf('-->', at + 4) : text.indexOf('?>', at + 2);
    if (end < 0) this.fail(`the text ends inside a ${comment ? 'comment' : 'processing instruction'}`);
    this.at = end + (comment ? 3 : 2);
  }

  #readEndTag(tag: Tag): void {
    const { text } = this;
    const name = tagNames[tag] as string;
    let at = this.at + 2;
    if (text.startsWith(name, at)) {
      at += name.length;
      while (isSpace(text.charCodeAt(at))) at += 1;
      if (text.charCodeAt(at) === 62) {
        this.at = at + 1;
        return;
      }
    }
    this.fail(`${excerpt(text, this.at, 20)} stands where </${name}> must stand`);
  }

  #readStartTag(): void {
    const text = this.text;
    const start = this.at + 1;
    let at = start;
    let code = text.charCodeAt(at);
    while ((code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57)) {
      at += 1;
      code = text.charCodeAt(at);
    }
    const tag = at - start > longestTagName ? undefined : findTag(text, start, at);
    if (tag === undefined) this.fail(`${excerpt(text, this.at, 24)} is no element of CLIXML`);
    this.tag = tag;
    this.tagStart = start - 1;
    this.name = undefined;
    this.refId = undefined;
    for (;;) {
      code = text.charCodeAt(at);
      if (code === 62) {
        this.selfClosed = false;
        this.at = at + 1;
        return;
      }
      if (code === 47 && text.charCodeAt(at + 1) === 62) {
        this.selfClosed = true;
        this.at = at + 2;
        return;
      }
      if (!isSpace(code)) this.#failTag(at);
      do {
        at += 1;
        code = text.charCodeAt(at);
      } while (isSpace(code));
      if (code !== 62 && code !== 47) at = this.#readAttribute(at);
    }
  }

  #failTag(at: number): never {
    if (at >= this.text.length) this.fail('the text ends inside a tag');
    return this.fail(`${excerpt(this.text, at, 20)} cannot stand in a tag`, at);
  }

  /** Reads the attribute whose name begins at `start`; gives where it ends. */
  #readAttribute(start: number): number {
    const text = this.text;
    let equals = start;
    let code = text.charCodeAt(equals);
    while (code !== 61 && code > 32 && code !== 62 && code !== 47 && code !== 60 && code !== 34 && code !== 39) {
      equals += 1;
      if (equals - start > longestAttributeName) this.#failTag(start);
      code = text.charCodeAt(equals);
    }
    const nameEnd = equals;
    while (isSpace(code)) {
      equals += 1;
      code = text.charCodeAt(equals);
    }
    if (code !== 61 || nameEnd === start) this.#failTag(start);
    let open = equals + 1;
    while (isSpace(text.charCodeAt(open))) open += 1;
    const quote = text.charCodeAt(open);
    if (quote !== 34 && quote !== 39) this.#failTag(start);
    if (nameEnd - start === 1 && text.charCodeAt(start) === 78) return this.#readName(open + 1, quote);
    const end = text.indexOf(quote === 34 ? '"' : "'", open + 1);
    if (end < 0) this.fail('the text ends inside an attribute', start);
    if (nameEnd - start === 5 && text.startsWith('RefId', start)) this.#readRefId(open + 1, end);
    else if (text.slice(open + 1, end).includes('<')) this.fail('an attribute holds <', start);
    return end + 1;
  }

  #readName(start: number, quote: number): number {
    if (this.name !== undefined) this.fail('the attribute N stands twice', start);
    const text = this.text;
    let end = start;
    let plain = true;
    for (;;) {
      const code = text.charCodeAt(end);
      if (code === quote) break;
      // `&`, `_`, tabs and line ends ask for more work.
      if (code === 38 || code === 95 || code < 32) plain = false;
      else if (code === 60) this.fail('an attribute holds <', end);
      else if (Number.isNaN(code)) this.fail('the text ends inside an attribute', start);
      end += 1;
    }
    const raw = text.slice(start, end);
    this.name = plain ? raw : this.#decodeName(raw, start);
    return end + 1;
  }

  #decodeName(raw: string, start: number): string {
    const decoded = decodeReferences(normalizeAttribute(raw));
    return typeof decoded === 'string' ? decodeEscapes(decoded) : this.#failReference(raw, decoded, start);
  }

  #readRefId(start: number, end: number): void {
    if (this.refId !== undefined) this.fail('the attribute RefId stands twice', start);
    let value = 0;
    for (let at = start; at < end; at += 1) {
      const digit = this.text.charCodeAt(at) - 48;
      if (digit < 0 || digit > 9 || at - start >= 15) this.#failRefId(start, end);
      value = value * 10 + digit;
    }
    if (start === end) this.#failRefId(start, end);
    this.refId = value;
  }

  #failRefId(start: number, end: number): never {
    return this.fail(`RefId ${excerpt(this.text.slice(0, end), start)} is no whole number of up to 15 digits`, start);
  }
}
