/*
 * Numbers as PowerShell reads them on a command line (its tokenizer in argument mode, 5.1's literals):
 *
 *   [-] digits [. digits] [e [+-] digits] [l|d] [kb|mb|gb|tb|pb]
 *   [-] 0x hexdigits [l] [kb|mb|gb|tb|pb]
 *
 * A whole number is an Int32, else an Int64, else a Decimal, else a Double; with a point or an exponent it
 * is a Double. Suffix `l` asks for an Int64, `d` for a Decimal. A hexadecimal number of 8 or 16 digits
 * carries its sign in the first bit: `0xFFFFFFFF` is -1. With a plus before it, as telephone numbers have
 * it, it is text.
 */
import { psDouble, psInt32, psInt64, type PsValue } from '@exchange-connector/psrp';

const decimalLiteral = /^(-?)(\d+\.?\d*|\.\d+)(e[+-]?\d+)?([ld]?)([kmgtp]b)?$/i;
const hexadecimalLiteral = /^(-?)0x([0-9a-f]+)(l?)([kmgtp]b)?$/i;

const multipliers: Readonly<Record<string, bigint>> = {
  kb: 1n << 10n,
  mb: 1n << 20n,
  gb: 1n << 30n,
  tb: 1n << 40n,
  pb: 1n << 50n,
};

/** A longer text is no number that anybody types; digits cost quadratic time. */
const maxLiteralCharacters = 400;

/** System.Decimal's largest value, 2^96 - 1. */
const largestDecimal = (1n << 96n) - 1n;

/** The number that `text` is for PowerShell, or undefined where it is text. */
export function parseNumberLiteral(text: string): PsValue | undefined {
  if (text.length > maxLiteralCharacters) return undefined;
  const hexadecimal = hexadecimalLiteral.exec(text);
  if (hexadecimal !== null) {
    const [, sign, digits = '', suffix, multiplier] = hexadecimal;
    const bits = digits.length * 4;
    const unsigned = BigInt(`0x${digits}`);
    const magnitude = bits % 32 === 0 ? BigInt.asIntN(bits, unsigned) : unsigned;
    const asLong = bits === 64 && suffix === '' ? 'l' : suffix;
    return wholeNumber((sign === '-' ? -magnitude : magnitude) * multiplierOf(multiplier), asLong);
  }
  const decimal = decimalLiteral.exec(text);
  if (decimal === null) return undefined;
  const [, sign = '', digits = '', exponent, suffix, multiplier] = decimal;
  if (exponent === undefined && !digits.includes('.')) {
    const magnitude = BigInt(digits) * multiplierOf(multiplier);
    return wholeNumber(sign === '-' ? -magnitude : magnitude, suffix);
  }
  return realNumber(Number(`${sign}${digits}${exponent ?? ''}`) * Number(multiplierOf(multiplier)), suffix, text);
}

function multiplierOf(text: string | undefined): bigint {
  return text === undefined ? 1n : (multipliers[text.toLowerCase()] ?? 1n);
}

function wholeNumber(value: bigint, suffix: string | undefined): PsValue | undefined {
  const kind = suffix?.toLowerCase();
  const magnitude = value < 0n ? -value : value;
  if (kind === 'd') return magnitude <= largestDecimal ? { kind: 'D', value: String(value) } : undefined;
  if (kind === 'l') return BigInt.asIntN(64, value) === value ? psInt64(value) : undefined;
  if (BigInt.asIntN(32, value) === value) return psInt32(Number(value));
  if (BigInt.asIntN(64, value) === value) return psInt64(value);
  return magnitude <= largestDecimal ? { kind: 'D', value: String(value) } : psDouble(Number(value));
}

/** `1.5d` is a Decimal and keeps its digits; `1.5l` is rounded to an Int64, half to even. */
function realNumber(value: number, suffix: string | undefined, text: string): PsValue | undefined {
  switch (suffix?.toLowerCase()) {
    case 'l': {
      if (!Number.isFinite(value)) return undefined;
      const whole = BigInt(roundHalfToEven(value));
      return BigInt.asIntN(64, whole) === whole ? psInt64(whole) : undefined;
    }
    case 'd': {
      const digits = /^[+-]?(?:\d+\.?\d*|\.\d+)/.exec(text)?.[0] ?? '';
      const plain = /^[+-]?[\d.]+d$/i.test(text);
      const decimal = plain ? normalDecimal(digits) : normalDecimal(String(value));
      return decimal === undefined ? undefined : { kind: 'D', value: decimal };
    }
    default:
      return psDouble(value);
  }
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Digits with at most one point as xs:decimal; undefined for what a Decimal cannot hold. */
function normalDecimal(text: string): string | undefined {
  const match = /^([+-]?)(\d*)\.?(\d*)$/.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = ''] = match;
  if (fraction.length > 28 || BigInt(`0${whole}${fraction}`) > largestDecimal) return undefined;
  return `${sign === '-' ? '-' : ''}${whole.replace(/^0+(?=\d)/, '') || '0'}${fraction === '' ? '' : `.${fraction}`}`;
}
