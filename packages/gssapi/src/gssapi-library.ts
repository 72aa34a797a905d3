/*
 * The C bindings of GSSAPI (RFC 2744, RFC 6806's names, MIT's gssapi_ext.h) through koffi, which is imported here
 * and nowhere else. Everything that can wait for a KDC goes through `.async`, on libuv's thread pool; what only
 * computes is offered both ways.
 *
 * Structures are laid out by hand in buffers, for 64-bit machines:
 *
 *   gss_buffer_desc      0 size_t length         8 void *value                                    16 bytes
 *   gss_OID_desc         0 uint32 length         8 void *elements                                 16 bytes
 *   gss_OID_set_desc     0 size_t count          8 gss_OID elements                               16 bytes
 *   gss_iov_buffer_desc  0 uint32 type           8 size_t length       16 void *value             24 bytes
 *   gss_key_value_set    0 uint32 count          8 element *elements (element: char *key, *value) 16 bytes
 */
import { GssapiError } from './errors.ts';

/** An opaque C pointer: a name, a credential, a context. */
export type Handle = bigint;
/** Bytes that C reads or writes in place, a pointer, or NULL. */
type Argument = Uint8Array | bigint | number | null;

export interface Outcome {
  readonly major: number;
  readonly minor: number;
}

interface NativeFunction {
  (...values: Argument[]): number;
  async(...values: [...Argument[], (error: unknown, result: number) => void]): void;
}

type MemoryCopy = (to: Argument, from: Argument, length: number) => bigint;

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
const POINTER = 'void *';

/** Debian and Red Hat, then MIT and Heimdal of Homebrew, then the system's of macOS (a Heimdal). */
const LIBRARY_NAMES: Readonly<Record<string, readonly string[]>> = {
  linux: ['libgssapi_krb5.so.2', 'libgssapi_krb5.so'],
  freebsd: ['libgssapi_krb5.so.2', '/usr/local/lib/libgssapi_krb5.so'],
  darwin: [
    '/opt/homebrew/opt/krb5/lib/libgssapi_krb5.dylib',
    '/usr/local/opt/krb5/lib/libgssapi_krb5.dylib',
    '/System/Library/Frameworks/GSS.framework/GSS',
  ],
};

const HOW_TO_GET =
  'Install MIT Kerberos: on Debian and Ubuntu `apt-get install libgssapi-krb5-2`, on Red Hat, Rocky and Fedora ' +
  '`dnf install krb5-libs`, on Alpine `apk add krb5-libs`, on macOS `brew install krb5`.';

/** OM_uint32-returning functions by name, with their parameters (p pointer, u uint32, i int). */
const SIGNATURES = {
  gss_import_name: 'pppp',
  gss_display_name: 'pppp',
  gss_release_name: 'pp',
  gss_acquire_cred: 'ppupippp',
  gss_acquire_cred_from: 'ppupipppp',
  gss_acquire_cred_with_password: 'pppupippp',
  gss_set_neg_mechs: 'ppp',
  gss_inquire_cred: 'pppppp',
  gss_release_cred: 'pp',
  gss_init_sec_context: 'pppppuupppppp',
  gss_accept_sec_context: 'ppppppppppp',
  gss_delete_sec_context: 'ppp',
  gss_inquire_sec_context_by_oid: 'pppp',
  gss_inquire_context: 'ppppppppp',
  gss_wrap: 'ppiuppp',
  gss_unwrap: 'ppppppp',
  gss_wrap_iov: 'ppiuppi',
  gss_wrap_iov_length: 'ppiuppi',
  gss_unwrap_iov: 'pppppi',
  gss_release_buffer: 'pp',
  gss_release_buffer_set: 'pp',
  gss_display_status: 'puippp',
} as const;
type FunctionName = keyof typeof SIGNATURES;

/** Calls that were given up by their waiter but still hold a thread. */
const abandoned = new Set<object>();

/** How many calls still run that nobody waits for. */
export function abandonedCalls(): number {
  return abandoned.size;
}

type Koffi = typeof import('koffi');

/** GSSAPI as loaded: thin methods over the C functions, memory released on every path. */
export class GssapiLibrary {
  /** The file that was loaded. */
  readonly file: string;
  /** Heimdal (macOS) lacks `STREAM` buffers and credential stores. */
  readonly flavour: 'mit' | 'heimdal';
  readonly #koffi: Koffi;
  readonly #functions = new Map<FunctionName, NativeFunction>();
  readonly #memcpy: MemoryCopy;
  readonly #exit: (status: number) => void;
  readonly #identifiers = new Map<ObjectIdentifier, Handle>();
  readonly #sets = new Map<ObjectIdentifier, Handle>();

  constructor(koffi: Koffi, file: string) {
    this.#koffi = koffi;
    this.file = file;
    if (koffi.sizeof(POINTER) !== 8)
      throw libraryMissing(`this is a ${koffi.sizeof(POINTER) * 8}-bit process; 64 bits are needed`);
    const library = koffi.load(file);
    for (const [name, parameters] of Object.entries(SIGNATURES)) {
      try {
        const kinds = [...parameters].map((kind) => (kind === 'p' ? POINTER : kind === 'u' ? 'uint32' : 'int'));
        this.#functions.set(name as FunctionName, library.func(name, 'uint32', kinds) as unknown as NativeFunction);
      } catch {
        // An extension this library lacks: reported when it is needed.
      }
    }
    this.flavour = this.#functions.has('gss_acquire_cred_from') && !file.includes('GSS.framework') ? 'mit' : 'heimdal';
    const process = koffi.load(null);
    this.#memcpy = process.func('memcpy', POINTER, [POINTER, POINTER, 'size_t']) as unknown as MemoryCopy;
    this.#exit = process.func('_exit', 'void', ['int']) as unknown as (status: number) => void;
  }

  /** Ends the process at once, threads and all: exit(3) would wait for a thread that waits for a KDC. */
  exit(status: number): void {
    this.#exit(status);
  }

  importName(text: string, kind: 'principalName' | 'enterpriseName'): Outcome & { readonly name: Handle } {
    const [minor, name] = [pointerCell(), pointerCell()];
    const major = this.#call('gss_import_name', minor, this.#bufferOf(Buffer.from(text)), this.#identifier(kind), name);
    return { major, minor: minor.readUInt32LE(0), name: name.readBigUInt64LE(0) };
  }

  displayName(name: Handle): string {
    const [minor, out] = [pointerCell(), Buffer.alloc(16)];
    const major = this.#call('gss_display_name', minor, name, out, null);
    return major === 0 ? Buffer.from(this.#takeBuffer(out)).toString() : '';
  }

  releaseName(name: Handle): void {
    if (name !== 0n) this.#call('gss_release_name', pointerCell(), cellOf(name));
  }

  /** The principal of a credential (GSS_C_NO_CREDENTIAL: the default one), or '' where it has none. */
  async credentialName(credential: Handle): Promise<Outcome & { readonly principal: string }> {
    const [minor, name] = [pointerCell(), pointerCell()];
    const major = await this.#callAsync('gss_inquire_cred', minor, credential, name, null, null, null);
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
      elements.writeBigUInt64LE(this.#koffi.address(bytes), 8 * index);
    });
    const set = Buffer.alloc(16);
    set.writeUInt32LE(pairs.length, 0);
    set.writeBigUInt64LE(this.#koffi.address(elements), 8);
    const mechanisms = this.#set(mechanism);
    const major =
      pairs.length === 0
        ? await this.#callAsync('gss_acquire_cred', minor, name, 0, mechanisms, usage, out, null, null)
        : await this.#callAsync('gss_acquire_cred_from', minor, name, 0, mechanisms, usage, set, out, null, null);
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
      const major = await this.#callAsync(...call);
      return { major, minor: minor.readUInt32LE(0), credential: out.readBigUInt64LE(0) };
    } finally {
      bytes.fill(0);
    }
  }

  /** Lets SPNEGO offer Kerberos alone, never NTLM. */
  offerOnlyKerberos(credential: Handle): Outcome {
    const minor = pointerCell();
    const major = this.#call('gss_set_neg_mechs', minor, credential, this.#set('krb5'));
    return { major, minor: minor.readUInt32LE(0) };
  }

  releaseCredential(credential: Handle): void {
    if (credential !== 0n) this.#call('gss_release_cred', pointerCell(), cellOf(credential));
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
    const major = await this.#callAsync('gss_init_sec_context', ...entries);
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
    const major = await this.#callAsync('gss_accept_sec_context', ...entries);
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
    if (context !== 0n) this.#call('gss_delete_sec_context', pointerCell(), cellOf(context), null);
  }

  /** The principals of both ends of a complete context. */
  contextNames(context: Handle): { readonly source: string; readonly target: string } {
    const [source, target] = [pointerCell(), pointerCell()];
    const major = this.#call(
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
    if (!this.#functions.has('gss_inquire_sec_context_by_oid')) return undefined;
    if (this.#call('gss_inquire_sec_context_by_oid', minor, context, this.#identifier('sessionKey'), set) !== 0)
      return undefined;
    const at = set.readBigUInt64LE(0);
    try {
      // gss_buffer_set_desc: the key, then the OID 1.2.840.113554.1.2.2.4 with the type as its last arc.
      const head = Buffer.from(this.#copy(at, 16));
      if (head.readBigUInt64LE(0) < 2n) return undefined;
      const identifier = Buffer.from(this.#copy(head.readBigUInt64LE(8) + 16n, 16));
      const bytes = this.#copy(identifier.readBigUInt64LE(8), Number(identifier.readBigUInt64LE(0)));
      return lastArc(bytes);
    } finally {
      this.#call('gss_release_buffer_set', minor, set);
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
    let major = this.#call('gss_wrap_iov_length', minor, context, 1, 0, sealed, iov, 3);
    if (major !== 0) return { major, minor: minor.readUInt32LE(0), header: empty, padding: empty, sealed: false };
    const header = Buffer.alloc(Number(iov.readBigUInt64LE(8)));
    const padding = Buffer.alloc(Number(iov.readBigUInt64LE(56)));
    this.#iov(iov, 0, iovType.header, header);
    this.#iov(iov, 48, iovType.padding, padding);
    const call = ['gss_wrap_iov', minor, context, 1, 0, sealed, iov, 3] as const;
    major = offMainThread ? await this.#callAsync(...call) : this.#call(...call);
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
    const major = offMainThread ? await this.#callAsync(...call) : this.#call(...call);
    const length = Number(iov.readBigUInt64LE(32));
    const offset = length === 0 ? 0 : Number(iov.readBigUInt64LE(40) - this.#koffi.address(token));
    const plaintext = major === 0 ? token.subarray(offset, offset + length) : token.subarray(0, 0);
    return { major, minor: minor.readUInt32LE(0), plaintext, sealed: sealed.readInt32LE(0) !== 0 };
  }

  /** RFC 2744 gss_wrap: a token in one piece. */
  async seal(
    context: Handle,
    plaintext: Uint8Array,
  ): Promise<Outcome & { readonly token: Uint8Array; readonly sealed: boolean }> {
    const [minor, sealed, out] = [pointerCell(), pointerCell(), Buffer.alloc(16)];
    const major = await this.#callAsync('gss_wrap', minor, context, 1, 0, this.#bufferOf(plaintext), sealed, out);
    keepAlive(plaintext);
    return { major, minor: minor.readUInt32LE(0), token: this.#takeBuffer(out), sealed: sealed.readInt32LE(0) !== 0 };
  }

  /** RFC 2744 gss_unwrap. */
  async open(
    context: Handle,
    token: Uint8Array,
  ): Promise<Outcome & { readonly plaintext: Uint8Array; readonly sealed: boolean }> {
    const [minor, sealed, out] = [pointerCell(), pointerCell(), Buffer.alloc(16)];
    const major = await this.#callAsync('gss_unwrap', minor, context, this.#bufferOf(token), out, sealed, null);
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
      const major = this.#call('gss_display_status', minor, status, kind, this.#identifier(mechanism), more, out);
      if (major !== 0) break;
      texts.push(Buffer.from(this.#takeBuffer(out)).toString());
    } while (more.readUInt32LE(0) !== 0 && texts.length < 8);
    return texts;
  }

  #native(name: FunctionName): NativeFunction {
    const found = this.#functions.get(name);
    if (found !== undefined) return found;
    throw new GssapiError('GSSAPI_MECHANISM_MISSING', {
      doing: `calling ${name} of ${this.file}`,
      seen: 'the library has no such function',
      mend: `MIT Kerberos 1.11 or later is needed. ${HOW_TO_GET}`,
    });
  }

  #call(name: FunctionName, ...values: Argument[]): number {
    return this.#native(name)(...values);
  }

  #callAsync(name: FunctionName, ...values: Argument[]): Promise<number> {
    const native = this.#native(name);
    return new Promise((resolve, reject) => {
      native.async(...values, (error, result) => {
        // `values` is named here so that no buffer is collected while C works on it.
        keepAlive(values);
        if (error) reject(error);
        else resolve(result);
      });
    });
  }

  #bufferOf(bytes: Uint8Array): Buffer {
    const description = Buffer.alloc(16);
    description.writeBigUInt64LE(BigInt(bytes.byteLength), 0);
    if (bytes.byteLength > 0) description.writeBigUInt64LE(this.#koffi.address(bytes), 8);
    return description;
  }

  /** Copies a buffer that the library allocated, and frees it. */
  #takeBuffer(description: Buffer): Uint8Array {
    const bytes = this.#copy(description.readBigUInt64LE(8), Number(description.readBigUInt64LE(0)));
    this.#call('gss_release_buffer', pointerCell(), description);
    return bytes;
  }

  #copy(from: Handle, length: number): Uint8Array {
    const bytes = Buffer.allocUnsafeSlow(from === 0n ? 0 : length);
    if (bytes.byteLength > 0) this.#memcpy(bytes, from, length);
    return bytes;
  }

  #iov(iov: Buffer, at: number, type: number, bytes: Uint8Array | null): void {
    iov.writeUInt32LE(type, at);
    iov.writeBigUInt64LE(BigInt(bytes?.byteLength ?? 0), at + 8);
    iov.writeBigUInt64LE(bytes === null || bytes.byteLength === 0 ? 0n : this.#koffi.address(bytes), at + 16);
  }

  /** A gss_OID that lives as long as the process. */
  #identifier(name: ObjectIdentifier): Handle {
    const known = this.#identifiers.get(name);
    if (known !== undefined) return known;
    const der = objectIdentifier[name];
    const at: Handle = this.#koffi.alloc('uint8_t', 16 + der.length);
    const bytes = Buffer.alloc(16 + der.length);
    bytes.writeUInt32LE(der.length, 0);
    bytes.writeBigUInt64LE(at + 16n, 8);
    bytes.set(der, 16);
    this.#memcpy(at, bytes, bytes.length);
    this.#identifiers.set(name, at);
    return at;
  }

  /** A gss_OID_set of one. */
  #set(name: ObjectIdentifier): Handle {
    const known = this.#sets.get(name);
    if (known !== undefined) return known;
    const at: Handle = this.#koffi.alloc('uint8_t', 16);
    const bytes = Buffer.alloc(16);
    bytes.writeBigUInt64LE(1n, 0);
    bytes.writeBigUInt64LE(this.#identifier(name), 8);
    this.#memcpy(at, bytes, 16);
    this.#sets.set(name, at);
    return at;
  }
}

/**
 * Waits no longer than the limit. A call that is given up goes on holding its thread; `lateResult` gets what it
 * brings in the end, to free it.
 */
export async function withinLimit<T>(
  call: Promise<T>,
  limitMs: number,
  lateResult: (value: T) => void,
): Promise<T | 'timed-out'> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<'timed-out'>((resolve) => {
    timer = setTimeout(() => resolve('timed-out'), limitMs);
  });
  try {
    const first = await Promise.race([call, limit]);
    if (first === 'timed-out') {
      const mark = {};
      abandoned.add(mark);
      call
        .then(lateResult, () => undefined)
        .finally(() => abandoned.delete(mark))
        .catch(() => undefined);
    }
    return first;
  } finally {
    clearTimeout(timer);
  }
}

let loaded: Promise<GssapiLibrary> | undefined;
let ready: GssapiLibrary | undefined;

/** The library, loaded once, at the first need. */
export function loadGssapiLibrary(): Promise<GssapiLibrary> {
  loaded ??= load();
  return loaded;
}

/** The library if it was loaded already. */
export function gssapiLibraryIfLoaded(): GssapiLibrary | undefined {
  return ready;
}

async function load(): Promise<GssapiLibrary> {
  const candidates = LIBRARY_NAMES[process.platform] ?? [];
  const tried: string[] = [];
  const koffi = await importKoffi();
  // libkrb5 reads files and asks DNS inside a call: koffi's 128 KiB would be short.
  koffi.config({ async_stack_size: 1 << 20, async_heap_size: 64 << 10, resident_async_pools: 4 });
  for (const file of candidates) {
    try {
      ready = new GssapiLibrary(koffi, file);
      return ready;
    } catch (error) {
      if (error instanceof GssapiError) throw error;
      tried.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw libraryMissing(tried.length === 0 ? `no GSSAPI library is known for ${process.platform}` : tried.join('; '));
}

async function importKoffi(): Promise<Koffi> {
  try {
    const module = await import('koffi');
    return module.default as unknown as Koffi;
  } catch (error) {
    throw new GssapiError('GSSAPI_LIBRARY_MISSING', {
      doing: 'loading the package koffi',
      seen: error instanceof Error ? error.message : String(error),
      mend: `Install it with its binary for ${process.platform} ${process.arch} (npm install, optional dependencies included).`,
      cause: error,
    });
  }
}

function libraryMissing(seen: string): GssapiError {
  return new GssapiError('GSSAPI_LIBRARY_MISSING', { doing: 'loading the GSSAPI library', seen, mend: HOW_TO_GET });
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

function keepAlive(..._kept: unknown[]): void {
  // Holding a reference at this point of the program is the whole purpose.
}
