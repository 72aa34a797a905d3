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
