/*
 * [MS-PSRP] 3.2.5.4.3: the server's part in the exchange of the session key: the client's PUBLIC_KEY in, a
 * pool's AES key back under it.
 */
import { decodeBase64, encodeBase64 } from '../clixml/base64.ts';
import { PsrpError } from '../errors.ts';
import { decodePublicKeyBlob, encodeSessionKeyBlob } from '../message/crypto-api-blob.ts';
import type { SecureStringCipher } from '../secure-string.ts';

/** The blob of ENCRYPTED_SESSION_KEY in base64; throws PSRP_MESSAGE_INVALID for a key that is none. */
export function answerPublicKey(blobBase64: string, cipher: SecureStringCipher): string {
  const blob = decodeBase64(blobBase64);
  const publicKey = blob === undefined ? undefined : decodePublicKeyBlob(blob);
  if (publicKey === undefined) {
    throw new PsrpError(
      'PSRP_MESSAGE_INVALID',
      'reading a PUBLIC_KEY: it is no CryptoAPI blob of an RSA key of 1024 to 4096 bits',
    );
  }
  return encodeBase64(encodeSessionKeyBlob(encryptFor(publicKey, cipher.ownKey(), cipher)));
}

function encryptFor(
  publicKey: { modulus: Uint8Array; exponent: Uint8Array },
  key: Uint8Array,
  cipher: SecureStringCipher,
): Uint8Array {
  try {
    return cipher.port.encrypt(publicKey, key);
  } catch (cause) {
    throw new PsrpError('PSRP_MESSAGE_INVALID', 'encrypting the session key: the client’s PUBLIC_KEY is unusable', {
      cause,
    });
  }
}
