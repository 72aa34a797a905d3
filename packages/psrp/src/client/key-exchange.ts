/*
 * [MS-PSRP] 3.1.5.4.3 to 3.1.5.4.5: the client's part in the exchange of the session key: a fresh RSA key out
 * as PUBLIC_KEY, the server's AES key back as ENCRYPTED_SESSION_KEY.
 */
import { decodeBase64, encodeBase64 } from '../clixml/base64.ts';
import { PsrpError } from '../errors.ts';
import { decodeSessionKeyBlob, encodePublicKeyBlob } from '../message/crypto-api-blob.ts';
import { type SecureStringCipher, sessionKeyBytes } from '../secure-string.ts';
import type { SessionKeyPair } from '../session-key.ts';

/** The client's half of one key exchange; a pool has one key for its life. */
export class ClientKeyExchange {
  readonly #cipher: SecureStringCipher;
  #pair: SessionKeyPair | undefined;

  constructor(cipher: SecureStringCipher) {
    this.#cipher = cipher;
  }

  /** The PUBLIC_KEY blob in base64 to be sent; `undefined` when one has been. */
  begin(): string | undefined {
    if (this.#pair !== undefined) return undefined;
    this.#pair = this.#cipher.port.createKeyPair();
    return encodeBase64(encodePublicKeyBlob(this.#pair.publicKey));
  }

  /** Takes the server's blob; throws PSRP_SECURE_STRING_FAILED where it does not open. */
  end(blobBase64: string): void {
    if (this.#pair === undefined) {
      throw new PsrpError('PSRP_MESSAGE_UNEXPECTED', 'receiving an ENCRYPTED_SESSION_KEY: no PUBLIC_KEY was sent');
    }
    const blob = decodeBase64(blobBase64);
    const ciphertext = blob === undefined ? undefined : decodeSessionKeyBlob(blob);
    const key = ciphertext === undefined ? undefined : this.#pair.decrypt(ciphertext);
    if (key?.length !== sessionKeyBytes) {
      const seen = ciphertext === undefined ? 'it is no CryptoAPI key blob' : 'it does not decrypt to 32 bytes';
      throw new PsrpError('PSRP_SECURE_STRING_FAILED', `reading an ENCRYPTED_SESSION_KEY: ${seen}`);
    }
    this.#cipher.setKey(key);
  }
}
