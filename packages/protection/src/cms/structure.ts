/*
 * CMS AuthEnvelopedData (RFC 5083), content encrypted with AES-GCM (RFC 5084), its key with RSA-OAEP (RFC 3560,
 * RFC 4055):
 *
 *   ContentInfo SEQUENCE
 *    ├ id-ct-authEnvelopedData
 *    └ [0] AuthEnvelopedData SEQUENCE
 *       ├ version 0
 *       ├ SET of KeyTransRecipientInfo SEQUENCE
 *       │    ├ version 0, IssuerAndSerialNumber   (or version 2, [0] SubjectKeyIdentifier)
 *       │    ├ id-RSAES-OAEP { [0] sha256, [1] mgf1 sha256 }
 *       │    └ encrypted key OCTET STRING
 *       ├ EncryptedContentInfo SEQUENCE
 *       │    ├ id-data
 *       │    ├ aes256-GCM { nonce OCTET STRING (12), tag length 16 }
 *       │    └ [0] encrypted content, in pieces
 *       ├ [1] authenticated attributes: none here
 *       └ mac OCTET STRING: the tag of GCM
 *
 * What is written has indefinite lengths around the content, because its length is not known when it begins.
 */
import { X509Certificate } from 'node:crypto';
import { Asn1Fault, Asn1Reader, contextTag, tag } from '../asn1/reader.ts';
import {
  encodeElement,
  encodeObjectIdentifier,
  encodeOctets,
  encodeSequence,
  encodeSmallInteger,
} from '../asn1/writer.ts';
import { type Certificate, type OaepHash, oneLine, wrapKey } from '../certificate/certificate.ts';

export const contentType = {
  authEnvelopedData: '1.2.840.113549.1.9.16.1.23',
  envelopedData: '1.2.840.113549.1.7.3',
  data: '1.2.840.113549.1.7.1',
} as const;

const rsaOaep = '1.2.840.113549.1.1.7';
const rsaPkcs1 = '1.2.840.113549.1.1.1';
const mgf1 = '1.2.840.113549.1.1.8';
const pSpecified = '1.2.840.113549.1.1.9';

const hashes: Readonly<Record<string, OaepHash>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

export const aes256Gcm = '2.16.840.1.101.3.4.1.46';

export interface GcmCipher {
  readonly name: 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm';
  readonly keyBytes: number;
}

const gcmCiphers: Readonly<Record<string, GcmCipher>> = {
  '2.16.840.1.101.3.4.1.6': { name: 'aes-128-gcm', keyBytes: 16 },
  '2.16.840.1.101.3.4.1.26': { name: 'aes-192-gcm', keyBytes: 24 },
  [aes256Gcm]: { name: 'aes-256-gcm', keyBytes: 32 },
};

export const nonceBytes = 12;
export const tagBytes = 16;

/** A structure or algorithm that is well-formed and not read here. */
export class UnsupportedEnvelope extends Error {
  override readonly name = 'UnsupportedEnvelope';
}

/** Issuer (DER of its Name) and serial number (content of its INTEGER), and the subject key identifier. */
export interface RecipientName {
  readonly issuer: Uint8Array;
  readonly serialNumber: Uint8Array;
  readonly keyIdentifier: Uint8Array | undefined;
}

/** Finds in a certificate (RFC 5280, 4.1) what names it as a recipient. */
export function recipientNameOf(der: Uint8Array): RecipientName {
  const body = new Asn1Reader(der).sequence('a certificate').sequence('the body of a certificate');
  body.takeIf(contextTag(0, 'constructed'));
  const serialNumber = body.take(tag.integer, 'the serial number').content;
  body.take(tag.sequence, 'the signature algorithm');
  const issuer = body.take(tag.sequence, 'the issuer').encoded;
  for (const what of ['the validity', 'the subject', 'the public key']) body.take(tag.sequence, what);
  return { issuer, serialNumber, keyIdentifier: findKeyIdentifier(body) };
}

const subjectKeyIdentifier = '2.5.29.14';

function findKeyIdentifier(body: Asn1Reader): Uint8Array | undefined {
  while (!body.atEnd && body.nextIdentifier !== contextTag(3, 'constructed')) body.any();
  const wrapped = body.takeIf(contextTag(3, 'constructed'));
  if (wrapped === undefined) return undefined;
  const extensions = body.inside(wrapped).sequence('the extensions');
  while (!extensions.atEnd) {
    const extension = extensions.sequence('an extension');
    if (extension.objectIdentifier('an extension') !== subjectKeyIdentifier) continue;
    extension.takeIf(tag.boolean);
    return new Asn1Reader(extension.octets('an extension')).octets('the key identifier');
  }
  return undefined;
}

/** KeyTransRecipientInfo for a certificate: the content key under its public key. */
export function encodeRecipient(certificate: Certificate, contentKey: Uint8Array): Uint8Array {
  const { issuer, serialNumber } = recipientNameOf(certificate.der);
  const sha256 = encodeSequence(encodeObjectIdentifier('2.16.840.1.101.3.4.2.1'), Uint8Array.of(tag.null, 0));
  const parameters = encodeSequence(
    encodeElement(contextTag(0, 'constructed'), sha256),
    encodeElement(contextTag(1, 'constructed'), encodeSequence(encodeObjectIdentifier(mgf1), sha256)),
  );
  return encodeSequence(
    encodeSmallInteger(0),
    encodeSequence(issuer, encodeElement(tag.integer, serialNumber)),
    encodeSequence(encodeObjectIdentifier(rsaOaep), parameters),
    encodeOctets(wrapKey(certificate, contentKey)),
  );
}

/** One recipient of an envelope, as far as it can be used. */
export interface Recipient {
  /** For messages: who it is, in words. */
  readonly description: string;
  readonly isFor: (name: RecipientName) => boolean;
  readonly encryptedKey: Uint8Array;
  /** Undefined: `refusal` says why. */
  readonly hash: OaepHash | undefined;
  readonly refusal: string;
}

/** Reads one RecipientInfo; undefined for one that is no key transport (a password, a key agreement). */
export function readRecipient(infos: Asn1Reader): Recipient | undefined {
  if (infos.nextIdentifier !== tag.sequence) {
    infos.any();
    return undefined;
  }
  const info = infos.sequence('a recipient');
  info.integer('the version of a recipient');
  const { isFor, description } = readRecipientName(info);
  const algorithm = info.sequence('the key encryption algorithm');
  const id = algorithm.objectIdentifier('the key encryption algorithm');
  const encryptedKey = info.octets('the encrypted key');
  const hash = id === rsaOaep ? readOaepHash(algorithm) : id;
  const refusal =
    id === rsaPkcs1
      ? 'its key is encrypted with RSA PKCS #1 v1.5, which is open to padding oracles; openssl cms takes -keyopt rsa_padding_mode:oaep'
      : `its key is encrypted with ${hash}, which is not read here`;
  const isRead = Object.values(hashes).includes(hash as OaepHash);
  return { isFor, description, encryptedKey, hash: isRead ? (hash as OaepHash) : undefined, refusal };
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

function readRecipientName(info: Asn1Reader): Pick<Recipient, 'isFor' | 'description'> {
  const keyIdentifier = info.takeIf(contextTag(0, 'primitive'));
  if (keyIdentifier !== undefined)
    return {
      isFor: (name) => name.keyIdentifier !== undefined && same(name.keyIdentifier, keyIdentifier.content),
      description: `key identifier ${Buffer.from(keyIdentifier.content).toString('hex').slice(0, 64)}`,
    };
  const name = info.sequence('the issuer and serial number of a recipient');
  const issuer = name.take(tag.sequence, 'the issuer of a recipient').encoded;
  const serial = name.take(tag.integer, 'the serial number of a recipient').content;
  return {
    isFor: (own) => same(own.issuer, issuer) && same(own.serialNumber, serial),
    description: `serial number ${Buffer.from(serial).toString('hex').slice(0, 64).toUpperCase()}`,
  };
}

/** RSAES-OAEP-params (RFC 4055, 4.1): the hash, where mask generation uses the same and there is no label. */
function readOaepHash(algorithm: Asn1Reader): string {
  if (algorithm.atEnd) return 'sha1';
  const parameters = algorithm.sequence('the parameters of RSA-OAEP');
  let hash = 'sha1';
  let maskHash = 'sha1';
  const first = parameters.takeIf(contextTag(0, 'constructed'));
  if (first !== undefined) hash = readHash(parameters.inside(first));
  const second = parameters.takeIf(contextTag(1, 'constructed'));
  if (second !== undefined) {
    const mask = parameters.inside(second).sequence('the mask generation');
    const id = mask.objectIdentifier('the mask generation');
    if (id !== mgf1) return `RSA-OAEP with the mask generation ${id}`;
    maskHash = readHash(mask);
  }
  const third = parameters.takeIf(contextTag(2, 'constructed'));
  if (third !== undefined) {
    const source = parameters.inside(third).sequence('the label of RSA-OAEP');
    const isEmpty = source.objectIdentifier('the label') === pSpecified && source.octets('the label').length === 0;
    if (!isEmpty) return 'RSA-OAEP with a label';
  }
  return hash === maskHash ? hash : `RSA-OAEP with ${hash} and mask generation with ${maskHash}`;
}

function readHash(reader: Asn1Reader): string {
  const id = reader.sequence('a hash function').objectIdentifier('a hash function');
  return hashes[id] ?? `the hash ${id}`;
}

/** Reads the content encryption algorithm (RFC 5084, 3.2). */
export function readContentCipher(algorithm: Asn1Reader): {
  readonly cipher: GcmCipher;
  readonly nonce: Uint8Array;
  readonly tagLength: number;
} {
  const id = algorithm.objectIdentifier('the content encryption algorithm');
  const cipher = gcmCiphers[id];
  if (cipher === undefined) throw new UnsupportedEnvelope(`its content is encrypted with ${id}, not with AES-GCM`);
  const parameters = algorithm.sequence('the parameters of AES-GCM');
  const nonce = parameters.octets('the nonce');
  const tagLength = parameters.atEnd ? nonceBytes : parameters.integer('the length of the tag');
  if (nonce.length !== nonceBytes)
    throw new UnsupportedEnvelope(`its nonce has ${nonce.length} bytes, not ${nonceBytes}`);
  if (tagLength < 12 || tagLength > tagBytes) throw new Asn1Fault(algorithm.offset, `a tag of ${tagLength} bytes`);
  return { cipher, nonce, tagLength };
}

/** Issuer and serial of a certificate in words, for messages. */
export function describeCertificate(der: Uint8Array): string {
  const { issuer, serialNumber } = new X509Certificate(der);
  return `serial number ${serialNumber}, issued by ${oneLine(issuer ?? '')}`;
}
