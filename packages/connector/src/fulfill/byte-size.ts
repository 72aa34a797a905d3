/*
 * Sizes and quotas: as Exchange shows them (`30 GB (32,212,254,720 bytes)`, `Unlimited`), as people write them
 * (`30GB`, `1.5 GB`, `32212254720`). The bytes in the brackets are exact, the number before them is rounded.
 */

/** A number of bytes, or no limit. */
export type ByteSize = bigint | 'unlimited';

const units: Readonly<Record<string, number>> = { b: 0, bytes: 0, byte: 0, '': 0, kb: 10, mb: 20, gb: 30, tb: 40 };
const shown = /^[^()]*\(\s*([0-9][0-9,.\u00a0\u202f' ]*)\s*bytes?\s*\)$/i;
const written = /^([0-9]{1,19})(?:[.,]([0-9]{1,9}))?\s*(b|bytes?|kb|mb|gb|tb|)$/i;
/** Exchange keeps sizes as 64-bit integers. */
const largest = 2n ** 63n - 1n;

/** Reads a size; `undefined` where the text is none. A negative size is none. */
export function parseByteSize(text: string): ByteSize | undefined {
  const trimmed = text.trim();
  if (/^unlimited$/i.test(trimmed)) return 'unlimited';
  const exact = shown.exec(trimmed)?.[1];
  if (exact !== undefined) return inRange(BigInt(exact.replace(/[^0-9]/g, '')));
  const match = written.exec(trimmed);
  if (match === null) return undefined;
  const [, whole = '', fraction = '', unit = ''] = match;
  const shift = units[unit.toLowerCase()] ?? 0;
  if (fraction !== '' && shift === 0) return undefined;
  const scaled = BigInt(whole + fraction) << BigInt(shift);
  return inRange(scaled / 10n ** BigInt(fraction.length));
}

function inRange(bytes: bigint): bigint | undefined {
  return bytes <= largest ? bytes : undefined;
}

/** How a size is sent: its bytes as digits, which every culture of a server reads alike. */
export function formatByteSize(size: ByteSize): string {
  return size === 'unlimited' ? 'Unlimited' : String(size);
}

/** Whether two sizes are the same once Exchange has stored them: it keeps most in whole kilobytes, rounded up or down. */
export function sameByteSize(left: ByteSize, right: ByteSize): boolean {
  if (left === 'unlimited' || right === 'unlimited') return left === right;
  const difference = left - right;
  return difference < 1024n && difference > -1024n;
}
