import { PsrpError, type PsrpErrorCode } from '../errors.ts';

/** CLIXML that cannot be read: what was being read, where, what was seen and what is allowed. */
export class CliXmlError extends PsrpError {
  override readonly name = 'CliXmlError';
  /** Where, in characters from the beginning of the text (bytes where the text could not be decoded). */
  readonly offset: number;

  constructor(code: PsrpErrorCode, message: string, options: { offset: number; cause?: unknown }) {
    super(code, message, { recovery: 'skip-item', cause: options.cause });
    this.offset = options.offset;
  }
}

/** The longest piece of a peer's text that a message repeats. */
const excerptLength = 40;

/** A short, printable piece of text for a message. */
export function excerpt(text: string, from: number, length = excerptLength): string {
  const piece = text.slice(from, from + length);
  return JSON.stringify(piece.length < text.length - from ? `${piece}…` : piece);
}

/**
 * The elements open at `offset`, outermost first, for a message: `Obj/Props/S`. Found by going over the
 * text again, because the reader keeps no such record while all goes well.
 */
export function elementPath(text: string, offset: number): string {
  const open: string[] = [];
  let depth = 0;
  for (let at = text.indexOf('<'); at >= 0 && at < offset; at = text.indexOf('<', at)) {
    const end = endOfMarkup(text, at);
    if (end < 0) break;
    const start = at;
    at = end;
    const name = elementName.exec(text.slice(start, start + longestNameRead));
    if (name === null) continue; // a comment or its like
    if (name[1] === '/') {
      depth = Math.max(0, depth - 1);
      if (open.length > depth) open.pop();
      continue;
    }
    if (text.charCodeAt(end - 2) === 47) continue;
    // A hostile depth is counted, not kept.
    if (depth === open.length && depth < 200) {
      const named = / N=["']([^"']{1,60})["']/.exec(text.slice(start, Math.min(end, start + longestTagRead)));
      open.push(named === null ? (name[2] as string) : `${name[2]}[${named[1]}]`);
    }
    depth += 1;
  }
  const shown = open.length > 12 ? ['…', ...open.slice(-12)] : open;
  return shown.join('/');
}

/** How much of a tag is looked at for its name, and for its attribute `N`, in characters. */
const longestNameRead = 18;
const longestTagRead = 512;
const elementName = /^<(\/?)([A-Za-z0-9]{1,16})/;

/**
 * Where the tag, comment, CDATA section or instruction that begins at `start` ends; -1 where it does not.
 * Letter by letter: a regular expression would need a stack as deep as the tag is long.
 */
function endOfMarkup(text: string, start: number): number {
  if (text.startsWith('<!--', start)) return after(text, '-->', start + 4);
  if (text.startsWith('<![CDATA[', start)) return after(text, ']]>', start + 9);
  const second = text.charCodeAt(start + 1);
  if (second === 33 || second === 63) return after(text, '>', start);
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 62) return at + 1;
    if (code === 60) return -1;
    if (code === 34 || code === 39) {
      at = text.indexOf(code === 34 ? '"' : "'", at + 1);
      if (at < 0) return -1;
    }
  }
  return -1;
}

function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at < 0 ? -1 : at + mark.length;
}
