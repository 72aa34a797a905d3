/*
 * Credentials from the three places a credential can come from. Nothing is written to disk: a keytab's and a
 * password's tickets live in MEMORY caches of this process. Tickets from a keytab are shared by all contexts of one
 * keytab and principal, and MIT gets new ones by itself when they near their end; a password's last as long as the
 * context, and a new context asks again.
 */
import { createHash } from 'node:crypto';
import { GssapiError } from './errors.ts';
import { type FailureScene, failed } from './failure-causes.ts';
import { credentialUsage, type GssapiCalls, type ObjectIdentifier, type Outcome } from './gssapi-calls.ts';
import type { Handle } from './gssapi-library.ts';
import { namesIn, readKeytab } from './keytab-file.ts';
import type { AcceptOptions, InitiatorCredential } from './mechanism.ts';

/** Where the credential comes from, in words for a message. */
export function credentialScene(
  credential: InitiatorCredential,
  cache?: string,
): Pick<FailureScene, 'credential' | 'credentialKind' | 'principal' | 'enterprise'> {
  switch (credential.kind) {
    case 'ticket-cache': {
      const name = cache ?? process.env['KRB5CCNAME'];
      const where = name === undefined ? "the running account's default ticket cache" : `the ticket cache ${name}`;
      return { credential: where, credentialKind: 'ticket-cache', principal: undefined };
    }
    case 'keytab': {
      const whose = credential.principal === undefined ? '' : ` for ${credential.principal}`;
      return {
        credential: `the keytab ${credential.file}${whose}`,
        credentialKind: 'keytab',
        principal: credential.principal,
      };
    }
    case 'password':
      return {
        credential: `the password of ${credential.principal}`,
        credentialKind: 'password',
        enterprise: credential.enterprise,
        principal: credential.principal,
      };
    default:
      return assertNever(credential);
  }
}

/** Asks the library for the credential; `credential` 0 means the default one. */
export async function acquireInitiator(
  library: GssapiCalls,
  credential: InitiatorCredential,
  mechanism: ObjectIdentifier,
): Promise<Outcome & { readonly credential: Handle }> {
  const outcome = await acquireByKind(library, credential, mechanism);
  if (mechanism !== 'spnego') return outcome;
  if (failed(outcome.major)) return (await bareKerberosFailure(library, credential)) ?? outcome;
  const restricted = library.offerOnlyKerberos(outcome.credential);
  if (!failed(restricted.major)) return outcome;
  library.releaseCredential(outcome.credential);
  return { ...restricted, credential: 0n };
}

/** SPNEGO says of any failure that it has no mechanism left; Kerberos asked alone says why. */
async function bareKerberosFailure(
  library: GssapiCalls,
  credential: InitiatorCredential,
): Promise<(Outcome & { readonly credential: Handle }) | undefined> {
  // A wrong password is not tried twice.
  if (credential.kind === 'password') return undefined;
  const outcome =
    credential.kind === 'ticket-cache'
      ? await library.acquireCredential(0n, 'krb5', credentialUsage.initiate, {})
      : await acquireByKind(library, credential, 'krb5');
  if (failed(outcome.major)) return outcome;
  library.releaseCredential(outcome.credential);
  return undefined;
}

async function acquireByKind(
  library: GssapiCalls,
  credential: InitiatorCredential,
  mechanism: ObjectIdentifier,
): Promise<Outcome & { readonly credential: Handle }> {
  const { initiate } = credentialUsage;
  switch (credential.kind) {
    case 'ticket-cache':
      if (mechanism === 'krb5') return { major: 0, minor: 0, credential: 0n };
      return library.acquireCredential(0n, mechanism, initiate, {});
    case 'keytab': {
      await requireKeytab(credential.file, 'the client keytab', credential.principal);
      const identity = createHash('sha256')
        .update(`${credential.file}\0${credential.principal ?? ''}`)
        .digest('hex');
      const store = {
        client_keytab: `FILE:${credential.file}`,
        ccache: `MEMORY:exchange-connector-${identity.slice(0, 32)}`,
      };
      return withName(library, credential.principal, 'principalName', (name) =>
        library.acquireCredential(name, mechanism, initiate, store),
      );
    }
    case 'password': {
      const password = credential.password();
      if (password === '') throw emptyPassword(credential.principal);
      return withName(
        library,
        credential.principal,
        credential.enterprise ? 'enterpriseName' : 'principalName',
        (name) => library.acquireWithPassword(name, mechanism, password),
      );
    }
    default:
      return assertNever(credential);
  }
}

/**
 * The service's credential. Its replay cache is off unless asked for: a replayed AP-REQ is worth nothing to one who
 * lacks the session key, since every message after it is sealed, and the default cache is a file that is locked and
 * flushed on each login.
 */
export async function acquireAcceptor(
  library: GssapiCalls,
  options: AcceptOptions,
  mechanism: ObjectIdentifier,
): Promise<Outcome & { readonly credential: Handle }> {
  await requireKeytab(options.keytab, "the service's keytab", undefined);
  const store = { keytab: `FILE:${options.keytab}`, rcache: options.replayCache ?? 'none:' };
  return library.acquireCredential(0n, mechanism, credentialUsage.accept, store);
}

async function withName(
  library: GssapiCalls,
  text: string | undefined,
  kind: 'principalName' | 'enterpriseName',
  use: (name: Handle) => Promise<Outcome & { readonly credential: Handle }>,
): Promise<Outcome & { readonly credential: Handle }> {
  if (text === undefined) return use(0n);
  const imported = await library.importName(text, kind);
  if (failed(imported.major)) return { major: imported.major, minor: imported.minor, credential: 0n };
  try {
    return await use(imported.name);
  } finally {
    library.releaseName(imported.name);
  }
}

function emptyPassword(principal: string): GssapiError {
  const doing = `getting a ticket with the password of ${principal}`;
  return new GssapiError('GSSAPI_PASSWORD_WRONG', { doing, seen: 'the password is empty', mend: 'Set Password.' });
}

/** A look into the keytab before the library's, whose errors for a bad one speak of something else. */
async function requireKeytab(file: string, what: string, principal: string | undefined): Promise<void> {
  const content = await readKeytab(file);
  const doing = `opening ${what} ${file}`;
  const look = '`klist -kte <file>` shows principals, key versions and encryption types';
  if (content.kind !== 'keytab') {
    const mend = `Check the path, and that the account that runs this may read the file (${look}).`;
    const cause = content.kind === 'unreadable' ? content.cause : undefined;
    throw new GssapiError('GSSAPI_KEYTAB_UNREADABLE', { doing, seen: content.seen, mend, cause });
  }
  const found =
    principal === undefined
      ? content.entries.length > 0
      : content.entries.some((entry) => names(entry.principal, principal));
  if (found) return;
  const seen =
    principal === undefined ? 'it holds no key' : `it holds no key of ${principal}, but ${namesIn(content.entries)}`;
  const mend = `Set Principal to one that is in the keytab, spelled the same (${look}), or make a keytab for it.`;
  throw new GssapiError('GSSAPI_KEYTAB_KEY_MISSING', { doing, seen, mend });
}

/** A principal without a realm stands for that name in the default realm, whichever that is. */
function names(entry: string, principal: string): boolean {
  return principal.includes('@') ? entry === principal : entry.startsWith(`${principal}@`);
}

function assertNever(value: never): never {
  throw new TypeError(`unexpected credential ${JSON.stringify(value)}`);
}
