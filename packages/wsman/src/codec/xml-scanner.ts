/*
 * A pull scanner for the XML of SOAP envelopes (XML 1.0, Namespaces in XML 1.0), over the bytes as they came.
 *
 * It is strict where a lenient reader would guess: tags must match, prefixes must be bound, an attribute
 * stands once, no document type, no entity but the five, UTF-8 only. Text is not copied until it is asked
 * for, so that half a megabyte of base64 costs one search for the next `<`.
 */
import { WsmanError } from '../errors.ts';
import { Namespace } from './names.ts';

/** Bounds of one document; beyond them the scanner throws WSMAN_LIMIT_EXCEEDED. */
export interface XmlLimits {
  /** Elements in the document. */
  readonly maxElements: number;
  /** Elements inside one another. */
  readonly maxDepth: number;
  /** Attributes of one element, namespace declarations included. */
  readonly maxAttributes: number;
}

/** An envelope has some forty elements, a Receive response one more per 32 KB fragment. */
export const defaultXmlLimits: XmlLimits = { maxElements: 50_000, maxDepth: 64, maxAttributes: 64 };

interface Attribute {
  readonly namespace: string;
  readonly name: string;
  readonly value: string;
}

interface OpenElement {
  readonly rawName: string;
  readonly bindings: ReadonlyMap<string, string>;
}

export type XmlToken = 'start' | 'end' | 'text' | 'finish';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lessThan = 0x3c;
const slash = 0x2f;
const noBindings: ReadonlyMap<string, string> = new Map([['xml', Namespace.xml]]);
const predefined: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Bytes that end a name; everything else of XML's name characters is taken as it comes. */
function endsName(byte: number): boolean {
  return (
    isSpace(byte) ||
    byte === 0x3e ||
    byte === slash ||
    byte === 0x3d ||
    byte === lessThan ||
    byte === 0x26 ||
    byte === 0x22 ||
    byte === 0x27
  );
}

function isXmlCharacter(code: number): boolean {
  return (
    code === 9 ||
    code === 10 ||
    code === 13 ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    (code >= 0x10000 && code <= 0x10ffff)
  );
}

export class XmlScanner {
  readonly #bytes: Buffer;
  readonly #limits: XmlLimits;
  readonly #open: OpenElement[] = [];
  #position = 0;
  #elements = 0;
  #pendingEnd = false;
  #rootSeen = false;
  #attributes: readonly Attribute[] = [];
  /** Namespace and local name of the element that `start` or `end` told of. */
  namespace = '';
  name = '';
  /** Where the text that `text` told of lies in the bytes. */
  #textStart = 0;
  #textEnd = 0;
  #textIsLiteral = false;

  constructor(bytes: Uint8Array, limits: XmlLimits = defaultXmlLimits) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#limits = limits;
    if (this.#bytes[0] === 0xef && this.#bytes[1] === 0xbb && this.#bytes[2] === 0xbf) this.#position = 3;
  }

  /** How many elements enclose the present place, the one just started included. */
  get depth(): number {
    return this.#open.length;
  }

  /** The byte offset the scanner has come to, for messages. */
  get position(): number {
    return this.#position;
  }

  /** Whether the element that `start` or `end` told of is this one. */
  is(namespace: string, name: string): boolean {
    return this.name === name && this.namespace === namespace;
  }

  /** Goes on to the next token. Comments, processing instructions and the XML declaration are passed over. */
  next(): XmlToken {
    if (this.#pendingEnd) {
      this.#pendingEnd = false;
      this.#open.pop();
      return 'end';
    }
    const bytes = this.#bytes;
    for (;;) {
      if (this.#position >= bytes.length) {
        if (this.#open.length > 0) throw this.fail(`the document ends inside <${this.#open.at(-1)?.rawName}>`);
        if (!this.#rootSeen) throw this.fail('the document has no element');
        return 'finish';
      }
      if (bytes[this.#position] !== lessThan) {
        if (this.#scanText()) return 'text';
        continue;
      }
      const second = bytes[this.#position + 1];
      if (second === 0x21 || second === 0x3f) {
        if (this.#scanMarkup()) return 'text';
        continue;
      }
      if (second === slash) return this.#scanEnd();
      return this.#scanStart();
    }
  }

  /** The attribute of the element just started; `namespace` is empty for one without prefix. */
  attribute(name: string, namespace = ''): string | undefined {
    for (const attribute of this.#attributes) {
      if (attribute.name === name && attribute.namespace === namespace) return attribute.value;
    }
    return undefined;
  }

  /** The prefixes bound inside the element just started; for values that are qualified names. */
  prefixes(): ReadonlyMap<string, string> {
    return this.#open.at(-1)?.bindings ?? noBindings;
  }

  /** The text `next()` told of, entities resolved. */
  text(): string {
    const raw = this.#decode(this.#textStart, this.#textEnd);
    return this.#textIsLiteral ? raw : this.#resolveEntities(raw, this.#textStart);
  }

  /** The whole text of the element just started, up to its end; an element inside is an error. */
  readText(): string {
    const of = this.name;
    let collected = '';
    for (;;) {
      const token = this.next();
      if (token === 'text') collected += this.text();
      else if (token === 'end') return collected;
      else throw this.fail(`<${this.name}> inside <${of}>, where only text belongs`);
    }
  }

  /**
   * The text of the element just started as base64, decoded without passing through a tree. White space and
   * line breaks in it are allowed.
   */
  readBase64(): Uint8Array {
    const of = this.name;
    const token = this.next();
    if (token === 'end') return new Uint8Array(0);
    if (token !== 'text') throw this.fail(`<${this.name}> inside <${of}>, where only base64 belongs`);
    const start = this.#textStart;
    const simple =
      this.#bytes[this.#textEnd] === lessThan && this.#bytes[this.#textEnd + 1] === slash && !this.#textIsLiteral;
    if (simple) {
      const decoded = decodeBase64(this.#bytes.toString('latin1', start, this.#textEnd));
      if (decoded !== undefined) {
        this.next();
        return decoded;
      }
    }
    let collected = this.text();
    for (;;) {
      const further = this.next();
      if (further === 'end') break;
      if (further !== 'text') throw this.fail(`<${this.name}> inside <${of}>, where only base64 belongs`);
      collected += this.text();
    }
    const decoded = decodeBase64(collected);
    if (decoded === undefined) throw this.fail(`the text of <${of}> at byte ${start} is not base64`);
    return decoded;
  }

  /** Passes over the rest of the element just started. */
  skip(): void {
    const outer = this.#open.length - 1;
    while (this.#pendingEnd || this.#open.length > outer) this.next();
  }

  /** An error that names the place. */
  fail(what: string, code: 'WSMAN_ENVELOPE_INVALID' | 'WSMAN_LIMIT_EXCEEDED' = 'WSMAN_ENVELOPE_INVALID'): WsmanError {
    return new WsmanError(code, `reading XML, byte ${this.#position} of ${this.#bytes.length}: ${what}`);
  }

  #scanText(): boolean {
    const found = this.#bytes.indexOf(lessThan, this.#position);
    const end = found < 0 ? this.#bytes.length : found;
    if (this.#open.length === 0) {
      for (let index = this.#position; index < end; index += 1) {
        if (!isSpace(this.#bytes[index]))
          throw this.fail(`text ${this.#rootSeen ? 'after' : 'before'} the root element`);
      }
      this.#position = end;
      return false;
    }
    this.#textStart = this.#position;
    this.#textEnd = end;
    this.#textIsLiteral = false;
    this.#position = end;
    return true;
  }

  /** `<!` and `<?`; true when it was character data. */
  #scanMarkup(): boolean {
    const at = this.#position;
    if (this.#startsWith('<!--')) {
      this.#position = this.#find('-->', at + 4, 'a comment') + 3;
      return false;
    }
    if (this.#startsWith('<![CDATA[')) {
      if (this.#open.length === 0) throw this.fail('character data outside the root element');
      this.#textStart = at + 9;
      this.#textEnd = this.#find(']]>', at + 9, 'a CDATA section');
      this.#textIsLiteral = true;
      this.#position = this.#textEnd + 3;
      return true;
    }
    if (this.#bytes[at + 1] === 0x3f) {
      this.#position = this.#find('?>', at + 2, 'a processing instruction') + 2;
      return false;
    }
    throw this.fail('a document type or other declaration, which no envelope may have');
  }

  #scanEnd(): 'end' {
    const close = this.#bytes.indexOf(0x3e, this.#position);
    if (close < 0) throw this.fail('the document ends inside a tag');
    const element = this.#open.at(-1);
    let end = close;
    while (isSpace(this.#bytes[end - 1])) end -= 1;
    const rawName = close - this.#position > 1024 ? '…' : this.#bytes.toString('utf8', this.#position + 2, end);
    if (element?.rawName !== rawName) {
      throw this.fail(
        `</${rawName.slice(0, 64)}> where ${element === undefined ? 'nothing is open' : `</${element.rawName}> belongs`}`,
      );
    }
    this.#setName(rawName, element.bindings);
    this.#open.pop();
    this.#position = close + 1;
    return 'end';
  }

  #scanStart(): 'start' {
    if (this.#open.length === 0 && this.#rootSeen) throw this.fail('a second root element');
    this.#rootSeen = true;
    this.#elements += 1;
    if (this.#elements > this.#limits.maxElements)
      throw this.fail(`more than ${this.#limits.maxElements} elements`, 'WSMAN_LIMIT_EXCEEDED');
    if (this.#open.length >= this.#limits.maxDepth)
      throw this.fail(`elements more than ${this.#limits.maxDepth} deep`, 'WSMAN_LIMIT_EXCEEDED');
    this.#position += 1;
    const rawName = this.#scanName('an element');
    const raw: { name: string; value: string }[] = [];
    let declared: Map<string, string> | undefined;
    const outer = this.#open.at(-1)?.bindings ?? noBindings;
    for (;;) {
      const spaced = this.#skipSpace();
      const byte = this.#bytes[this.#position];
      if (byte === 0x3e) {
        this.#position += 1;
        break;
      }
      if (byte === slash) {
        if (this.#bytes[this.#position + 1] !== 0x3e) throw this.fail(`a stray "/" in <${rawName}>`);
        this.#position += 2;
        this.#pendingEnd = true;
        break;
      }
      if (byte === undefined) throw this.fail('the document ends inside a tag');
      if (!spaced) throw this.fail(`no space before an attribute of <${rawName}>`);
      if (raw.length >= this.#limits.maxAttributes)
        throw this.fail(`more than ${this.#limits.maxAttributes} attributes`, 'WSMAN_LIMIT_EXCEEDED');
      const name = this.#scanName(`an attribute of <${rawName}>`);
      const value = this.#scanAttributeValue(name);
      raw.push({ name, value });
      if (name === 'xmlns' || name.startsWith('xmlns:')) {
        declared ??= new Map(outer);
        this.#declare(declared, name, value);
      }
    }
    const bindings = declared ?? outer;
    this.#open.push({ rawName, bindings });
    this.#attributes = raw.length === 0 ? [] : this.#resolveAttributes(raw, bindings);
    this.#setName(rawName, bindings);
    return 'start';
  }

  #declare(declared: Map<string, string>, name: string, value: string): void {
    const prefix = name === 'xmlns' ? '' : name.slice(6);
    if (prefix === 'xmlns' || (prefix === 'xml') !== (value === Namespace.xml))
      throw this.fail(`"${name}" may not be declared so`);
    if (prefix !== '' && value === '') throw this.fail(`the prefix "${prefix}" is declared empty`);
    declared.set(prefix, value);
  }

  #resolveAttributes(
    raw: readonly { name: string; value: string }[],
    bindings: ReadonlyMap<string, string>,
  ): Attribute[] {
    const resolved: Attribute[] = [];
    for (const { name, value } of raw) {
      const colon = name.indexOf(':');
      let namespace = '';
      let local = name;
      if (name === 'xmlns' || name.startsWith('xmlns:')) namespace = 'xmlns';
      else if (colon >= 0) {
        namespace = this.#lookUp(name.slice(0, colon), bindings);
        local = name.slice(colon + 1);
      }
      if (resolved.some((other) => other.name === local && other.namespace === namespace))
        throw this.fail(`the attribute "${name}" stands twice`);
      resolved.push({ namespace, name: local, value });
    }
    return resolved;
  }

  #setName(rawName: string, bindings: ReadonlyMap<string, string>): void {
    const colon = rawName.indexOf(':');
    this.namespace = colon < 0 ? (bindings.get('') ?? '') : this.#lookUp(rawName.slice(0, colon), bindings);
    this.name = colon < 0 ? rawName : rawName.slice(colon + 1);
  }

  #lookUp(prefix: string, bindings: ReadonlyMap<string, string>): string {
    const namespace = bindings.get(prefix);
    if (namespace === undefined) throw this.fail(`the prefix "${prefix.slice(0, 64)}" is not declared`);
    return namespace;
  }

  #scanName(of: string): string {
    const start = this.#position;
    let end = start;
    while (end < this.#bytes.length && !endsName(this.#bytes[end] as number)) end += 1;
    const first = this.#bytes[start];
    if (
      end === start ||
      end - start > 1024 ||
      first === undefined ||
      (first >= 0x30 && first <= 0x39) ||
      first === 0x2d ||
      first === 0x2e
    ) {
      throw this.fail(`no proper name where that of ${of} belongs`);
    }
    this.#position = end;
    return this.#decode(start, end);
  }

  #scanAttributeValue(name: string): string {
    this.#skipSpace();
    if (this.#bytes[this.#position] !== 0x3d) throw this.fail(`the attribute "${name.slice(0, 64)}" has no value`);
    this.#position += 1;
    this.#skipSpace();
    const quote = this.#bytes[this.#position];
    if (quote !== 0x22 && quote !== 0x27) throw this.fail(`the value of "${name.slice(0, 64)}" is not in quotes`);
    const start = this.#position + 1;
    const end = this.#bytes.indexOf(quote, start);
    if (end < 0) throw this.fail(`the value of "${name.slice(0, 64)}" does not end`);
    const raw = this.#decode(start, end);
    if (raw.includes('<')) throw this.fail(`"<" in the value of "${name.slice(0, 64)}"`);
    this.#position = end + 1;
    return this.#resolveEntities(raw.replace(/[\t\r\n]/g, ' '), start);
  }

  #skipSpace(): boolean {
    const start = this.#position;
    while (isSpace(this.#bytes[this.#position])) this.#position += 1;
    return this.#position > start;
  }

  #decode(start: number, end: number): string {
    let ascii = true;
    for (let index = start; index < end; index += 1) {
      if ((this.#bytes[index] as number) >= 0x80) {
        ascii = false;
        break;
      }
    }
    if (ascii) return this.#bytes.toString('latin1', start, end);
    try {
      return strictUtf8.decode(this.#bytes.subarray(start, end));
    } catch (cause) {
      throw new WsmanError('WSMAN_ENVELOPE_INVALID', `reading XML: the text at bytes ${start} to ${end} is not UTF-8`, {
        cause,
      });
    }
  }

  #resolveEntities(raw: string, at: number): string {
    if (!raw.includes('&')) return raw;
    return raw.replace(/&([^;&]{0,32})(;?)/g, (_whole, name: string, end: string) => {
      if (end === '') throw this.fail(`"&" begins no entity in the text at byte ${at}`);
      const known = Object.hasOwn(predefined, name) ? predefined[name] : undefined;
      if (known !== undefined) return known;
      const numeric = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(name);
      const code =
        numeric === null
          ? -1
          : numeric[1] === undefined
            ? Number.parseInt(numeric[2] as string, 10)
            : Number.parseInt(numeric[1], 16);
      if (!isXmlCharacter(code)) throw this.fail(`the entity "&${name};" in the text at byte ${at} is not allowed`);
      return String.fromCodePoint(code);
    });
  }

  #startsWith(text: string): boolean {
    return this.#bytes.toString('latin1', this.#position, this.#position + text.length) === text;
  }

  #find(text: string, from: number, what: string): number {
    const found = this.#bytes.indexOf(text, from, 'latin1');
    if (found < 0) throw this.fail(`the document ends inside ${what}`);
    return found;
  }
}

const nativeFromBase64 = (Uint8Array as unknown as { fromBase64?: (text: string) => Uint8Array }).fromBase64;

/** Decodes base64, white space allowed; `undefined` where it is none. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (nativeFromBase64 === undefined) return decodeBase64WithBuffer(text);
  try {
    return nativeFromBase64.call(Uint8Array, text);
  } catch {
    return undefined;
  }
}

/** The same for Node 24, which has no Uint8Array.fromBase64; Buffer passes over what is not base64, hence the check. */
export function decodeBase64WithBuffer(text: string): Uint8Array | undefined {
  const compact = /\s/.test(text) ? text.replace(/[\t\n\f\r ]+/g, '') : text;
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) return undefined;
  const bare = compact.replace(/=+$/, '');
  if (bare.length % 4 === 1 || (compact.length !== bare.length && compact.length % 4 !== 0)) return undefined;
  return Buffer.from(bare, 'base64');
}
