/*
 * The primitives of CLIXML ([MS-PSRP] 2.2.5.1) between their text on the wire and their value here.
 * White space around a number, Boolean or GUID is let pass, as the real deserializer does.
 */
import { type Guid, parseGuid } from '../guid.ts';
import { decodeBase64 } from './base64.ts';
import type { PsInteger, PsLong } from './value.ts';

/** Integers of up to 32 bits: the smallest and the largest. */
export const integerRanges: Readonly<Record<PsInteger['kind'], readonly [number, number]>> = {
  By: [0, 255],
  SB: [-128, 127],
  U16: [0, 65_535],
  I16: [-32_768, 32_767],
  U32: [0, 4_294_967_295],
  I32: [-2_147_483_648, 2_147_483_647],
};

/** Integers of 64 bits: the smallest and the largest. */
export const longRanges: Readonly<Record<PsLong['kind'], readonly [bigint, bigint]>> = {
  U64: [0n, 18_446_744_073_709_551_615n],
  I64: [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
};

/** No number that PowerShell writes is longer: `BigInt` of a long text takes quadratic time. */
const longestNumber = 400;

const wholeNumber = /^[+-]?[0-9]+$/;
const floatNumber = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const decimalNumber = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$/;

/** Each parser gives `undefined` when the text is no such value. */
export function parseInteger(kind: PsInteger['kind'], text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed.length > longestNumber || !wholeNumber.test(trimmed)) return undefined;
  const value = Number(trimmed);
  const [least, most] = integerRanges[kind];
  return value >= least && value <= most ? value : undefined;
}

export function parseLong(kind: PsLong['kind'], text: string): bigint | undefined {
  const trimmed = text.trim();
  if (trimmed.length > longestNumber || !wholeNumber.test(trimmed)) return undefined;
  const value = BigInt(trimmed.startsWith('+') ? trimmed.slice(1) : trimmed);
  const [least, most] = longRanges[kind];
  return value >= least && value <= most ? value : undefined;
}

const floatWords: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  INF: Number.POSITIVE_INFINITY,
  Infinity: Number.POSITIVE_INFINITY,
  '-INF': Number.NEGATIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

/** A single stays the double its digits say: 0.1 is not 0.10000000149011612. */
export function parseFloatText(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed.length > longestNumber) return undefined;
  if (floatNumber.test(trimmed)) return Number(trimmed);
  return Object.hasOwn(floatWords, trimmed) ? floatWords[trimmed] : undefined;
}

/** The least sizes that .NET writes with an exponent; below 0.0001 it has one too. */
const leastWithExponent = { Sg: 1e9, Db: 1e17 } as const;

/** The double of the fewest digits that names the same single. */
function shortestOfSingle(value: number): number {
  const single = Math.fround(value);
  if (single === 0) return single; // toPrecision would lose its sign
  for (let digits = 1; digits < 9; digits += 1) {
    const short = Number(single.toPrecision(digits));
    if (Math.fround(short) === single) return short;
  }
  return Number(single.toPrecision(9));
}

/** As .NET writes it: the shortest digits that read back, seen with .NET 10. A single is within its range. */
export function formatFloat(kind: 'Sg' | 'Db', given: number): string {
  const value = kind === 'Sg' && Number.isFinite(given) ? shortestOfSingle(given) : given;
  if (Number.isNaN(value)) return 'NaN';
  if (value === Number.POSITIVE_INFINITY) return 'INF';
  if (value === Number.NEGATIVE_INFINITY) return '-INF';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const size = Math.abs(value);
  if (size < leastWithExponent[kind] && size >= 1e-4) return String(value);
  const [digits, exponent] = value.toExponential().split('e') as [string, string];
  const power = Number(exponent);
  const sign = power < 0 ? '-' : '+';
  return `${digits}E${sign}${String(Math.abs(power)).padStart(2, '0')}`;
}

/** A decimal keeps its text: `1.50` and `1.5` are two values to .NET. */
export function parseDecimal(text: string): string | undefined {
  const trimmed = text.trim();
  return trimmed.length <= longestNumber && decimalNumber.test(trimmed) ? trimmed : undefined;
}

export function parseBoolean(text: string): boolean | undefined {
  switch (text.trim()) {
    case 'true':
    case '1':
      return true;
    case 'false':
    case '0':
      return false;
    default:
      return undefined;
  }
}

/** One UTF-16 code unit, as its number. */
export function parseCharacter(text: string): string | undefined {
  const code = parseInteger('U16', text);
  return code === undefined ? undefined : String.fromCharCode(code);
}

/** Lower-case, with hyphens: also from `{…}`, `(…)` and 32 digits without hyphens. */
export function parseGuidText(text: string): Guid | undefined {
  const trimmed = text.trim();
  const guid = parseGuid(trimmed);
  if (guid !== undefined) return guid;
  if (/^[0-9a-fA-F]{32}$/.test(trimmed)) {
    return parseGuid(trimmed.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'));
  }
  return trimmed.startsWith('(') && trimmed.endsWith(')') ? parseGuid(trimmed.slice(1, -1)) : undefined;
}

/** White space anywhere in it is skipped. */
export function parseBytes(text: string): Uint8Array | undefined {
  return decodeBase64(text);
}
