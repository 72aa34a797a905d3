/*
 * Bodies sealed by the security context, for plain HTTP. [MS-WSMV] 2.2.9.1.1 (encrypted message types).
 *
 *   --Encrypted Boundary\r\n
 *   \tContent-Type: application/HTTP-Kerberos-session-encrypted\r\n
 *   \tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=<plaintext and padding>\r\n
 *   --Encrypted Boundary\r\n
 *   \tContent-Type: application/octet-stream\r\n
 *   <int32 LE header length><header><ciphertext>--Encrypted Boundary--\r\n
 *
 * IIS writes a space behind the dashes, `-- Encrypted Boundary`. The ciphertext may hold anything, the
 * boundary too, so that lengths and not a search decide where it ends.
 */
import { WsmanError } from '../errors.ts';

/** Which mechanism's tokens: bare Kerberos or SPNEGO. */
export type SealingProtocol = 'Kerberos' | 'SPNEGO';

/** A sealed message. */
export interface SealedBody {
  readonly protocol: SealingProtocol;
  readonly header: Uint8Array;
  readonly data: Uint8Array;
  /** `Length=`: bytes of plaintext and padding. */
  readonly contentLength: number;
  /** `type=…` of the plaintext. */
  readonly originalType: string;
}

const boundary = 'Encrypted Boundary';
const maxHeaderBytes = 1024;

/** The value of the HTTP header Content-Type of a sealed body. */
export function sealedContentType(protocol: SealingProtocol): string {
  return `multipart/encrypted;protocol="application/HTTP-${protocol}-session-encrypted";boundary="${boundary}"`;
}

/** Whether a Content-Type is that of a sealed body. */
export function isSealedContentType(contentType: string | undefined): boolean {
  return contentType !== undefined && /^\s*multipart\/(?:x-multi-)?encrypted\b/i.test(contentType);
}

/** Formats a sealed body; `form: 'iis'` has the space behind the dashes that IIS writes. */
export function formatSealedBody(
  sealed: {
    readonly protocol: SealingProtocol;
    readonly header: Uint8Array;
    readonly data: Uint8Array;
    readonly contentLength: number;
  },
  form: 'tidy' | 'iis' = 'tidy',
): Buffer {
  const dashes = form === 'iis' ? '-- ' : '--';
  const before =
    `${dashes}${boundary}\r\n\tContent-Type: application/HTTP-${sealed.protocol}-session-encrypted\r\n` +
    `\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=${sealed.contentLength}\r\n` +
    `${dashes}${boundary}\r\n\tContent-Type: application/octet-stream\r\n`;
  const length = Buffer.alloc(4);
  length.writeInt32LE(sealed.header.length);
  return Buffer.concat([
    Buffer.from(before, 'latin1'),
    length,
    sealed.header,
    sealed.data,
    Buffer.from(`${dashes}${boundary}--\r\n`, 'latin1'),
  ]);
}

function fail(what: string): WsmanError {
  return new WsmanError('WSMAN_ENVELOPE_INVALID', `reading a sealed body: ${what}`);
}

/** Reads one CRLF-ended line at `at`; `next` is where the following begins. */
function line(bytes: Buffer, at: number, what: string): { text: string; next: number } {
  const end = bytes.indexOf('\r\n', at, 'latin1');
  if (end < 0 || end - at > 4096) throw fail(`no end of line where ${what} belongs, at byte ${at} of ${bytes.length}`);
  return { text: bytes.toString('latin1', at, end), next: end + 2 };
}

/** Reads the headers of a part up to a line for which `until` holds, or as many as `count`. */
function partHeaders(
  bytes: Buffer,
  at: number,
  until: (text: string) => boolean,
): { headers: Map<string, string>; next: number } {
  const headers = new Map<string, string>();
  let position = at;
  for (let count = 0; count < 16; count += 1) {
    const { text, next } = line(bytes, position, 'a header of a part');
    position = next;
    if (until(text)) return { headers, next };
    const colon = text.indexOf(':');
    if (colon < 0 && text.trim() !== '') throw fail(`"${text.slice(0, 80)}" is no header of a part`);
    if (colon >= 0) headers.set(text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim());
  }
  throw fail('more than 16 headers in a part');
}

/**
 * Reads a sealed body, in the tidy form or in that of IIS.
 * @throws WsmanError WSMAN_ENVELOPE_INVALID
 */
export function parseSealedBody(body: Uint8Array): SealedBody {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const isBoundary = (text: string) => /^--\s*Encrypted Boundary\s*$/i.test(text);
  const first = line(bytes, 0, 'the first boundary');
  if (!isBoundary(first.text)) throw fail(`it begins with "${first.text.slice(0, 40)}", not with a boundary`);
  const description = partHeaders(bytes, first.next, isBoundary);
  const protocol = /^application\/HTTP-(Kerberos|SPNEGO)-session-encrypted$/i.exec(
    description.headers.get('content-type') ?? '',
  )?.[1];
  if (protocol === undefined)
    throw fail(
      `its type "${(description.headers.get('content-type') ?? '').slice(0, 80)}" is neither Kerberos nor SPNEGO`,
    );
  const original = description.headers.get('originalcontent') ?? '';
  const declared = /(?:^|;)\s*Length=(\d{1,10})\s*(?:;|$)/i.exec(original)?.[1];
  if (declared === undefined) throw fail('its OriginalContent has no Length');
  const contentLength = Number.parseInt(declared, 10);
  const binary = partHeaders(bytes, description.next, (text) =>
    /^\s*Content-Type\s*:\s*application\/octet-stream\s*$/i.test(text),
  );
  const start = binary.next;
  if (start + 4 > bytes.length) throw fail(`it ends at byte ${bytes.length}, before the header's length`);
  const headerLength = bytes.readInt32LE(start);
  if (headerLength < 0 || headerLength > maxHeaderBytes)
    throw fail(`a header of ${headerLength} bytes, where at most ${maxHeaderBytes} are allowed`);
  const dataStart = start + 4 + headerLength;
  const dataEnd = findDataEnd(bytes, dataStart, contentLength);
  return {
    protocol: protocol.toLowerCase() === 'kerberos' ? 'Kerberos' : 'SPNEGO',
    header: bytes.subarray(start + 4, dataStart),
    data: bytes.subarray(dataStart, dataEnd),
    contentLength,
    originalType: /type=([^;]*(?:;\s*charset=[^;]*)?)/i.exec(original)?.[1] ?? '',
  };
}

/** A line end before it belongs to it, as MIME has it (RFC 2046 5.1.1), though neither WinRM nor IIS writes one. */
const closing = /^(?:\r\n)?--\s*Encrypted Boundary\s*--\s*$/i;

/** The ciphertext ends after `contentLength` bytes; where a mechanism pads beyond it, the closing line at the end decides. */
function findDataEnd(bytes: Buffer, dataStart: number, contentLength: number): number {
  const end = dataStart + contentLength;
  if (end > bytes.length)
    throw fail(`it ends at byte ${bytes.length}, where the declared length needs ${end} and a closing boundary`);
  if (bytes.length - end <= 64 && closing.test(bytes.toString('latin1', end))) return end;
  for (let padding = 1; padding <= 16; padding += 1) {
    const tail = bytes.toString('latin1', end + padding, end + padding + 80);
    if (tail.startsWith('--') && bytes.length - end - padding <= 64 && closing.test(tail)) return end + padding;
  }
  throw fail(`no closing boundary behind the ${contentLength} bytes declared`);
}
