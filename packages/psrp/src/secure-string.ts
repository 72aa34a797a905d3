/*
 * [MS-PSRP] 2.2.5.1.24: SecureString. On the wire it is base64: up to protocol 2.3 of UTF-16LE under
 * AES-256-CBC with the session key and an IV of zeros, in 2.4 of plain UTF-16LE. Announce 2.3 where the
 * channel itself is not sealed.
 */
import { decodeBase64, encodeBase64 } from './clixml/base64.ts';
import type { PsObject, PsSecureString, PsValue } from './clixml/value.ts';
import { PsrpError } from './errors.ts';
import { isAtLeast, type ProtocolVersion } from './protocol-version.ts';
import type { SessionKeyPort } from './session-key.ts';

const plainTexts = new WeakMap<PsSecureString, string>();

/**
 * A SecureString to be sent: hand it over as (part of) a parameter, an input or an output, and the pool
 * protects it with the session key, or as the version in force has it, when it goes out. Written outside
 * of a pool it throws PSRP_SECURE_STRING_FAILED, so that the text cannot leave in the clear by mistake.
 */
export function psSecureString(plainText: string): PsSecureString {
  const value: PsSecureString = {
    kind: 'SS',
    protectedText: () => {
      throw new PsrpError(
        'PSRP_SECURE_STRING_FAILED',
        'writing a SecureString outside of a runspace pool, which alone has the key',
      );
    },
  };
  plainTexts.set(value, plainText);
  return value;
}

/** Whether a value holds, at any depth, a SecureString made here and not yet protected. */
export function holdsPlainText(value: PsValue, seen: Set<PsObject> = new Set()): boolean {
  switch (value.kind) {
    case 'SS':
      return plainTexts.has(value);
    case 'LST':
    case 'IE':
    case 'STK':
    case 'QUE':
      return value.items.some((item) => holdsPlainText(item, seen));
    case 'DCT':
      return value.entries.some((entry) => holdsPlainText(entry.key, seen) || holdsPlainText(entry.value, seen));
    case 'Obj': {
      if (seen.has(value)) return false;
      seen.add(value);
      if (value.base !== undefined && holdsPlainText(value.base, seen)) return true;
      if (value.adapted.some((property) => holdsPlainText(property.value, seen))) return true;
      return value.extended.some((member) => 'value' in member && holdsPlainText(member.value, seen));
    }
    default:
      return false;
  }
}

type Protect = (plainText: string) => string;

/** The value with every SecureString that was made here protected; what holds none is shared, not copied. */
export function protectPlainTexts(
  value: PsValue,
  protect: Protect,
  copies: Map<PsObject, PsObject> = new Map(),
): PsValue {
  switch (value.kind) {
    case 'SS': {
      const plainText = plainTexts.get(value);
      if (plainText === undefined) return value;
      const protectedText = protect(plainText);
      return { kind: 'SS', protectedText: () => protectedText };
    }
    case 'LST':
    case 'IE':
    case 'STK':
    case 'QUE':
      return { kind: value.kind, items: value.items.map((item) => protectPlainTexts(item, protect, copies)) };
    case 'DCT': {
      const copy = (part: PsValue): PsValue => protectPlainTexts(part, protect, copies);
      return {
        kind: 'DCT',
        entries: value.entries.map((entry) => ({ key: copy(entry.key), value: copy(entry.value) })),
      };
    }
    case 'Obj':
      return protectInObject(value, protect, copies);
    default:
      return value;
  }
}

function protectInObject(value: PsObject, protect: Protect, copies: Map<PsObject, PsObject>): PsObject {
  const known = copies.get(value);
  if (known !== undefined) return known;
  const copy: PsObject = { ...value };
  copies.set(value, copy);
  const inside = (part: PsValue): PsValue => protectPlainTexts(part, protect, copies);
  copy.base = value.base === undefined ? undefined : inside(value.base);
  copy.adapted = value.adapted.map(({ name, value: held }) => ({ name, value: inside(held) }));
  copy.extended = value.extended.map((member) =>
    'value' in member ? { name: member.name, value: inside(member.value) } : member,
  );
  return copy;
}

function encodeUtf16LittleEndian(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 2);
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    bytes[index * 2] = unit & 0xff;
    bytes[index * 2 + 1] = unit >> 8;
  }
  return bytes;
}

function decodeUtf16LittleEndian(bytes: Uint8Array): string {
  let text = '';
  for (let index = 0; index + 1 < bytes.length; index += 2) {
    text += String.fromCharCode((bytes[index] as number) | ((bytes[index + 1] as number) << 8));
  }
  return text;
}

const zeroIv = new Uint8Array(16);

/** Bytes of the session key: AES-256. */
export const sessionKeyBytes = 32;

/** The protection of SecureStrings in one pool: what the version in force and the session key make of it. */
export class SecureStringCipher {
  readonly #port: SessionKeyPort | undefined;
  readonly #side: 'client' | 'server';
  version: ProtocolVersion;
  #key: Uint8Array | undefined;

  constructor(side: 'client' | 'server', port: SessionKeyPort | undefined, version: ProtocolVersion) {
    this.#side = side;
    this.#port = port;
    this.version = version;
  }

  /** The cryptography, or PSRP_SECURE_STRING_FAILED where the pool was made without. */
  get port(): SessionKeyPort {
    if (this.#port === undefined) {
      const why = `protocol ${this.version} needs a session key, and this pool was made without \`sessionKey\``;
      throw new PsrpError('PSRP_SECURE_STRING_FAILED', `protecting a SecureString: ${why}`);
    }
    return this.#port;
  }

  get hasPort(): boolean {
    return this.#port !== undefined;
  }

  get needsKey(): boolean {
    return !isAtLeast(this.version, '2.4');
  }

  /**
   * Whether SecureStrings can be protected now. A server makes the key: from 2.2 on it uses it at once, and the
   * client learns it later; in 2.1 it asks for the client's public key first.
   */
  get isReady(): boolean {
    if (!this.needsKey || this.#key !== undefined) return true;
    return this.#side === 'server' && this.#port !== undefined && isAtLeast(this.version, '2.2');
  }

  setKey(key: Uint8Array): void {
    this.#key = key;
  }

  /** The server's key, made when it is first needed. */
  ownKey(): Uint8Array {
    this.#key ??= this.port.randomBytes(sessionKeyBytes);
    return this.#key;
  }

  /** The text on the wire. */
  protect(plainText: string): string {
    const plain = encodeUtf16LittleEndian(plainText);
    if (!this.needsKey) return encodeBase64(plain);
    if (!this.isReady)
      throw new PsrpError(
        'PSRP_SECURE_STRING_FAILED',
        'protecting a SecureString before the session key was exchanged',
      );
    return encodeBase64(this.port.aesEncrypt(this.ownKey(), zeroIv, plain));
  }

  /** The text inside a SecureString from the wire; `undefined` without a key, or where it does not open. */
  reveal(value: PsSecureString): string | undefined {
    const own = plainTexts.get(value);
    if (own !== undefined) return own;
    const bytes = decodeBase64(value.protectedText());
    if (bytes === undefined) return undefined;
    if (!this.needsKey) return decodeUtf16LittleEndian(bytes);
    const plain = this.#key === undefined ? undefined : this.#port?.aesDecrypt(this.#key, zeroIv, bytes);
    return plain === undefined ? undefined : decodeUtf16LittleEndian(plain);
  }
}
