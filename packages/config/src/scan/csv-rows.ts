/** One cell, and where its value begins in the text. */
export interface Cell {
  readonly value: string;
  readonly at: number;
}

/** Rows of RFC 4180, leniently: what is no CSV gives rows of some kind, in linear time. */
export function* csvRows(text: string, separator: string): Generator<Cell[]> {
  let row: Cell[] = [];
  let at = text.startsWith('\ufeff') ? 1 : 0;
  while (at <= text.length) {
    const cell = readCell(text, at, separator);
    row.push({ value: cell.value, at: cell.at });
    at = cell.end;
    if (text[at] === separator) {
      at += 1;
      continue;
    }
    yield row;
    row = [];
    if (at >= text.length) return;
    at += text.startsWith('\r\n', at) ? 2 : 1;
    if (at >= text.length) return;
  }
}

function readCell(text: string, from: number, separator: string): Cell & { readonly end: number } {
  if (text[from] !== '"') {
    let end = from;
    while (end < text.length && text[end] !== separator && text[end] !== '\n' && text[end] !== '\r') end += 1;
    return { value: text.slice(from, end), at: from, end };
  }
  let value = '';
  let at = from + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return { value: value + text.slice(at), at: from + 1, end: text.length };
    value += text.slice(at, quote);
    if (text[quote + 1] !== '"') {
      let end = quote + 1;
      while (end < text.length && text[end] !== separator && text[end] !== '\n' && text[end] !== '\r') end += 1;
      return { value, at: from + 1, end };
    }
    value += '"';
    at = quote + 2;
  }
}
