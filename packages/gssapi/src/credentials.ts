/*
 * Credentials from the three places a credential can come from. Nothing is written to disk: a keytab's and a
 * password's tickets live in MEMORY caches of this process. Tickets from a keytab are shared by all contexts of one
 * keytab and principal, and MIT gets new ones by itself when they near their end; a password's last as long as the
 * context, and a new context asks again.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { GssapiError } from './errors.ts';
import { type FailureScene, failed } from './failure-causes.ts';
import {
  credentialUsage,
  type GssapiLibrary,
  type Handle,
  type ObjectIdentifier,
  type Outcome,
} from './gssapi-library.ts';
import type { AcceptOptions, InitiatorCredential } from './mechanism.ts';

/** Where the credential comes from, in words for a message. */
export function credentialScene(
  credential: InitiatorCredential,
): Pick<FailureScene, 'credential' | 'credentialKind' | 'principal'> {
  switch (credential.kind) {
    case 'ticket-cache': {
      const cache = process.env['KRB5CCNAME'];
      const where =
        cache === undefined ? "the running account's default ticket cache" : `the ticket cache ${cache} (KRB5CCNAME)`;
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
        principal: credential.principal,
      };
    default:
      return assertNever(credential);
  }
}

/** Asks the library for the credential; `credential` 0 means the default one. */
export async function acquireInitiator(
  library: GssapiLibrary,
  credential: InitiatorCredential,
  mechanism: ObjectIdentifier,
): Promise<Outcome & { readonly credential: Handle }> {
  const outcome = await acquireByKind(library, credential, mechanism);
  if (failed(outcome.major) || mechanism !== 'spnego') return outcome;
  const restricted = library.offerOnlyKerberos(outcome.credential);
  if (!failed(restricted.major)) return outcome;
  library.releaseCredential(outcome.credential);
  return { ...restricted, credential: 0n };
}

async function acquireByKind(
  library: GssapiLibrary,
  credential: InitiatorCredential,
  mechanism: ObjectIdentifier,
): Promise<Outcome & { readonly credential: Handle }> {
  const { initiate } = credentialUsage;
  switch (credential.kind) {
    case 'ticket-cache':
      if (mechanism === 'krb5') return { major: 0, minor: 0, credential: 0n };
      return library.acquireCredential(0n, mechanism, initiate, {});
    case 'keytab': {
      await requireReadable(credential.file, 'the client keytab');
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
    case 'password':
      return withName(
        library,
        credential.principal,
        credential.enterprise ? 'enterpriseName' : 'principalName',
        (name) => library.acquireWithPassword(name, mechanism, credential.password()),
      );
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
  library: GssapiLibrary,
  options: AcceptOptions,
  mechanism: ObjectIdentifier,
): Promise<Outcome & { readonly credential: Handle }> {
  await requireReadable(options.keytab, "the service's keytab");
  const store = { keytab: `FILE:${options.keytab}`, rcache: options.replayCache ?? 'none:' };
  return library.acquireCredential(0n, mechanism, credentialUsage.accept, store);
}

async function withName(
  library: GssapiLibrary,
  text: string | undefined,
  kind: 'principalName' | 'enterpriseName',
  use: (name: Handle) => Promise<Outcome & { readonly credential: Handle }>,
): Promise<Outcome & { readonly credential: Handle }> {
  if (text === undefined) return use(0n);
  const imported = library.importName(text, kind);
  if (failed(imported.major)) return { major: imported.major, minor: imported.minor, credential: 0n };
  try {
    return await use(imported.name);
  } finally {
    library.releaseName(imported.name);
  }
}

async function requireReadable(file: string, what: string): Promise<void> {
  try {
    await access(file, constants.R_OK);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    throw new GssapiError('GSSAPI_KEYTAB_UNREADABLE', {
      doing: `opening ${what} ${file}`,
      seen:
        reason === 'ENOENT'
          ? 'there is no such file'
          : reason === 'EACCES'
            ? 'this account may not read it'
            : String(error),
      mend: 'Check the path, and that the account that runs this may read the file (`klist -kt <file>` shows what is in it).',
      cause: error,
    });
  }
}

function assertNever(value: never): never {
  throw new TypeError(`unexpected credential ${JSON.stringify(value)}`);
}
