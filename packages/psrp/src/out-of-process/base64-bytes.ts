/*
 * Base64 (RFC 4648, section 4) from bytes to bytes, without strings between: a packet's content is up to
 * 44 KB.
 */
const alphabet = new TextEncoder().encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const padding = 0x3d;
const values = new Int8Array(256).fill(-1);
for (let index = 0; index < 64; index += 1) values[alphabet[index] as number] = index;

/** The base64 of `bytes` as ASCII, padded. */
export function encodeBase64Bytes(bytes: Uint8Array): Uint8Array {
  const encoded = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  const whole = bytes.length - (bytes.length % 3);
  let at = 0;
  for (let index = 0; index < whole; index += 3) {
    const bits = ((bytes[index] as number) << 16) | ((bytes[index + 1] as number) << 8) | (bytes[index + 2] as number);
    encoded[at] = alphabet[bits >> 18] as number;
    encoded[at + 1] = alphabet[(bits >> 12) & 63] as number;
    encoded[at + 2] = alphabet[(bits >> 6) & 63] as number;
    encoded[at + 3] = alphabet[bits & 63] as number;
    at += 4;
  }
  if (whole < bytes.length) {
    const second = bytes[whole + 1];
    const bits = ((bytes[whole] as number) << 16) | ((second ?? 0) << 8);
    encoded[at] = alphabet[bits >> 18] as number;
    encoded[at + 1] = alphabet[(bits >> 12) & 63] as number;
    encoded[at + 2] = second === undefined ? padding : (alphabet[(bits >> 6) & 63] as number);
    encoded[at + 3] = padding;
  }
  return encoded;
}

/** The bytes of padded base64 without white space; `undefined` when it is none. */
export function decodeBase64Bytes(encoded: Uint8Array): Uint8Array | undefined {
  if (encoded.length % 4 !== 0) return undefined;
  const pads = encoded.at(-1) !== padding ? 0 : encoded.at(-2) !== padding ? 1 : 2;
  const bytes = new Uint8Array((encoded.length / 4) * 3);
  const digits = encoded.length - pads;
  let bad = 0;
  let at = 0;
  const whole = digits - (digits % 4);
  for (let index = 0; index < whole; index += 4) {
    const first = values[encoded[index] as number] as number;
    const second = values[encoded[index + 1] as number] as number;
    const third = values[encoded[index + 2] as number] as number;
    const fourth = values[encoded[index + 3] as number] as number;
    bad |= first | second | third | fourth;
    bytes[at] = (first << 2) | (second >> 4);
    bytes[at + 1] = (second << 4) | (third >> 2);
    bytes[at + 2] = (third << 6) | fourth;
    at += 3;
  }
  if (pads > 0) {
    const first = values[encoded[whole] as number] as number;
    const second = values[encoded[whole + 1] as number] as number;
    const third = pads === 1 ? (values[encoded[whole + 2] as number] as number) : 0;
    bad |= first | second | third;
    bytes[at] = (first << 2) | (second >> 4);
    bytes[at + 1] = (second << 4) | (third >> 2);
  }
  return bad < 0 ? undefined : bytes.subarray(0, bytes.length - pads);
}
