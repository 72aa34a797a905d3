/*
 * OPATH, the language of -Filter:
 *
 *   or       = and *( "-or" and )
 *   and      = not *( "-and" not )
 *   not      = [ "-not" | "!" ] primary
 *   primary  = "(" or ")" | property operator value
 *   operator = -eq -ne -gt -ge -lt -le -like -notlike
 *   value    = 'text' | "text" | $true | $false | $null | bare word          ('' inside '…' is a quote)
 */
import { parseByteSize } from '../organization/byte-size.ts';
import { serverOffsetMinutes } from '../organization/moment.ts';
import type { ServerValue } from '../serialization/server-value.ts';
import { matchesWildcard } from './wildcard.ts';

const maxDepth = 64;
const maxLength = 32_768;

type Comparison = '-eq' | '-ne' | '-gt' | '-ge' | '-lt' | '-le' | '-like' | '-notlike';
const comparisons: ReadonlySet<string> = new Set(['-eq', '-ne', '-gt', '-ge', '-lt', '-le', '-like', '-notlike']);

/** A filter's syntax tree. */
export type OpathNode =
  | { readonly kind: 'and' | 'or'; readonly left: OpathNode; readonly right: OpathNode }
  | { readonly kind: 'not'; readonly inner: OpathNode }
  | {
      readonly kind: 'compare';
      readonly property: string;
      readonly operator: Comparison;
      readonly value: string | boolean | null;
    };

/** What is wrong with a filter, in Exchange's words. */
export class OpathError extends Error {
  readonly position: number;

  constructor(what: string, filter: string, position: number) {
    super(
      `Invalid filter syntax. For a description of the filter parameter syntax see the command help.\r\n"${filter.slice(0, 200)}" at position ${position + 1}. ${what}`,
    );
    this.name = 'OpathError';
    this.position = position;
  }
}

interface Token {
  readonly kind: 'open' | 'close' | 'word' | 'operator' | 'quoted';
  readonly text: string;
  readonly at: number;
}

function quoted(filter: string, at: number): { text: string; next: number } {
  const quote = filter[at] as string;
  let text = '';
  let index = at + 1;
  for (;;) {
    const end = filter.indexOf(quote, index);
    if (end < 0) throw new OpathError('A closing quotation mark is missing.', filter, at);
    text += filter.slice(index, end);
    if (filter[end + 1] !== quote) return { text, next: end + 1 };
    text += quote;
    index = end + 2;
  }
}

function tokenize(filter: string): readonly Token[] {
  const tokens: Token[] = [];
  let index = 0;
  while (index < filter.length) {
    const letter = filter[index] as string;
    if (/\s/.test(letter)) index += 1;
    else if (letter === '(' || letter === ')') {
      tokens.push({ kind: letter === '(' ? 'open' : 'close', text: letter, at: index });
      index += 1;
    } else if (letter === "'" || letter === '"') {
      const { text, next } = quoted(filter, index);
      tokens.push({ kind: 'quoted', text, at: index });
      index = next;
    } else if (letter === '!') {
      tokens.push({ kind: 'operator', text: '-not', at: index });
      index += 1;
    } else {
      const text = (/^[^\s()'"]+/.exec(filter.slice(index)) as RegExpExecArray)[0];
      const isOperator = /^-(?:eq|ne|gt|ge|lt|le|like|notlike|and|or|not)$/i.test(text);
      tokens.push({ kind: isOperator ? 'operator' : 'word', text: isOperator ? text.toLowerCase() : text, at: index });
      index += text.length;
    }
  }
  return tokens;
}

class Parser {
  readonly #filter: string;
  readonly #tokens: readonly Token[];
  #index = 0;
  #depth = 0;

  constructor(filter: string) {
    this.#filter = filter;
    this.#tokens = tokenize(filter);
  }

  parse(): OpathNode {
    const node = this.#binary('or');
    const rest = this.#tokens[this.#index];
    if (rest !== undefined) throw this.#error(`"${rest.text}" is not expected here.`, rest.at);
    return node;
  }

  #error(what: string, at = this.#tokens[this.#index]?.at ?? this.#filter.length): OpathError {
    return new OpathError(what, this.#filter, at);
  }

  #isOperator(text: string): boolean {
    const token = this.#tokens[this.#index];
    return token?.kind === 'operator' && token.text === text;
  }

  #binary(kind: 'or' | 'and'): OpathNode {
    let left = kind === 'or' ? this.#binary('and') : this.#unary();
    while (this.#isOperator(`-${kind}`)) {
      this.#index += 1;
      left = { kind, left, right: kind === 'or' ? this.#binary('and') : this.#unary() };
    }
    return left;
  }

  #unary(): OpathNode {
    this.#depth += 1;
    if (this.#depth > maxDepth) throw this.#error('The filter is nested too deeply.');
    try {
      if (this.#isOperator('-not')) {
        this.#index += 1;
        return { kind: 'not', inner: this.#unary() };
      }
      if (this.#tokens[this.#index]?.kind !== 'open') return this.#comparison();
      this.#index += 1;
      const inner = this.#binary('or');
      if (this.#tokens[this.#index]?.kind !== 'close') throw this.#error('A closing parenthesis is missing.');
      this.#index += 1;
      return inner;
    } finally {
      this.#depth -= 1;
    }
  }

  #comparison(): OpathNode {
    const property = this.#tokens[this.#index];
    if (property?.kind !== 'word') throw this.#error('A property name is expected.');
    const operator = this.#tokens[this.#index + 1];
    if (operator?.kind !== 'operator' || !comparisons.has(operator.text))
      throw this.#error('A comparison operator is expected.', operator?.at ?? this.#filter.length);
    const value = this.#tokens[this.#index + 2];
    if (value === undefined || (value.kind !== 'word' && value.kind !== 'quoted'))
      throw this.#error('A value is expected.', value?.at ?? this.#filter.length);
    this.#index += 3;
    return {
      kind: 'compare',
      property: property.text,
      operator: operator.text as Comparison,
      value: literal(value, this.#filter),
    };
  }
}

function literal(token: Token, filter: string): string | boolean | null {
  if (token.kind === 'quoted' || !token.text.startsWith('$')) return token.text;
  const name = token.text.slice(1).toLowerCase();
  if (name === 'true') return true;
  if (name === 'false') return false;
  if (name === 'null') return null;
  throw new OpathError(`The variable ${token.text} is not known.`, filter, token.at);
}

/** Parses a filter; braces around it are taken off. Throws {@link OpathError}. */
export function parseOpath(filter: string): OpathNode {
  const trimmed = filter.trim();
  const bare = trimmed.startsWith('{') && trimmed.endsWith('}') ? trimmed.slice(1, -1).trim() : trimmed;
  if (bare === '') throw new OpathError('The filter is empty.', filter, 0);
  if (bare.length > maxLength) throw new OpathError('The filter is too long.', filter, maxLength);
  return new Parser(bare).parse();
}

/** Every property that a filter names. */
export function opathProperties(node: OpathNode): readonly string[] {
  switch (node.kind) {
    case 'and':
    case 'or':
      return [...opathProperties(node.left), ...opathProperties(node.right)];
    case 'not':
      return opathProperties(node.inner);
    case 'compare':
      return [node.property];
  }
}

/**
 * A point in time: ISO 8601, or `M/d/yyyy [h:mm[:ss] [AM|PM]] [Z]` as the session's culture en-US has it.
 * Where no zone stands, the server's own is meant, or UTC.
 */
export function parseFilterDate(text: string, zone: 'utc' | 'server'): number | undefined {
  // A filter's few dates are held against every mailbox.
  const key = `${zone} ${text}`;
  if (parsedDates.has(key)) return parsedDates.get(key);
  if (parsedDates.size >= mostParsedDates) parsedDates.clear();
  const parsed = parseDate(text, zone);
  parsedDates.set(key, parsed);
  return parsed;
}

const parsedDates = new Map<string, number | undefined>();
const mostParsedDates = 64;

function parseDate(text: string, zone: 'utc' | 'server'): number | undefined {
  const us =
    /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?\s*([AP]M)?)?\s*(Z)?$/i.exec(
      text.trim(),
    );
  const iso =
    /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?)?\s*(Z|[+-]\d{2}:\d{2})?$/i.exec(
      text.trim(),
    );
  if (us === null && iso === null) return undefined;
  const parts = us !== null ? [us[3], us[1], us[2], us[4], us[5], us[6], us[7]] : (iso as RegExpExecArray).slice(1, 8);
  const [year, month, day, hours, minutes, seconds] = parts.slice(0, 6).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const meridiem = us?.[8]?.toUpperCase();
  if (
    month < 1 ||
    month > 12 ||
    day < 1 ||
    day > 31 ||
    hours > (meridiem === undefined ? 23 : 12) ||
    minutes > 59 ||
    seconds > 59
  )
    return undefined;
  const hour = meridiem === undefined ? hours : (hours % 12) + (meridiem === 'PM' ? 12 : 0);
  const fraction = Number(`0.${parts[6] ?? '0'}`) * 1000;
  const wall = Date.UTC(year, month - 1, day, hour, minutes, seconds) + fraction;
  const suffix = (us?.[9] ?? iso?.[8])?.toUpperCase();
  if (suffix === 'Z') return wall;
  if (suffix !== undefined) {
    const [, sign, h, m] = /([+-])(\d{2}):(\d{2})/.exec(suffix) as RegExpExecArray;
    return wall - (sign === '-' ? -1 : 1) * (Number(h) * 60 + Number(m)) * 60_000;
  }
  return zone === 'utc' ? wall : wall - serverOffsetMinutes(wall) * 60_000;
}

function compareNumbers(operator: Comparison, difference: number): boolean {
  switch (operator) {
    case '-eq':
    case '-like':
      return difference === 0;
    case '-ne':
    case '-notlike':
      return difference !== 0;
    case '-gt':
      return difference > 0;
    case '-ge':
      return difference >= 0;
    case '-lt':
      return difference < 0;
    case '-le':
      return difference <= 0;
  }
}

const negative = (operator: Comparison): boolean => operator === '-ne' || operator === '-notlike';

/** Whether two texts differ in their first letters, whatever the case; false where that takes a closer look. */
function beginOtherwise(text: string, value: string): boolean {
  const left = text.charCodeAt(0);
  const right = value.charCodeAt(0);
  // ASCII letters of either case differ in this bit alone.
  return left < 0x80 && right < 0x80 && (left | 0x20) !== (right | 0x20);
}

function compareText(operator: Comparison, text: string, value: string): boolean {
  if (operator === '-like') return matchesWildcard(text, value);
  if (operator === '-notlike') return !matchesWildcard(text, value);
  // A filter may name hundreds of GUIDs, and each is held against every mailbox.
  if ((operator === '-eq' || operator === '-ne') && beginOtherwise(text, value)) return operator === '-ne';
  const left = text.toLowerCase();
  const right = value.toLowerCase();
  return compareNumbers(operator, left < right ? -1 : left > right ? 1 : 0);
}

function isNull(value: ServerValue | undefined): boolean {
  if (value === undefined || value.kind === 'null') return true;
  if (value.kind === 'list') return value.items.length === 0;
  return (value.kind === 'string' || value.kind === 'object') && value.text === '';
}

function compare(
  operator: Comparison,
  value: ServerValue | undefined,
  wanted: string | boolean | null,
  zone: 'utc' | 'server',
): boolean {
  if (wanted === null) return isNull(value) !== negative(operator);
  if (isNull(value) || value === undefined) return negative(operator);
  const text = String(wanted);
  switch (value.kind) {
    case 'boolean':
      return compareNumbers(operator, value.value === (text.toLowerCase() === 'true') ? 0 : 1);
    case 'integer':
    case 'double':
      return compareNumbers(operator, value.value - Number(text));
    case 'long':
      return compareNumbers(operator, Number(value.value) - Number(text));
    case 'dateTime': {
      const time = parseFilterDate(text, zone);
      return time === undefined
        ? false
        : compareNumbers(operator, value.moment.ms + Number(`0.${value.moment.fraction || '0'}`) * 1000 - time);
    }
    case 'guid':
    case 'string':
      return compareText(operator, value.text, text);
    case 'object': {
      // An address without its type is an SMTP address.
      if (/^smtp:/i.test(value.text) && !text.includes(':') && (operator === '-eq' || operator === '-ne'))
        return compareText(operator, value.text.slice(5), text);
      const size = value.order === undefined ? undefined : parseByteSize(text);
      if (value.order !== undefined && size !== undefined)
        return compareNumbers(operator, value.order === size ? 0 : value.order - size);
      const byDn = value.key !== undefined && compareText('-eq', value.key, text);
      return byDn ? !negative(operator) : compareText(operator, value.text, text);
    }
    case 'list': {
      const positive = operator === '-ne' ? '-eq' : operator === '-notlike' ? '-like' : operator;
      const any = value.items.some((item) => compare(positive, item, wanted, zone));
      return negative(operator) ? !any : any;
    }
    default:
      return false;
  }
}

/** Whether an object's properties satisfy a filter. */
export function matchesOpath(
  node: OpathNode,
  read: (property: string) => ServerValue | undefined,
  zone: 'utc' | 'server',
): boolean {
  switch (node.kind) {
    case 'and':
      return matchesOpath(node.left, read, zone) && matchesOpath(node.right, read, zone);
    case 'or':
      return matchesOpath(node.left, read, zone) || matchesOpath(node.right, read, zone);
    case 'not':
      return !matchesOpath(node.inner, read, zone);
    case 'compare':
      return compare(node.operator, read(node.property), node.value, zone);
  }
}
