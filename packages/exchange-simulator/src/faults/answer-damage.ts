/* Damage to answers, always at the same places, so that a run can be had again. */
import type { ResponseBody } from '@exchange-connector/wsman/codec';

/** Offset of the flags, and bytes of the header, of a fragment ([MS-PSRP] 2.2.4). */
const flagsOffset = 16;
const fragmentHeaderBytes = 21;
const startFlag = 1;
/** Bytes of a message's head in which the type names of an object begin. */
const headBytes = 512;

/** Mailboxes, whole or projected, that begin in the streams of an answer. */
export function countMailboxes(body: ResponseBody): number {
  if (body.kind !== 'received') return 0;
  let count = 0;
  for (const { data } of body.streams) {
    if (((data[flagsOffset] ?? 0) & startFlag) === 0) continue;
    const head = Buffer.from(data.buffer, data.byteOffset, Math.min(headBytes, data.length)).toString('latin1');
    if (head.includes('.Management.Mailbox</T>')) count += 1;
  }
  return count;
}

/** The fragments' ids and lengths are no longer what they were: the first stream's data is changed. */
export function damageFragment(body: ResponseBody): ResponseBody {
  if (body.kind !== 'received') return body;
  const [first, ...rest] = body.streams;
  if (first === undefined) return body;
  const data = Uint8Array.from(first.data);
  // The length of the blob: more than there is.
  data[fragmentHeaderBytes - 4] = 0x7f;
  return { ...body, streams: [{ ...first, data }, ...rest] };
}

/** Four characters of base64 in the middle of the longest run of it become ones that base64 does not have. */
export function damageBase64(envelope: Buffer): Buffer {
  const text = envelope.toString('latin1');
  let best: { index: number; length: number } | undefined;
  for (const match of text.matchAll(/[A-Za-z0-9+/=]{24,}/g))
    if (best === undefined || match[0].length > best.length) best = { index: match.index, length: match[0].length };
  if (best === undefined) return envelope;
  const damaged = Buffer.from(envelope);
  damaged.write('!?*%', best.index + Math.floor(best.length / 2) - 2, 'latin1');
  return damaged;
}

/** An end tag becomes another one. */
export function damageEnvelope(envelope: Buffer): Buffer {
  const damaged = Buffer.from(envelope);
  const place = damaged.lastIndexOf('</');
  damaged.write('<\u0001', Math.max(0, place), 'latin1');
  return damaged;
}

/** Sixteen bytes in the middle are inverted. */
export function damageBytes(body: Buffer): Buffer {
  const damaged = Buffer.from(body);
  const middle = Math.max(0, Math.floor(damaged.length / 2) - 8);
  for (let index = middle; index < Math.min(damaged.length, middle + 16); index += 1)
    damaged[index] = (damaged[index] ?? 0) ^ 0xff;
  return damaged;
}
