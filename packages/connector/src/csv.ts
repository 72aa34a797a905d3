/*
 * RFC 4180: comma, CRLF, a field quoted only where it holds a comma, a quote or a line end. A field of
 * the file's only column that is empty would be a blank line, which readers skip; no file here has one column.
 */

const special = /[",\r\n]/;

/** One field as it stands in a line. */
export function csvField(text: string): string {
  return special.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One line with its CRLF. */
export function csvLine(fields: readonly string[]): string {
  return `${fields.map(csvField).join(',')}\r\n`;
}
