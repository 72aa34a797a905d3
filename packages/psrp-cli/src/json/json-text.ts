/*
 * JSON literals (RFC 8259). One value a line is promised, and readers of lines differ in what ends one:
 * besides the controls that JSON must escape, U+0085, U+2028 and U+2029 are escaped too, as are DEL and
 * the C1 controls, which a terminal obeys. A lone surrogate becomes `\uXXXX` (well-formed stringify).
 */
const troublesome = /[\u007f-\u009f\u2028\u2029]/g;

/** `text` as a JSON string literal. */
export function jsonString(text: string): string {
  const literal = JSON.stringify(text);
  return literal.search(troublesome) < 0
    ? literal
    : literal.replace(troublesome, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A double as a JSON number; JSON has none for `NaN` and the infinities, which become strings. */
export function jsonNumber(value: number): string {
  if (!Number.isFinite(value)) return `"${String(value)}"`;
  return Object.is(value, -0) ? '-0' : String(value);
}

const largestExact = BigInt(Number.MAX_SAFE_INTEGER);

/** A 64-bit integer: a JSON number while every reader of doubles gets it right, else a string. */
export function jsonLong(value: bigint): string {
  return value <= largestExact && value >= -largestExact ? String(value) : `"${String(value)}"`;
}

/** Bytes as base64 in a JSON string. */
export function jsonBase64(bytes: Uint8Array): string {
  return `"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}"`;
}
