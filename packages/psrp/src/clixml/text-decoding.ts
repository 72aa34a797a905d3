/*
 * From bytes to text. A message body is UTF-8, with a byte-order mark when a server wrote it
 * ([MS-PSRP] 2.2.1); a file of Export-Clixml is UTF-8 or UTF-16 with one.
 */
import { CliXmlError } from './cli-xml-error.ts';
import type { CliXmlLimits } from './limits.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const decoders = {
  'UTF-8': utf8,
  'UTF-16LE': new TextDecoder('utf-16le', { fatal: true }),
  'UTF-16BE': new TextDecoder('utf-16be', { fatal: true }),
};

/** By the byte-order mark; without one by what `<` looks like at the beginning. */
function encodingOf(bytes: Uint8Array): keyof typeof decoders {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return 'UTF-16LE';
  if (first === 0xfe && second === 0xff) return 'UTF-16BE';
  if (first === 0x3c && second === 0) return 'UTF-16LE';
  if (first === 0 && second === 0x3c) return 'UTF-16BE';
  return 'UTF-8';
}

/** The text of CLIXML, its byte-order mark removed. */
export function decodeText(bytes: Uint8Array, limits: CliXmlLimits): string {
  if (bytes.length > limits.maxBytes) {
    throw new CliXmlError(
      'PSRP_LIMIT_EXCEEDED',
      `reading CLIXML: the text has ${bytes.length} bytes, allowed are ${limits.maxBytes} (maxBytes)`,
      { offset: 0 },
    );
  }
  const encoding = encodingOf(bytes);
  try {
    return decoders[encoding].decode(bytes);
  } catch (cause) {
    const offset = encoding === 'UTF-8' ? firstInvalid(bytes) : 0;
    const seen = encoding === 'UTF-8' ? describeByte(bytes, offset) : '';
    throw new CliXmlError(
      'PSRP_CLIXML_INVALID',
      `reading CLIXML: the ${bytes.length} bytes are not ${encoding}${seen}; the text may have been cut or changed on its way`,
      { offset, cause },
    );
  }
}

function describeByte(bytes: Uint8Array, offset: number): string {
  const byte = bytes[offset];
  if (byte === undefined) return ' (they end inside a character)';
  return ` (byte 0x${byte.toString(16).padStart(2, '0')} at offset ${offset})`;
}

/** The offset of the first byte that no UTF-8 can have there, by halving: for messages only. */
function firstInvalid(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length + 1;
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (isPrefix(bytes.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

/** A streaming decoder takes an unfinished character at the end. */
function isPrefix(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
