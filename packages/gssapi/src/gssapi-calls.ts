/*
 * GSSAPI's calls (RFC 2744, RFC 5588, MIT's gssapi_ext.h) with structures laid out by hand in buffers, for 64-bit
 * little-endian machines:
 *
 *   gss_buffer_desc      0 size_t length         8 void *value                                    16 bytes
 *   gss_OID_desc         0 uint32 length         8 void *elements                                 16 bytes
 *   gss_OID_set_desc     0 size_t count          8 gss_OID elements                               16 bytes
 *   gss_iov_buffer_desc  0 uint32 type           8 size_t length       16 void *value             24 bytes
 *   gss_key_value_set    0 uint32 count          8 element *elements (element: char *key, *value) 16 bytes
 */
import { type GssapiLibrary, type Handle, keepAlive, loadGssapiLibrary } from './gssapi-library.ts';

export interface Outcome {
  readonly major: number;
  readonly minor: number;
}

/** Object identifiers, DER without tag and length. */
export const objectIdentifier = {
  /** 1.2.840.113554.1.2.2 */
  krb5: [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02],
  /** 1.3.6.1.5.5.2 */
  spnego: [0x2b, 0x06, 0x01, 0x05, 0x05, 0x02],
  /** 1.2.840.113554.1.2.2.1, GSS_KRB5_NT_PRINCIPAL_NAME */
  principalName: [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x01],
  /** 1.2.840.113554.1.2.2.6, GSS_KRB5_NT_ENTERPRISE_NAME */
  enterpriseName: [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x06],
  /** 1.2.840.113554.1.2.2.5.5, GSS_C_INQ_SSPI_SESSION_KEY */
  sessionKey: [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x05, 0x05],
} as const;
export type ObjectIdentifier = keyof typeof objectIdentifier;

export const credentialUsage = { initiate: 1, accept: 2 } as const;

const statusCode = { gss: 1, mechanism: 2 } as const;
const iovType = { data: 1, header: 2, padding: 9, stream: 10 } as const;

/** GSSAPI's functions with typed arguments; memory is released on every path. */
export class GssapiCalls {
  readonly #library: GssapiLibrary;
  readonly #identifiers = new Map<ObjectIdentifier, Handle>();
  readonly #sets = new Map<ObjectIdentifier, Handle>();

  constructor(library: GssapiLibrary) {
    this.#library = library;
  }

  /** The bare functions. */
  get library(): GssapiLibrary {
    return this.#library;
  }

  /** Heimdal (macOS) lacks what `sealInPlace` and `openInPlace` need. */
  get flavour(): 'mit' | 'heimdal' {
    return this.#library.flavour;
  }

  /** Not on the main thread: a name without a realm may make libkrb5 ask DNS for the default one. */
  async importName(
    text: string,
    kind: 'principalName' | 'enterpriseName',
  ): Promise<Outcome & { readonly name: Handle }> {
    const [minor, name, bytes] = [pointerCell(), pointerCell(), Buffer.from(text)];
    const identifier = this.#identifier(kind);
    const major = await this.#library.callAsync('gss_import_name', minor, this.#bufferOf(bytes), identifier, name);
    keepAlive(bytes);
    return { major, minor: minor.readUInt32LE(0), name: name.readBigUInt64LE(0) };
  }

  displayName(name: Handle): string {
    const [minor, out] = [pointerCell(), Buffer.alloc(16)];
    const major = this.#library.call('gss_display_name', minor, name, out, null);
    return major === 0 ? Buffer.from(this.#takeBuffer(out)).toString() : '';
  }

  releaseName(name: Handle): void {
    if (name !== 0n) this.#library.call('gss_release_name', pointerCell(), cellOf(name));
  }

  /** The principal of a credential (GSS_C_NO_CREDENTIAL: the default one), or '' where it has none. */
  async credentialName(credential: Handle): Promise<Outcome & { readonly principal: string }> {
    const [minor, name] = [pointerCell(), pointerCell()];
    const major = await this.#library.callAsync('gss_inquire_cred', minor, credential, name, null, null, null);
    const handle = name.readBigUInt64LE(0);
    const principal = handle === 0n ? '' : this.displayName(handle);
    this.releaseName(handle);
    return { major, minor: minor.readUInt32LE(0), principal };
  }

  /** RFC 5588's acquire from a store of `key=value` pairs; without a store the default places. */
  async acquireCredential(
    name: Handle,
    mechanism: ObjectIdentifier,
    usage: number,
    store: Readonly<Record<string, string>>,
  ): Promise<Outcome & { readonly credential: Handle }> {
    const [minor, out] = [pointerCell(), pointerCell()];
    const pairs = Object.entries(store);
    const strings = pairs.flat().map((text) => Buffer.from(`${text}\0`));
    const elements = Buffer.alloc(Math.max(16 * pairs.length, 8));
    strings.forEach((bytes, index) => {
      elements.writeBigUInt64LE(this.#library.address(bytes), 8 * index);
    });
    const set = Buffer.alloc(16);
    set.writeUInt32LE(pairs.length, 0);
    set.writeBigUInt64LE(this.#library.address(elements), 8);
    const mechanisms = this.#set(mechanism);
    const major =
      pairs.length === 0
        ? await this.#library.callAsync('gss_acquire_cred', minor, name, 0, mechanisms, usage, out, null, null)
        : await this.#library.callAsync(
            'gss_acquire_cred_from',
            minor,
            name,
            0,
            mechanisms,
            usage,
            set,
            out,
            null,
            null,
          );
    // Named here so that the memory outlives the call: C holds only addresses.
    keepAlive(strings, elements);
    return { major, minor: minor.readUInt32LE(0), credential: out.readBigUInt64LE(0) };
  }

  /** The password's bytes are wiped here as soon as the library has taken its own copy. */
  async acquireWithPassword(
    name: Handle,
    mechanism: ObjectIdentifier,
    password: string,
  ): Promise<Outcome & { readonly credential: Handle }> {
    const [minor, out] = [pointerCell(), pointerCell()];
    const bytes = Buffer.from(password);
    try {
      const mechanisms = this.#set(mechanism);
      const secret = this.#bufferOf(bytes);
      const usage = credentialUsage.initiate;
      const call = [
        'gss_acquire_cred_with_password',
        minor,
        name,
        secret,
        0,
        mechanisms,
        usage,
        out,
        null,
        null,
      ] as const;
      const major = await this.#library.callAsync(...call);
      return { major, minor: minor.readUInt32LE(0), credential: out.readBigUInt64LE(0) };
    } finally {
      bytes.fill(0);
    }
  }

  /** Lets SPNEGO offer Kerberos alone, never NTLM. */
  offerOnlyKerberos(credential: Handle): Outcome {
    const minor = pointerCell();
    const major = this.#library.call('gss_set_neg_mechs', minor, credential, this.#set('krb5'));
    return { major, minor: minor.readUInt32LE(0) };
  }

  releaseCredential(credential: Handle): void {
    if (credential !== 0n) this.#library.call('gss_release_cred', pointerCell(), cellOf(credential));
  }

  async initiate(request: {
    readonly context: Handle;
    readonly credential: Handle;
    readonly target: Handle;
    readonly mechanism: ObjectIdentifier;
    readonly flags: number;
    readonly token: Uint8Array | undefined;
  }): Promise<Outcome & { readonly context: Handle; readonly token: Uint8Array; readonly flags: number }> {
    const { credential, target, flags } = request;
    const [minor, context, out, granted] = [pointerCell(), cellOf(request.context), Buffer.alloc(16), pointerCell()];
    const token = request.token === undefined ? null : this.#bufferOf(request.token);
    const mechanism = this.#identifier(request.mechanism);
    const entries = [
      minor,
      credential,
      context,
      target,
      mechanism,
      flags,
      0,
      null,
      token,
      null,
      out,
      granted,
      null,
    ] as const;
    const major = await this.#library.callAsync('gss_init_sec_context', ...entries);
    keepAlive(request.token);
    const reply = this.#takeBuffer(out);
    return {
      major,
      minor: minor.readUInt32LE(0),
      context: context.readBigUInt64LE(0),
      token: reply,
      flags: granted.readUInt32LE(0),
    };
  }

  async accept(request: {
    readonly context: Handle;
    readonly credential: Handle;
    readonly token: Uint8Array;
  }): Promise<
    Outcome & { readonly context: Handle; readonly token: Uint8Array; readonly flags: number; readonly peer: string }
  > {
    const [minor, context, out, granted] = [pointerCell(), cellOf(request.context), Buffer.alloc(16), pointerCell()];
    const source = pointerCell();
    const token = this.#bufferOf(request.token);
    const entries = [minor, context, request.credential, token, null, source, null, out, granted, null, null] as const;
    const major = await this.#library.callAsync('gss_accept_sec_context', ...entries);
    keepAlive(request.token);
    const name = source.readBigUInt64LE(0);
    const peer = name === 0n ? '' : this.displayName(name);
    this.releaseName(name);
    const result = {
      context: context.readBigUInt64LE(0),
      token: this.#takeBuffer(out),
      flags: granted.readUInt32LE(0),
      peer,
    };
    return { major, minor: minor.readUInt32LE(0), ...result };
  }

  deleteContext(context: Handle): void {
    if (context !== 0n) this.#library.call('gss_delete_sec_context', pointerCell(), cellOf(context), null);
  }

  /** The principals of both ends of a complete context. */
  contextNames(context: Handle): { readonly source: string; readonly target: string } {
    const [source, target] = [pointerCell(), pointerCell()];
    const major = this.#library.call(
      'gss_inquire_context',
      pointerCell(),
      context,
      source,
      target,
      null,
      null,
      null,
      null,
      null,
    );
    if ((major & 0xffff0000) !== 0) return { source: '', target: '' };
    const [sourceName, targetName] = [source.readBigUInt64LE(0), target.readBigUInt64LE(0)];
    const names = {
      source: sourceName === 0n ? '' : this.displayName(sourceName),
      target: targetName === 0n ? '' : this.displayName(targetName),
    };
    this.releaseName(sourceName);
    this.releaseName(targetName);
    return names;
  }

  /** The Kerberos encryption type (RFC 3961 number) of the context's key, where the library tells. */
  encryptionType(context: Handle): number | undefined {
    const [minor, set] = [pointerCell(), pointerCell()];
    if (!this.#library.has('gss_inquire_sec_context_by_oid')) return undefined;
    if (this.#library.call('gss_inquire_sec_context_by_oid', minor, context, this.#identifier('sessionKey'), set) !== 0)
      return undefined;
    const at = set.readBigUInt64LE(0);
    try {
      // gss_buffer_set_desc: the key, then the OID 1.2.840.113554.1.2.2.4 with the type as its last arc.
      const head = Buffer.from(this.#library.copy(at, 16));
      if (head.readBigUInt64LE(0) < 2n) return undefined;
      const identifier = Buffer.from(this.#library.copy(head.readBigUInt64LE(8) + 16n, 16));
      const bytes = this.#library.copy(identifier.readBigUInt64LE(8), Number(identifier.readBigUInt64LE(0)));
      return lastArc(bytes);
    } finally {
      this.#library.call('gss_release_buffer_set', minor, set);
    }
  }

  /** Seals `data` in place; `measure` first tells how long header and padding are. MIT only. */
  async sealInPlace(
    context: Handle,
    data: Uint8Array,
    offMainThread: boolean,
  ): Promise<Outcome & { readonly header: Uint8Array; readonly padding: Uint8Array; readonly sealed: boolean }> {
    const [minor, sealed, iov] = [pointerCell(), pointerCell(), Buffer.alloc(72)];
    this.#iov(iov, 0, iovType.header, null);
    this.#iov(iov, 24, iovType.data, data);
    this.#iov(iov, 48, iovType.padding, null);
    const empty = new Uint8Array(0);
    let major = this.#library.call('gss_wrap_iov_length', minor, context, 1, 0, sealed, iov, 3);
    if (major !== 0) return { major, minor: minor.readUInt32LE(0), header: empty, padding: empty, sealed: false };
    const header = Buffer.alloc(Number(iov.readBigUInt64LE(8)));
    const padding = Buffer.alloc(Number(iov.readBigUInt64LE(56)));
    this.#iov(iov, 0, iovType.header, header);
    this.#iov(iov, 48, iovType.padding, padding);
    const call = ['gss_wrap_iov', minor, context, 1, 0, sealed, iov, 3] as const;
    major = offMainThread ? await this.#library.callAsync(...call) : this.#library.call(...call);
    keepAlive(data, header, padding);
    const paddingBytes = Number(iov.readBigUInt64LE(56));
    return {
      major,
      minor: minor.readUInt32LE(0),
      header: header.subarray(0, Number(iov.readBigUInt64LE(8))),
      padding: padding.subarray(0, paddingBytes),
      sealed: sealed.readInt32LE(0) !== 0,
    };
  }

  /** Opens a whole token (header and data in one) in place and gives the plaintext, a part of `token`. MIT only. */
  async openInPlace(
    context: Handle,
    token: Uint8Array,
    offMainThread: boolean,
  ): Promise<Outcome & { readonly plaintext: Uint8Array; readonly sealed: boolean }> {
    const [minor, sealed, iov] = [pointerCell(), pointerCell(), Buffer.alloc(48)];
    this.#iov(iov, 0, iovType.stream, token);
    this.#iov(iov, 24, iovType.data, null);
    const call = ['gss_unwrap_iov', minor, context, sealed, null, iov, 2] as const;
    const major = offMainThread ? await this.#library.callAsync(...call) : this.#library.call(...call);
    const length = Number(iov.readBigUInt64LE(32));
    const offset = length === 0 ? 0 : Number(iov.readBigUInt64LE(40) - this.#library.address(token));
    const plaintext = major === 0 ? token.subarray(offset, offset + length) : token.subarray(0, 0);
    return { major, minor: minor.readUInt32LE(0), plaintext, sealed: sealed.readInt32LE(0) !== 0 };
  }

  /** RFC 2744 gss_wrap: a token in one piece. */
  async seal(
    context: Handle,
    plaintext: Uint8Array,
  ): Promise<Outcome & { readonly token: Uint8Array; readonly sealed: boolean }> {
    const [minor, sealed, out] = [pointerCell(), pointerCell(), Buffer.alloc(16)];
    const major = await this.#library.callAsync(
      'gss_wrap',
      minor,
      context,
      1,
      0,
      this.#bufferOf(plaintext),
      sealed,
      out,
    );
    keepAlive(plaintext);
    return { major, minor: minor.readUInt32LE(0), token: this.#takeBuffer(out), sealed: sealed.readInt32LE(0) !== 0 };
  }

  /** RFC 2744 gss_unwrap. */
  async open(
    context: Handle,
    token: Uint8Array,
  ): Promise<Outcome & { readonly plaintext: Uint8Array; readonly sealed: boolean }> {
    const [minor, sealed, out] = [pointerCell(), pointerCell(), Buffer.alloc(16)];
    const major = await this.#library.callAsync('gss_unwrap', minor, context, this.#bufferOf(token), out, sealed, null);
    keepAlive(token);
    return {
      major,
      minor: minor.readUInt32LE(0),
      plaintext: this.#takeBuffer(out),
      sealed: sealed.readInt32LE(0) !== 0,
    };
  }

  /**
   * The library's words for a status. MIT keeps the longer text of a failure by thread, and the failing call ran on
   * another one: these are the short words, and the caller adds what it knows (principal, file, realm).
   */
  describe(outcome: Outcome, mechanism: ObjectIdentifier): string {
    const major = this.#statusText(outcome.major, statusCode.gss, 'krb5');
    const minor = outcome.minor === 0 ? [] : this.#statusText(outcome.minor, statusCode.mechanism, mechanism);
    const words = minor.filter((text) => text !== '' && !/^Success$|^Unknown error$/i.test(text));
    return [...(words.length === 0 ? major : words)].join('; ').replace(/\.$/, '');
  }

  #statusText(status: number, kind: number, mechanism: ObjectIdentifier): string[] {
    const [minor, more, out] = [pointerCell(), pointerCell(), Buffer.alloc(16)];
    const texts: string[] = [];
    do {
      const major = this.#library.call(
        'gss_display_status',
        minor,
        status,
        kind,
        this.#identifier(mechanism),
        more,
        out,
      );
      if (major !== 0) break;
      texts.push(Buffer.from(this.#takeBuffer(out)).toString());
    } while (more.readUInt32LE(0) !== 0 && texts.length < 8);
    return texts;
  }

  #bufferOf(bytes: Uint8Array): Buffer {
    const description = Buffer.alloc(16);
    description.writeBigUInt64LE(BigInt(bytes.byteLength), 0);
    if (bytes.byteLength > 0) description.writeBigUInt64LE(this.#library.address(bytes), 8);
    return description;
  }

  /** Copies a buffer that the library allocated, and frees it. */
  #takeBuffer(description: Buffer): Uint8Array {
    const bytes = this.#library.copy(description.readBigUInt64LE(8), Number(description.readBigUInt64LE(0)));
    this.#library.call('gss_release_buffer', pointerCell(), description);
    return bytes;
  }

  #iov(iov: Buffer, at: number, type: number, bytes: Uint8Array | null): void {
    iov.writeUInt32LE(type, at);
    iov.writeBigUInt64LE(BigInt(bytes?.byteLength ?? 0), at + 8);
    iov.writeBigUInt64LE(bytes === null || bytes.byteLength === 0 ? 0n : this.#library.address(bytes), at + 16);
  }

  /** A gss_OID that lives as long as the process. */
  #identifier(name: ObjectIdentifier): Handle {
    const known = this.#identifiers.get(name);
    if (known !== undefined) return known;
    const der = objectIdentifier[name];
    const made = this.#library.permanent(16 + der.length, (bytes, at) => {
      bytes.writeUInt32LE(der.length, 0);
      bytes.writeBigUInt64LE(at + 16n, 8);
      bytes.set(der, 16);
    });
    this.#identifiers.set(name, made);
    return made;
  }

  /** A gss_OID_set of one. */
  #set(name: ObjectIdentifier): Handle {
    const known = this.#sets.get(name);
    if (known !== undefined) return known;
    const identifier = this.#identifier(name);
    const made = this.#library.permanent(16, (bytes) => {
      bytes.writeBigUInt64LE(1n, 0);
      bytes.writeBigUInt64LE(identifier, 8);
    });
    this.#sets.set(name, made);
    return made;
  }
}

/** Eight zero bytes: an OM_uint32 or a pointer for C to fill. */
function pointerCell(): Buffer {
  return Buffer.alloc(8);
}

function cellOf(value: Handle): Buffer {
  const cell = Buffer.alloc(8);
  cell.writeBigUInt64LE(value, 0);
  return cell;
}

/** The last arc of a DER object identifier. */
function lastArc(bytes: Uint8Array): number | undefined {
  let value = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    value = (value & 0x1ffffff) * 128 + (byte & 0x7f);
    if ((byte & 0x80) === 0 && at < bytes.length - 1) value = 0;
  }
  return bytes.length === 0 ? undefined : value;
}

let loaded: Promise<GssapiCalls> | undefined;

/** The calls of the system's library, loaded once, at the first need. */
export function loadGssapiCalls(): Promise<GssapiCalls> {
  loaded ??= loadGssapiLibrary().then((library) => new GssapiCalls(library));
  return loaded;
}
