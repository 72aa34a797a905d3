/*
 * Several values in one cell.
 *
 * Addresses stand side by side with one separator (a space) between them; the primary one (`SMTP:` in
 * capitals) first, the others in ordinal order, because the directory promises none. A reader splits
 * only where a separator stands before `<prefix>:`, so a space inside an address stays as it is, except
 * where that reader would split: there it is `%20`. A `%20` or `%25` that was in the address before is
 * told apart by writing its `%` as `%25`; any other `%` stays.
 *
 *   value     X500:/o=First Organization/cn=a b:c%20d        smtp:a@b
 *   cell      X500:/o=First Organization/cn=a%20b:c%2520d smtp:a@b
 *
 * Other values are joined by `;`, an inner `;` is `%3B`, and a `%` before `3B` or `25` is `%25`.
 */

const prefix = /[A-Za-z][A-Za-z0-9-]*:/y;

function startsWithPrefix(text: string, at: number): boolean {
  prefix.lastIndex = at;
  return prefix.test(text);
}

/** `%XX` for each byte of the separator's first character. */
function escapeOf(separator: string): string {
  const first = String.fromCodePoint(separator.codePointAt(0) ?? 0x20);
  const encoded = encodeURIComponent(first.toWellFormed());
  // encodeURIComponent leaves letters, digits and a few marks as they are.
  return encoded === first ? `%${first.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}` : encoded;
}

function escapePercent(text: string, sign: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%/g, (_sign, at: number) =>
    text.startsWith(sign, at) || text.startsWith('%25', at) ? '%25' : '%',
  );
}

function unescapeWith(text: string, sign: string, character: string): string {
  let result = '';
  for (let at = 0; at < text.length; ) {
    if (text.startsWith('%25', at)) {
      result += '%';
      at += 3;
    } else if (text.startsWith(sign, at)) {
      result += character;
      at += sign.length;
    } else {
      result += text.charAt(at);
      at += 1;
    }
  }
  return result;
}

/** Escapes each separator of `text` that a reader would split at. */
function escapeSeparators(text: string, separator: string, sign: string): string {
  const first = String.fromCodePoint(separator.codePointAt(0) ?? 0x20);
  let result = '';
  let from = 0;
  for (let at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, at + 1)) {
    if (startsWithPrefix(text, at + separator.length)) {
      result += text.slice(from, at) + sign;
      from = at + first.length;
    }
  }
  return from === 0 ? text : result + text.slice(from);
}

function ordinal(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The cell of proxy addresses: `SMTP:` first, then the rest in ordinal order, none dropped. */
export function joinAddresses(addresses: readonly string[], separator = ' '): string {
  if (addresses.length === 1 && !addresses[0]?.includes('%') && !addresses[0]?.includes(separator)) {
    return addresses[0] ?? '';
  }
  const sign = escapeOf(separator);
  const primary = addresses.filter((address) => address.startsWith('SMTP:')).sort(ordinal);
  const others = addresses.filter((address) => !address.startsWith('SMTP:')).sort(ordinal);
  return [...primary, ...others]
    .map((address) => escapeSeparators(escapePercent(address, sign), separator, sign))
    .join(separator);
}

/** Reads a cell that {@link joinAddresses} wrote: splits only before `<prefix>:`. */
export function splitAddresses(cell: string, separator = ' '): string[] {
  if (cell === '') return [];
  const sign = escapeOf(separator);
  const first = String.fromCodePoint(separator.codePointAt(0) ?? 0x20);
  const parts: string[] = [];
  let from = 0;
  for (let at = cell.indexOf(separator); at >= 0; at = cell.indexOf(separator, at + 1)) {
    if (startsWithPrefix(cell, at + separator.length)) {
      parts.push(cell.slice(from, at));
      from = at + separator.length;
    }
  }
  parts.push(cell.slice(from));
  return parts.map((part) => unescapeWith(part, sign, first));
}

/** The cell of values that are no addresses, in the order they came. */
export function joinValues(values: readonly string[]): string {
  return values.map((value) => escapePercent(value, '%3B').replaceAll(';', '%3B')).join(';');
}

/** Reads a cell that {@link joinValues} wrote. No values and one empty value look the same: no values. */
export function splitValues(cell: string): string[] {
  return cell === '' ? [] : cell.split(';').map((part) => unescapeWith(part, '%3B', ';'));
}
