/*
 * From the text of an element or attribute to what it says: line ends (XML 1.0, 2.11), the five entities
 * and character references, then PowerShell's own escapes `_xHHHH_` ([MS-PSRP] 2.2.5.3.2).
 */

/**
 * Four or eight hexadecimal digits of either case. One pass from the left, matches do not overlap:
 * `_x005F_x0041_` is `_x0041_`.
 */
const escapePattern = /_[xX]([0-9a-fA-F]{8}|[0-9a-fA-F]{4})_/g;

/** Replaces `_xHHHH_` and `_xHHHHHHHH_`; what is no character stays as it stands. */
export function decodeEscapes(text: string): string {
  return text.replace(escapePattern, (whole, digits: string) => {
    const code = Number.parseInt(digits, 16);
    return code > 0x10ffff ? whole : String.fromCodePoint(code);
  });
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** No reference to a character is longer than these: `&#x10FFFF;` with some leading zeros. */
const referencePattern = /&([a-z]{2,4}|#x[0-9a-fA-F]{1,8}|#[0-9]{1,10});/g;
const badReference = /&(?!(?:lt|gt|amp|quot|apos|#x[0-9a-fA-F]{1,8}|#[0-9]{1,10});)/;

/** Replaces entities and character references; gives the index of a bad one instead. */
export function decodeReferences(text: string): string | number {
  let bad = text.search(badReference);
  if (bad >= 0) return bad;
  const decoded = text.replace(referencePattern, (whole, reference: string, index: number) => {
    const replaced = resolve(reference);
    if (replaced === undefined) bad = index;
    return replaced ?? whole;
  });
  return bad < 0 ? decoded : bad;
}

function resolve(reference: string): string | undefined {
  if (!reference.startsWith('#')) return entities[reference];
  const hexadecimal = reference.startsWith('#x');
  const code = Number.parseInt(reference.slice(hexadecimal ? 2 : 1), hexadecimal ? 16 : 10);
  // U+0000, U+FFFF and lone surrogates are forbidden in XML 1.0, and written by the real serializer.
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

/** In an element every line end is one line feed. */
export function normalizeLineEnds(text: string): string {
  return text.replace(/\r\n?/g, '\n');
}

/** In an attribute every white-space character is a space (a line end counts once). */
export function normalizeAttribute(text: string): string {
  return text.replace(/\r\n|[\r\n\t]/g, ' ');
}
