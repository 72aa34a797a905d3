/* One encrypted leaf of a settings file: a compact JWE to a certificate, its `kid` the SHA-256 thumbprint. */
import { randomBytes } from 'node:crypto';
import { type Certificate, nameOf, requireUnwrapKey, requireValid, wrapKey } from '../certificate/certificate.ts';
import { ProtectionError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type CompactJwe, formatCompact, looksLikeCompactJwe, openCompact, parseCompact } from './compact.ts';

const protectMend =
  'encrypt the plain value again with exchange-connector protect value, or the plain file with exchange-connector protect json-file';
const contentKeyBytes = 32;
const thumbprint = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i;

/** What the text of a leaf is, by its shape alone. */
export type LeafShape =
  /** A value encrypted here, or by another JOSE tool. */
  | 'encrypted'
  /** Made by the tool of the product that this connector stands in for; it cannot be read here. */
  | 'foreign'
  | 'plain';

/** Tells the shape of a leaf. Short texts that happen to begin with `kxA` are plain. */
export function leafShapeOf(text: string): LeafShape {
  if (looksLikeCompactJwe(text.trim())) return 'encrypted';
  // That tool gives base64 that begins with kxAB; the least it can hold is an RSA block.
  return /^kxA[A-Za-z0-9+/=\s]{60,}$/.test(text.trim()) ? 'foreign' : 'plain';
}

/** Encrypts a value to a certificate: compact JWE, RSA-OAEP-256 with A256GCM (RFC 7516, RFC 7518). */
export function encryptLeaf(value: string, certificate: Certificate): string {
  requireValid(certificate);
  if (!value.isWellFormed())
    throw new ProtectionError(
      'PROTECT_FILE_INVALID',
      'encrypting a value: it holds half of a surrogate pair, which no UTF-8 can carry',
      {
        mend: 'mend the plain value',
      },
    );
  const plaintext = Buffer.from(value, 'utf8');
  if (plaintext.length > limits.valueBytes)
    throw new ProtectionError(
      'PROTECTION_LIMIT_EXCEEDED',
      `encrypting a value: it has ${plaintext.length} bytes; at most ${limits.valueBytes} are taken`,
    );
  const contentKey = randomBytes(contentKeyBytes);
  const header = { alg: 'RSA-OAEP-256', kid: certificate.thumbprint.sha256 } as const;
  return formatCompact(header, wrapKey(certificate, contentKey), contentKey, plaintext);
}

/** True where the leaf says that it is for this certificate; undefined where it does not say for which. */
export function isForCertificate(kid: string | undefined, certificate: Certificate): boolean | undefined {
  if (kid === undefined || !thumbprint.test(kid)) return undefined;
  const { sha1, sha256 } = certificate.thumbprint;
  return kid.toLowerCase() === (kid.length === sha1.length ? sha1.toLowerCase() : sha256);
}

/**
 * Decrypts one leaf.
 * @param path of the leaf, for messages: `Connections.Main.Password`
 * @throws ProtectionError LEAF_…, CERTIFICATE_KEY_MISSING; no message holds the value
 */
export async function decryptLeaf(text: string, path: string, certificate: Certificate): Promise<string> {
  const doing = `decrypting ${path}`;
  const jwe = readLeaf(text.trim(), doing);
  const isOurs = isForCertificate(jwe.header.kid, certificate);
  if (isOurs === false) throw otherCertificate(doing, certificate, `for the one with the thumbprint ${jwe.header.kid}`);
  const unwrapKey = requireUnwrapKey(certificate, doing);
  const contentKey = await unwrapKey(jwe.encryptedKey, 'sha256').catch((cause: unknown) => {
    if (cause instanceof ProtectionError) throw cause;
    return undefined;
  });
  if (contentKey === undefined || contentKey.length !== contentKeyBytes)
    throw isOurs === true
      ? damaged(doing, 'its key does not open')
      : otherCertificate(doing, certificate, 'for another one, or damaged');
  const plaintext = openCompact(jwe, contentKey);
  if (plaintext === undefined) throw damaged(doing, 'its content was changed since it was encrypted');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plaintext);
  } catch {
    throw damaged(doing, 'what it holds is no text');
  }
}

function readLeaf(text: string, doing: string): CompactJwe {
  if (text.length > limits.leafCharacters)
    throw new ProtectionError(
      'PROTECTION_LIMIT_EXCEEDED',
      `${doing}: it has ${text.length} characters; at most ${limits.leafCharacters} are read`,
    );
  if (leafShapeOf(text) === 'foreign') throw foreignLeaf(doing);
  const reading = parseCompact(text);
  switch (reading.kind) {
    case 'malformed':
      throw damaged(doing, reading.reason);
    case 'unsupported':
      throw new ProtectionError('LEAF_ALGORITHM_UNSUPPORTED', `${doing}: ${reading.reason}`, { mend: protectMend });
    case 'jwe':
      if (reading.jwe.header.alg === 'dir')
        throw new ProtectionError(
          'LEAF_ALGORITHM_UNSUPPORTED',
          `${doing}: it is encrypted with a key that is agreed directly ("dir"), not to a certificate`,
          { mend: protectMend },
        );
      return reading.jwe;
  }
}

/** The error for a leaf of the other product's tool. */
export function foreignLeaf(doing: string): ProtectionError {
  return new ProtectionError(
    'LEAF_FOREIGN',
    `${doing}: it was encrypted by the tool of another product (it begins with kxA), in a form that is not public`,
    { mend: protectMend },
  );
}

function damaged(doing: string, reason: string): ProtectionError {
  return new ProtectionError('LEAF_DAMAGED', `${doing}: the encrypted value is damaged: ${reason}`, {
    mend: protectMend,
  });
}

function otherCertificate(doing: string, certificate: Certificate, seen: string): ProtectionError {
  return new ProtectionError(
    'LEAF_OTHER_CERTIFICATE',
    `${doing}: it is not encrypted to the certificate ${nameOf(certificate)}, but ${seen}`,
    {
      mend: 'name that certificate in EncryptionCertificate, or move the file to the new one with exchange-connector protect rotate',
    },
  );
}
