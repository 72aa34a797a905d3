/*
 * Base64 (RFC 4648, section 4) in plain ECMAScript: `Uint8Array.fromBase64` is not in every host yet.
 */
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

const space = -2;
const invalid = -1;
const values = new Int8Array(128).fill(invalid);
for (let index = 0; index < 64; index += 1) values[alphabet.charCodeAt(index)] = index;
for (const white of ' \t\r\n') values[white.charCodeAt(0)] = space;

/** The bytes of padded base64, white space skipped; `undefined` when the text is none. */
export function decodeBase64(text: string): Uint8Array | undefined {
  let end = text.length;
  let padding = 0;
  while (end > 0) {
    const code = text.charCodeAt(end - 1);
    if (code === 61) padding += 1;
    else if (values[code] !== space) break;
    end -= 1;
  }
  const bytes = new Uint8Array(Math.floor((end * 3) / 4));
  let length = 0;
  let bits = 0;
  let digits = 0;
  for (let at = 0; at < end; at += 1) {
    const code = text.charCodeAt(at);
    const value = code < 128 ? (values[code] as number) : invalid;
    if (value === space) continue;
    if (value === invalid) return undefined;
    bits = (bits << 6) | value;
    digits += 1;
    if ((digits & 3) === 0) {
      bytes[length] = (bits >> 16) & 0xff;
      bytes[length + 1] = (bits >> 8) & 0xff;
      bytes[length + 2] = bits & 0xff;
      length += 3;
      bits = 0;
    }
  }
  const rest = digits & 3;
  if (rest === 1 || padding !== (4 - rest) % 4) return undefined;
  if (rest >= 2) {
    bytes[length] = (rest === 2 ? bits >> 4 : bits >> 10) & 0xff;
    length += 1;
  }
  if (rest === 3) {
    bytes[length] = (bits >> 2) & 0xff;
    length += 1;
  }
  return bytes.subarray(0, length);
}

/** Padded base64 in one line. */
export function encodeBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  let line = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const first = bytes[at] as number;
    const second = bytes[at + 1];
    const third = bytes[at + 2];
    line += alphabet[first >> 2] as string;
    line += alphabet[((first & 3) << 4) | ((second ?? 0) >> 4)] as string;
    line += second === undefined ? '=' : (alphabet[((second & 15) << 2) | ((third ?? 0) >> 6)] as string);
    line += third === undefined ? '=' : (alphabet[third & 63] as string);
    if (line.length > 8192) {
      parts.push(line);
      line = '';
    }
  }
  parts.push(line);
  return parts.join('');
}
