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
  const tag =
    /<(?:!--[\s\S]*?-->|!\[CDATA\[[\s\S]*?\]\]>|[?!][^>]*>|(\/?)([A-Za-z0-9]{1,16})((?:[^"'<>]|"[^"<]*"|'[^'<]*')*)>)/y;
  for (let at = text.indexOf('<'); at >= 0 && at < offset; at = text.indexOf('<', at)) {
    tag.lastIndex = at;
    const match = tag.exec(text);
    if (match === null) break;
    at = tag.lastIndex;
    const [, slash, name, rest] = match;
    if (name === undefined || rest === undefined || rest.endsWith('/')) continue;
    if (slash === '/') {
      depth = Math.max(0, depth - 1);
      if (open.length > depth) open.pop();
      continue;
    }
    // A hostile depth is counted, not kept.
    if (depth === open.length && depth < 200) {
      const named = / N=["']([^"']{1,60})["']/.exec(rest);
      open.push(named === null ? name : `${name}[${named[1]}]`);
    }
    depth += 1;
  }
  const shown = open.length > 12 ? ['…', ...open.slice(-12)] : open;
  return shown.join('/');
}
