/* Exchange's text of a size: `30 GB (32,212,254,720 bytes)`. */

const units = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** The largest unit in which the value is at least 1, four significant digits, then the exact count. */
export function formatByteSize(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toPrecision(4))} ${units[unit]} (${bytes.toLocaleString('en-US')} bytes)`;
}

const known = new Map<number, string>();

/** As {@link formatByteSize}, remembering the few values that quotas have. */
export function byteSizeText(bytes: number): string {
  let text = known.get(bytes);
  if (text === undefined) {
    text = formatByteSize(bytes);
    if (known.size < 10_000) known.set(bytes, text);
  }
  return text;
}

/** Bytes of a size as Exchange reads it (`1.5 GB`, `30 GB (32,212,254,720 bytes)`, `1024`); Infinity is `Unlimited`. */
export function parseByteSize(text: string): number | undefined {
  if (text.trim().toLowerCase() === 'unlimited') return Number.POSITIVE_INFINITY;
  const match = /^\s*(\d{1,15}(?:\.\d{1,6})?)\s*(B|KB|MB|GB|TB)?\s*(?:\(([\d,]{1,24}) bytes\))?\s*$/i.exec(text);
  if (match === null) return undefined;
  if (match[3] !== undefined) return Number(match[3].replaceAll(',', ''));
  const power = units.indexOf((match[2] ?? 'B').toUpperCase() as (typeof units)[number]);
  return Number(match[1]) * 1024 ** power;
}
