/*
 * [MS-PSRP] 2.2.2.1 SESSION_CAPABILITY, 2.2.2.3 PUBLIC_KEY, 2.2.2.4 ENCRYPTED_SESSION_KEY,
 * 2.2.2.5 PUBLIC_KEY_REQUEST.
 */
import type { PsValue } from '../clixml/value.ts';
import { bodyOf, field, fieldOf, required, text, textIn } from './body.ts';

/** SESSION_CAPABILITY, sent first by both sides. */
export interface SessionCapability {
  readonly protocolVersion: string;
  readonly psVersion: string;
  readonly serializationVersion: string;
}

export function formatSessionCapability(capability: SessionCapability): PsValue {
  return bodyOf([
    field('protocolversion', { kind: 'Version', value: capability.protocolVersion }),
    field('PSVersion', { kind: 'Version', value: capability.psVersion }),
    field('SerializationVersion', { kind: 'Version', value: capability.serializationVersion }),
  ]);
}

export function parseSessionCapability(body: PsValue): SessionCapability {
  const read = (name: string): string => required(textIn(fieldOf(body, name)), 'SESSION_CAPABILITY', name);
  return {
    protocolVersion: read('protocolversion'),
    psVersion: read('PSVersion'),
    serializationVersion: read('SerializationVersion'),
  };
}

/** What this package announces besides the version: the same since PowerShell 2. */
export const ownCapability = { psVersion: '2.0', serializationVersion: '1.1.0.1' } as const;

/** PUBLIC_KEY: the client's RSA key, base64 of a CryptoAPI blob. */
export function formatPublicKey(blobBase64: string): PsValue {
  return bodyOf([field('PublicKey', text(blobBase64))]);
}

export function parsePublicKey(body: PsValue): string {
  return required(textIn(fieldOf(body, 'PublicKey')), 'PUBLIC_KEY', 'PublicKey');
}

/** ENCRYPTED_SESSION_KEY: the AES key under the client's RSA key, base64 of a CryptoAPI blob. */
export function formatEncryptedSessionKey(blobBase64: string): PsValue {
  return bodyOf([field('EncryptedSessionKey', text(blobBase64))]);
}

export function parseEncryptedSessionKey(body: PsValue): string {
  return required(textIn(fieldOf(body, 'EncryptedSessionKey')), 'ENCRYPTED_SESSION_KEY', 'EncryptedSessionKey');
}

/** PUBLIC_KEY_REQUEST: an empty string. */
export function formatPublicKeyRequest(): PsValue {
  return text('');
}
