/* What libkrb5 knows and GSSAPI does not tell: the realm of a host, the name of the default ticket cache. */
import type { GssapiLibrary, Handle } from './gssapi-library.ts';

/**
 * The realm that [domain_realm] of krb5.conf gives a host, or undefined where it says nothing. A host-based name
 * would bring this too, but puts the host through DNS first.
 */
export async function realmOfHost(library: GssapiLibrary, host: string): Promise<string | undefined> {
  if (!library.has('krb5_get_host_realm')) return undefined;
  return withKerberos(library, async (context) => {
    const [list, name] = [Buffer.alloc(8), Buffer.from(`${host}\0`)];
    if ((await library.callAsync('krb5_get_host_realm', context, name, list)) !== 0) return undefined;
    const at = list.readBigUInt64LE(0);
    const realm = library.text(Buffer.from(library.copy(at, 8)).readBigUInt64LE(0));
    library.call('krb5_free_host_realm', context, at);
    return realm === '' ? undefined : realm;
  });
}

/** The full name of the default ticket cache, `FILE:/tmp/krb5cc_1000`, where the library tells. */
export async function defaultCacheName(library: GssapiLibrary): Promise<string | undefined> {
  if (!library.has('krb5_cc_get_full_name')) return undefined;
  return withKerberos(library, async (context) => {
    const [cache, name] = [Buffer.alloc(8), Buffer.alloc(8)];
    if (library.call('krb5_cc_default', context, cache) !== 0) return undefined;
    const handle = cache.readBigUInt64LE(0);
    const known = library.call('krb5_cc_get_full_name', context, handle, name) === 0;
    const at = name.readBigUInt64LE(0);
    const text = known ? library.text(at) : undefined;
    if (known) library.call('krb5_free_string', context, at);
    library.call('krb5_cc_close', context, handle);
    return text;
  });
}

async function withKerberos<T>(library: GssapiLibrary, use: (context: Handle) => Promise<T>): Promise<T | undefined> {
  const cell = Buffer.alloc(8);
  if (!library.has('krb5_init_context') || library.call('krb5_init_context', cell) !== 0) return undefined;
  const context = cell.readBigUInt64LE(0);
  try {
    return await use(context);
  } finally {
    library.call('krb5_free_context', context);
  }
}
