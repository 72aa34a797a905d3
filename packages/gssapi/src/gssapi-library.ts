/*
 * The functions of the system's GSSAPI library (RFC 2744, MIT's gssapi_ext.h) and of its libkrb5, through koffi, which
 * is imported here and nowhere else. Calls that can wait for a KDC are made with `callAsync`, on libuv's thread pool.
 */
import { GssapiError } from './errors.ts';

/** An opaque C pointer: a name, a credential, a context. */
export type Handle = bigint;
/** Bytes that C reads or writes in place, a pointer, or NULL. */
export type Argument = Uint8Array | bigint | number | null;

interface NativeFunction {
  (...values: Argument[]): number;
  async(...values: [...Argument[], (error: unknown, result: number) => void]): void;
}
type MemoryCopy = (to: Argument, from: Argument, length: number) => bigint;

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
/** libkrb5's, which return an error code or nothing. */
const KERBEROS_SIGNATURES = {
  krb5_init_context: 'p',
  krb5_free_context: 'p',
  krb5_get_host_realm: 'ppp',
  krb5_free_host_realm: 'pp',
  krb5_cc_default: 'pp',
  krb5_cc_get_full_name: 'ppp',
  krb5_cc_close: 'pp',
  krb5_free_string: 'pp',
} as const;
export type FunctionName = keyof typeof SIGNATURES | keyof typeof KERBEROS_SIGNATURES;

type Koffi = typeof import('koffi');

/** The library as loaded: its functions by name, and memory that C can see. */
export class GssapiLibrary {
  /** The file that was loaded. */
  readonly file: string;
  /** Heimdal (macOS) lacks `STREAM` buffers and credential stores. */
  readonly flavour: 'mit' | 'heimdal';
  readonly #koffi: Koffi;
  readonly #functions = new Map<FunctionName, NativeFunction>();
  readonly #memcpy: MemoryCopy;
  readonly #exit: (status: number) => void;

  constructor(koffi: Koffi, file: string) {
    this.#koffi = koffi;
    this.file = file;
    const bits = koffi.sizeof(POINTER) * 8;
    if (bits !== 64) throw libraryMissing(`this is a ${bits}-bit process; 64 bits are needed`);
    this.#declare(koffi.load(file), SIGNATURES);
    this.flavour = this.has('gss_acquire_cred_from') && !file.includes('GSS.framework') ? 'mit' : 'heimdal';
    try {
      this.#declare(
        koffi.load(file.replace('libgssapi_krb5', 'libkrb5').replace('.so.2', '.so.3')),
        KERBEROS_SIGNATURES,
      );
    } catch {
      // Only names for messages and [domain_realm] come from it.
    }
    const process = koffi.load(null);
    this.#memcpy = process.func('memcpy', POINTER, [POINTER, POINTER, 'size_t']) as unknown as MemoryCopy;
    this.#exit = process.func('_exit', 'void', ['int']) as unknown as (status: number) => void;
  }

  /** Ends the process at once, threads and all: exit(3) would wait for a thread that waits for a KDC. */
  exit(status: number): void {
    this.#exit(status);
  }

  has(name: FunctionName): boolean {
    return this.#functions.has(name);
  }

  call(name: FunctionName, ...values: Argument[]): number {
    return this.#native(name)(...values);
  }

  callAsync(name: FunctionName, ...values: Argument[]): Promise<number> {
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

  /** Where bytes lie; they must be kept alive as long as C has the address. */
  address(bytes: Uint8Array): Handle {
    return this.#koffi.address(bytes);
  }

  /** A copy of memory of C's. */
  copy(from: Handle, length: number): Uint8Array {
    const bytes = Buffer.allocUnsafeSlow(from === 0n ? 0 : length);
    if (bytes.byteLength > 0) this.#memcpy(bytes, from, length);
    return bytes;
  }

  /** Text of C's, ended by NUL. */
  text(at: Handle): string {
    return at === 0n ? '' : this.#koffi.decode.string(at);
  }

  /** Memory that is never freed, filled by `write` once its address is known. */
  permanent(length: number, write: (bytes: Buffer, at: Handle) => void): Handle {
    const at: Handle = this.#koffi.alloc('uint8_t', length);
    const bytes = Buffer.alloc(length);
    write(bytes, at);
    this.#memcpy(at, bytes, length);
    return at;
  }

  #declare(library: ReturnType<Koffi['load']>, signatures: Readonly<Record<string, string>>): void {
    for (const [name, parameters] of Object.entries(signatures)) {
      try {
        const kinds = [...parameters].map((kind) => (kind === 'p' ? POINTER : kind === 'u' ? 'uint32' : 'int'));
        this.#functions.set(name as FunctionName, library.func(name, 'uint32', kinds) as unknown as NativeFunction);
      } catch {
        // An extension this library lacks: reported when it is needed.
      }
    }
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
}

let loaded: Promise<GssapiLibrary> | undefined;
let ready: GssapiLibrary | undefined;

/** The library, loaded once, at the first need. */
export function loadGssapiLibrary(): Promise<GssapiLibrary> {
  loaded ??= load();
  return loaded;
}

/** The library, if it was loaded already. */
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

/** Holds a reference up to this point of the program, so that what C works on is not collected. */
export function keepAlive(..._kept: unknown[]): void {}
