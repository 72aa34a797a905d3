/* What Microsoft's clients throw, told apart by what a person can do about it. */
import { KeyVaultError } from './errors.ts';

interface ClientError {
  readonly name?: string;
  readonly message?: string;
  /** Node's code of a connection, or the vault's own: `Forbidden`, `SecretNotFound`. */
  readonly code?: string;
  readonly statusCode?: number;
  readonly errors?: readonly unknown[];
}

const signInNames = new Set([
  'AggregateAuthenticationError',
  'AuthenticationError',
  'AuthenticationRequiredError',
  'CredentialUnavailableError',
]);

const signInMend =
  'give this process an identity: a managed identity, a workload identity, AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or AZURE_CLIENT_CERTIFICATE_PATH), or az login';

/** The clients' messages run over many lines and repeat themselves; tokens never stand in them, yet a trace could be long. */
function fit(message: string | undefined): string {
  const line = (message ?? '').replace(/[\p{Cc}\p{Cf}\u2028\u2029\s]+/gu, ' ').trim();
  return line.length > 600 ? `${line.slice(0, 600)}…` : line;
}

/** Each credential of the chain says why it did not do. */
function reasonsOf({ message, errors }: ClientError): string {
  if (errors === undefined || errors.length === 0) return fit(message);
  const each = errors.map((error) => fit((error as ClientError).message).split(' Visit ')[0] ?? '');
  return fit([...new Set(each)].join('; '));
}

/** Codes and messages of the vault that are known to mean one thing. */
function refusalOf(doing: string, error: ClientError): KeyVaultError | undefined {
  // A page of a list that failed keeps the vault's code and loses its words.
  const said = /^Pagination failed/.test(error.message ?? '') ? [error.code] : [error.code, fit(error.message)];
  const reason = said.filter((part) => part !== undefined && part !== '').join(': ');
  const seen = `${doing}: the vault answered HTTP ${error.statusCode}${reason === '' ? '' : `, ${reason}`}`;
  switch (error.statusCode) {
    case 401:
      return new KeyVaultError('KEY_VAULT_TOKEN_REFUSED', seen, {
        mend: "see that the identity belongs to the vault's own directory (tenant)",
      });
    case 403:
      return new KeyVaultError('KEY_VAULT_FORBIDDEN', seen, {
        mend: 'give the identity the permissions Get and List for secrets (role Key Vault Secrets User), and let this machine through the firewall of the vault',
      });
    case 404:
      return new KeyVaultError('KEY_VAULT_SECRET_MISSING', seen, { recovery: 'skip-item' });
    case 429:
      return new KeyVaultError('KEY_VAULT_THROTTLED', seen, {
        recovery: 'retry-after-delay',
        mend: 'run again in some minutes',
      });
    case undefined:
      return undefined;
    default:
      return new KeyVaultError('KEY_VAULT_FAULT', seen, {
        recovery: error.statusCode >= 500 ? 'retry-after-delay' : 'none',
        mend: 'run again later; the state of Azure stands at status.azure.com',
      });
  }
}

/** The error of this package for one of the clients'. */
export function failureOf(doing: string, thrown: unknown, signal: AbortSignal): KeyVaultError {
  if (thrown instanceof KeyVaultError) return thrown;
  const error = thrown as ClientError;
  if (signal.aborted || error.name === 'AbortError')
    return new KeyVaultError('KEY_VAULT_CANCELLED', `${doing}: it was cancelled`);
  if (signInNames.has(error.name ?? ''))
    return new KeyVaultError('KEY_VAULT_SIGN_IN_FAILED', `${doing}: signing in to Azure failed: ${reasonsOf(error)}`, {
      mend: signInMend,
    });
  const refusal = refusalOf(doing, error);
  if (refusal !== undefined) return refusal;
  if (/does not match the requested domain/.test(error.message ?? ''))
    return new KeyVaultError('KEY_VAULT_DOMAIN_REFUSED', `${doing}: ${fit(error.message?.split(' Set ')[0])}`, {
      mend: 'see that AzureKeyVault.Vault is the address of the vault; for a vault outside Azure’s own domains set AzureKeyVault.DisableChallengeResourceVerification to true',
    });
  return unreachable(doing, fit(error.message), thrown);
}

/** Neither the vault nor who signs in to it answered in time. */
export function timedOut(doing: string, limitMs: number, cause: unknown): KeyVaultError {
  return unreachable(doing, `it was not done within ${limitMs / 1000} seconds`, cause);
}

function unreachable(doing: string, seen: string, cause: unknown): KeyVaultError {
  return new KeyVaultError('KEY_VAULT_UNREACHABLE', `${doing}: ${seen}`, {
    cause,
    recovery: 'retry-after-delay',
    mend: 'see that AzureKeyVault.Vault names the vault, and that it can be reached from here (HTTPS_PROXY applies; a private CA is named in NODE_EXTRA_CA_CERTS)',
  });
}
