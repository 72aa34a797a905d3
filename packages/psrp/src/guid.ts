/** A GUID as lower-case text with hyphens, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`. */
export type Guid = string & { readonly __guid: unique symbol };

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The all-zero GUID. */
export const emptyGuid = '00000000-0000-0000-0000-000000000000' as Guid;

/** Reads a GUID in any letter case, with or without braces; `undefined` when the text is none. */
export function parseGuid(text: string): Guid | undefined {
  const lower = text.toLowerCase();
  const bare = lower.startsWith('{') && lower.endsWith('}') ? lower.slice(1, -1) : lower;
  return pattern.test(bare) ? (bare as Guid) : undefined;
}

/*
 * On the wire a GUID stands as .NET's Guid.ToByteArray writes it: the first three groups little-endian,
 * the last two as they read.
 *
 *   text   00112233-4455-6677-8899-aabbccddeeff
 *   bytes  33 22 11 00 55 44 77 66 88 99 aa bb cc dd ee ff
 */
const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;

/** Encodes a GUID into 16 bytes of `target` at `offset` (MS-PSRP 2.2.1, .NET byte order). */
export function encodeGuid(guid: Guid, target: Uint8Array, offset: number): void {
  const digits = guid.replaceAll('-', '');
  for (let index = 0; index < 16; index += 1) {
    target[offset + (order[index] as number)] = Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16);
  }
}

/** Decodes the 16 bytes of `source` at `offset`; the caller has checked that they are there. */
export function decodeGuid(source: Uint8Array, offset: number): Guid {
  let digits = '';
  for (let index = 0; index < 16; index += 1) {
    digits += (source[offset + (order[index] as number)] as number).toString(16).padStart(2, '0');
  }
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-${digits.slice(12, 16)}-${digits.slice(16, 20)}-${digits.slice(20)}` as Guid;
}
