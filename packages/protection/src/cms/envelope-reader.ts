/* Opens what ./structure.ts pictures, as a stream: definite and indefinite lengths, content in one piece or several. */
import { createDecipheriv, type DecipherGCM } from 'node:crypto';
import { Asn1Fault, contextTag, tag } from '../asn1/reader.ts';
import { type Certificate, nameOf, requireUnwrapKey } from '../certificate/certificate.ts';
import { ProtectionError } from '../errors.ts';
import { limits } from '../limits.ts';
import { ByteSource, SourceEnded } from './byte-source.ts';
import {
  contentType,
  describeCertificate,
  type GcmCipher,
  readContentCipher,
  readRecipient,
  type Recipient,
  recipientNameOf,
  UnsupportedEnvelope,
} from './structure.ts';

const readBytes = 256 * 1024;
const copyMend = 'copy the file again from where it was written; nothing of what was decrypted was kept';

/**
 * Decrypts a CMS AuthEnvelopedData as it comes, with constant memory.
 *
 * What it yields is **not verified**: only when the generator has ended without an error has the tag shown that all
 * of it is genuine. Keep it where nobody takes it for good until then; {@link decryptFile} does.
 * @param name of the source, for messages
 * @throws ProtectionError ENVELOPE_…, CERTIFICATE_KEY_MISSING
 */
export async function* openEnvelope(
  source: AsyncIterable<Uint8Array>,
  certificate: Certificate,
  name: string,
): AsyncGenerator<Uint8Array, void, void> {
  const bytes = new ByteSource(source);
  try {
    yield* new EnvelopeReader(bytes, certificate, name).read();
  } catch (error) {
    throw translate(error, name);
  } finally {
    await bytes.close();
  }
}

function translate(error: unknown, name: string): unknown {
  const doing = `decrypting ${name}`;
  if (error instanceof SourceEnded)
    return new ProtectionError('ENVELOPE_TRUNCATED', `${doing}: it ends too early, after ${error.offset} bytes`, {
      mend: copyMend,
    });
  if (error instanceof Asn1Fault)
    return new ProtectionError('ENVELOPE_DAMAGED', `${doing}: it is no encrypted file, or damaged: ${error.message}`, {
      mend: copyMend,
    });
  if (error instanceof UnsupportedEnvelope)
    return new ProtectionError('ENVELOPE_UNSUPPORTED', `${doing}: ${error.message}`, {
      mend: 'encrypt it with RSA-OAEP and AES-256-GCM (docs/encryption-at-rest.md)',
    });
  return error;
}

/** A constructed element that was opened: where it ends, where that is known. */
interface Frame {
  readonly end: number | undefined;
  readonly what: string;
}

class EnvelopeReader {
  readonly #bytes: ByteSource;
  readonly #certificate: Certificate;
  readonly #doing: string;

  constructor(bytes: ByteSource, certificate: Certificate, name: string) {
    this.#bytes = bytes;
    this.#certificate = certificate;
    this.#doing = `decrypting ${name}`;
  }

  async *read(): AsyncGenerator<Uint8Array, void, void> {
    const frames = await this.#openEnvelope();
    const contentKey = await this.#contentKey(await this.#recipients());
    const info = await this.#open(tag.sequence, 'the encrypted content');
    await this.#bytes
      .element(64, 'the type of the content')
      .then((reader) => reader.objectIdentifier('the type of the content'));
    const algorithm = await this.#bytes.element(1024, 'the content encryption algorithm');
    const { cipher, nonce, tagLength } = readContentCipher(algorithm.sequence('the content encryption algorithm'));
    const decipher = this.#decipher(cipher, await contentKey(cipher), nonce, tagLength);
    yield* this.#content(decipher);
    await this.#close(info);
    await this.#verify(decipher, tagLength);
    for (const frame of frames.reverse()) await this.#close(frame);
    if ((await this.#bytes.peek(1)).length > 0) throw new Asn1Fault(this.#bytes.offset, 'more bytes after the end');
  }

  async #openEnvelope(): Promise<Frame[]> {
    const first = await this.#bytes.peekIdentifier();
    if (first === undefined) throw new SourceEnded(0);
    if (first !== tag.sequence) throw await this.#notAnEnvelope();
    const outer = await this.#open(tag.sequence, 'the envelope');
    const type = (await this.#bytes.element(64, 'the type of the envelope')).objectIdentifier(
      'the type of the envelope',
    );
    if (type === contentType.envelopedData)
      throw new UnsupportedEnvelope(
        'it is EnvelopedData, whose content nothing authenticates; openssl cms takes -aes-256-gcm',
      );
    if (type !== contentType.authEnvelopedData) throw new UnsupportedEnvelope(`it is of the type ${type}`);
    const explicit = await this.#open(contextTag(0, 'constructed'), 'the envelope');
    const envelope = await this.#open(tag.sequence, 'the envelope');
    (await this.#bytes.element(16, 'the version')).integer('the version');
    if ((await this.#bytes.peekIdentifier()) === contextTag(0, 'constructed'))
      await this.#bytes.element(limits.envelopeHeaderBytes, 'the certificates of the originator');
    return [outer, explicit, envelope];
  }

  async #notAnEnvelope(): Promise<ProtectionError> {
    const start = Buffer.from(await this.#bytes.peek(64)).toString('latin1');
    const isText = /^(?:-----BEGIN |MIME-Version|To:|From:)/.test(start);
    return new ProtectionError(
      'ENVELOPE_DAMAGED',
      `${this.#doing}: it is not encrypted, or not in this form: it ${isText ? 'is PEM or S/MIME text' : 'does not begin as DER does'}`,
      {
        mend: isText
          ? 'turn it into DER: openssl cms -cmsout -inform PEM -outform DER -in FILE -out NEW'
          : 'check that the right file was named',
      },
    );
  }

  async #recipients(): Promise<readonly Recipient[]> {
    const element = await this.#bytes.element(limits.envelopeHeaderBytes, 'the recipients');
    const infos = element.inside(element.take(tag.set, 'the recipients'));
    const recipients: Recipient[] = [];
    for (let count = 0; !infos.atEnd; count += 1) {
      if (count >= limits.envelopeRecipients)
        throw new Asn1Fault(infos.offset, `more than ${limits.envelopeRecipients} recipients`);
      const recipient = readRecipient(infos);
      if (recipient !== undefined) recipients.push(recipient);
    }
    return recipients;
  }

  /** Finds the recipient that this certificate is, and opens its key; whether the key fits is seen with the cipher. */
  async #contentKey(recipients: readonly Recipient[]): Promise<(cipher: GcmCipher) => Promise<Uint8Array>> {
    const own = recipientNameOf(this.#certificate.der);
    const mine = recipients.find((recipient) => recipient.isFor(own));
    if (mine === undefined)
      throw new ProtectionError(
        'ENVELOPE_OTHER_CERTIFICATE',
        `${this.#doing}: it is not encrypted to the certificate ${nameOf(this.#certificate)} (${describeCertificate(this.#certificate.der)}), but to: ${
          recipients
            .slice(0, 5)
            .map(({ description }) => description)
            .join('; ') || 'no certificate'
        }`,
        { mend: 'name the certificate it was encrypted to' },
      );
    const { hash, encryptedKey } = mine;
    if (hash === undefined) throw new UnsupportedEnvelope(mine.refusal);
    const unwrapKey = requireUnwrapKey(this.#certificate, this.#doing);
    return async ({ keyBytes }) => {
      const key = await unwrapKey(encryptedKey, hash).catch((cause: unknown) => {
        if (cause instanceof ProtectionError) throw cause;
        return undefined;
      });
      if (key?.length === keyBytes) return key;
      throw new ProtectionError(
        'ENVELOPE_DAMAGED',
        `${this.#doing}: its key does not open with the certificate ${nameOf(this.#certificate)}`,
        {
          mend: copyMend,
        },
      );
    };
  }

  #decipher({ name }: GcmCipher, key: Uint8Array, nonce: Uint8Array, tagLength: number): DecipherGCM {
    return createDecipheriv(name, key, nonce, { authTagLength: tagLength });
  }

  async *#content(decipher: DecipherGCM): AsyncGenerator<Uint8Array, void, void> {
    const { identifier } = await this.#bytes.peekHead();
    if (identifier === contextTag(0, 'primitive')) {
      yield* this.#piece(decipher);
      return;
    }
    const frame = await this.#open(contextTag(0, 'constructed'), 'the encrypted content');
    let total = 0;
    while (!(await this.#isAtEnd(frame))) {
      const { identifier: piece } = await this.#bytes.peekHead();
      if (piece !== tag.octetString)
        throw new Asn1Fault(this.#bytes.offset, 'a piece of content that is no OCTET STRING');
      for await (const plain of this.#piece(decipher)) {
        total += plain.length;
        if (total > limits.gcmBytes)
          throw new Asn1Fault(this.#bytes.offset, `more than ${limits.gcmBytes} bytes of content`);
        yield plain;
      }
    }
    await this.#close(frame);
  }

  async *#piece(decipher: DecipherGCM): AsyncGenerator<Uint8Array, void, void> {
    const { headBytes, contentBytes = 0 } = await this.#bytes.peekHead();
    if (contentBytes > limits.gcmBytes) throw new Asn1Fault(this.#bytes.offset, `a piece of ${contentBytes} bytes`);
    await this.#bytes.take(headBytes);
    for (let left = contentBytes; left > 0; ) {
      const some = await this.#bytes.takeSome(Math.min(left, readBytes));
      left -= some.length;
      yield decipher.update(some);
    }
  }

  async #verify(decipher: DecipherGCM, tagLength: number): Promise<void> {
    if ((await this.#bytes.peekIdentifier()) === contextTag(1, 'constructed'))
      throw new UnsupportedEnvelope('it has authenticated attributes');
    const mac = (await this.#bytes.element(64, 'the tag')).octets('the tag');
    if (mac.length !== tagLength)
      throw new Asn1Fault(this.#bytes.offset, `a tag of ${mac.length} bytes, not ${tagLength}`);
    try {
      decipher.setAuthTag(mac);
      decipher.final();
    } catch (cause) {
      throw new ProtectionError(
        'ENVELOPE_DAMAGED',
        `${this.#doing}: it was changed since it was encrypted: its tag does not fit`,
        {
          mend: copyMend,
          cause,
        },
      );
    }
    if ((await this.#bytes.peekIdentifier()) === contextTag(2, 'constructed'))
      await this.#bytes.element(limits.envelopeTrailerBytes, 'the attributes');
  }

  async #open(identifier: number, what: string): Promise<Frame> {
    const head = await this.#bytes.peekHead();
    if (head.identifier !== identifier) throw new Asn1Fault(this.#bytes.offset, `${what} was expected`);
    await this.#bytes.take(head.headBytes);
    return { end: head.contentBytes === undefined ? undefined : this.#bytes.offset + head.contentBytes, what };
  }

  async #isAtEnd({ end, what }: Frame): Promise<boolean> {
    if (end === undefined) return (await this.#bytes.peekIdentifier()) === 0;
    if (this.#bytes.offset > end) throw new Asn1Fault(this.#bytes.offset, `${what} is longer than it says`);
    return this.#bytes.offset === end;
  }

  async #close(frame: Frame): Promise<void> {
    if (frame.end === undefined) {
      const [first, second] = await this.#bytes.take(2);
      if (first !== 0 || second !== 0)
        throw new Asn1Fault(this.#bytes.offset - 2, `the end of ${frame.what} was expected`);
    } else if (this.#bytes.offset !== frame.end)
      throw new Asn1Fault(this.#bytes.offset, `${frame.what} is not as long as it says`);
  }
}
