import { createCipheriv, randomBytes } from 'node:crypto';
import { contextTag, tag } from '../asn1/reader.ts';
import {
  encodeElement,
  encodeHead,
  encodeObjectIdentifier,
  encodeOctets,
  encodeSequence,
  encodeSmallInteger,
} from '../asn1/writer.ts';
import { type Certificate, requireValid } from '../certificate/certificate.ts';
import { ProtectionError } from '../errors.ts';
import { limits } from '../limits.ts';
import { aes256Gcm, contentType, encodeRecipient, nonceBytes, tagBytes } from './structure.ts';

/** Encrypts one stream of bytes; see {@link createEnvelopeWriter}. */
export interface EnvelopeWriter {
  /** Takes plaintext of any length; gives the bytes of the envelope that are ready, often none. */
  add(chunk: Uint8Array): Uint8Array;
  /** The last bytes of the envelope. Without them, the envelope cannot be opened. */
  finish(): Uint8Array;
}

/** The length of one piece of content; pieces of one length let a reader take them in one buffer. */
const pieceBytes = 64 * 1024;
const endOfContents = Uint8Array.of(0, 0);

/** A constructed element whose length is not known yet. */
function openIndefinite(identifier: number): Uint8Array {
  return Uint8Array.of(identifier, 0x80);
}

/**
 * Begins a CMS AuthEnvelopedData (RFC 5083) with AES-256-GCM (RFC 5084), its key to the certificate with RSA-OAEP
 * and SHA-256 (RFC 4055). Memory stays constant: two pieces of 64 KiB.
 * @throws ProtectionError CERTIFICATE_EXPIRED, CERTIFICATE_NOT_YET_VALID
 */
export function createEnvelopeWriter(certificate: Certificate): EnvelopeWriter {
  requireValid(certificate);
  return new CmsWriter(certificate);
}

class CmsWriter implements EnvelopeWriter {
  readonly #cipher;
  #head: Uint8Array | undefined;
  readonly #piece = Buffer.allocUnsafe(pieceBytes);
  #filled = 0;
  #total = 0;

  constructor(certificate: Certificate) {
    const key = randomBytes(32);
    const nonce = randomBytes(nonceBytes);
    this.#cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
    this.#head = Buffer.concat([
      openIndefinite(tag.sequence),
      encodeObjectIdentifier(contentType.authEnvelopedData),
      openIndefinite(contextTag(0, 'constructed')),
      openIndefinite(tag.sequence),
      encodeSmallInteger(0),
      encodeElement(tag.set, encodeRecipient(certificate, key)),
      openIndefinite(tag.sequence),
      encodeObjectIdentifier(contentType.data),
      encodeSequence(
        encodeObjectIdentifier(aes256Gcm),
        encodeSequence(encodeOctets(nonce), encodeSmallInteger(tagBytes)),
      ),
      openIndefinite(contextTag(0, 'constructed')),
    ]);
    key.fill(0);
  }

  add(chunk: Uint8Array): Uint8Array {
    this.#total += chunk.length;
    if (this.#total > limits.gcmBytes)
      throw new ProtectionError(
        'PROTECTION_LIMIT_EXCEEDED',
        `encrypting a file: it has more than ${limits.gcmBytes} bytes, the most that AES-GCM may encrypt with one key`,
      );
    const out = this.#takeHead();
    for (let at = 0; at < chunk.length; ) {
      const count = Math.min(chunk.length - at, pieceBytes - this.#filled);
      this.#piece.set(chunk.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled === pieceBytes) this.#seal(out);
    }
    return Buffer.concat(out);
  }

  finish(): Uint8Array {
    const out = this.#takeHead();
    if (this.#filled > 0) this.#seal(out);
    this.#cipher.final();
    // Ends of: the content, EncryptedContentInfo; then the tag; ends of AuthEnvelopedData, [0], ContentInfo.
    out.push(endOfContents, endOfContents, encodeOctets(this.#cipher.getAuthTag()));
    out.push(endOfContents, endOfContents, endOfContents);
    return Buffer.concat(out);
  }

  #takeHead(): Uint8Array[] {
    const head = this.#head;
    this.#head = undefined;
    return head === undefined ? [] : [head];
  }

  #seal(out: Uint8Array[]): void {
    const sealed = this.#cipher.update(this.#piece.subarray(0, this.#filled));
    this.#filled = 0;
    out.push(encodeHead(tag.octetString, sealed.length), sealed);
  }
}
