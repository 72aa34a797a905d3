/*
 * The one file that holds Microsoft's client libraries: @azure/keyvault-secrets speaks the vault's REST with its
 * authentication challenge and tries again by itself; @azure/identity finds the credentials of this process.
 */
import { DefaultAzureCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import { failureOf, timedOut } from './client-failures.ts';
import { KeyVaultError } from './errors.ts';

export interface KeyVaultOptions {
  /** `https://<name>.vault.azure.net/` */
  readonly vault: string;
  /** Take a vault whose challenge names another domain than its own. */
  readonly disableChallengeResourceVerification: boolean;
  /** Sign in at an authority that Microsoft's directory does not list. */
  readonly disableInstanceDiscovery: boolean;
  readonly limits?: Partial<KeyVaultLimits>;
}

export interface KeyVaultLimits {
  /** Tries of one request after the first. */
  readonly retries: number;
  /** Before the second try; longer before each further one. */
  readonly firstDelayMs: number;
  readonly mostDelayMs: number;
  /** For each question with all of its tries, the sign-in included: the clients themselves would wait for ever. */
  readonly wholeMs: number;
}

/** Secrets of one vault. */
export interface KeyVault {
  /**
   * The names of the enabled secrets that begin with a prefix, whatever its case.
   * @throws KeyVaultError
   */
  listNames(prefix: string, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * The newest value of one secret.
   * @throws KeyVaultError
   */
  read(name: string, signal: AbortSignal): Promise<string>;
}

const usualLimits: KeyVaultLimits = { retries: 3, firstDelayMs: 800, mostDelayMs: 8000, wholeMs: 60_000 };
/** A vault of this many secrets is not one of an agent's settings. */
const mostListed = 50_000;

/** Makes ready to ask a vault, with the default Azure credentials of this process; nothing is contacted yet. */
export function openKeyVault(options: KeyVaultOptions): KeyVault {
  const { retries, firstDelayMs, mostDelayMs, wholeMs } = { ...usualLimits, ...options.limits };
  const retryOptions = { maxRetries: retries, retryDelayInMs: firstDelayMs, maxRetryDelayInMs: mostDelayMs };
  const credential = new DefaultAzureCredential({
    disableInstanceDiscovery: options.disableInstanceDiscovery,
    retryOptions,
  });
  const client = new SecretClient(options.vault, credential, {
    disableChallengeResourceVerification: options.disableChallengeResourceVerification,
    retryOptions,
  });
  /** Asks one question within the limit of time. */
  const ask = async <Answer>(
    doing: string,
    signal: AbortSignal,
    question: (either: AbortSignal) => Promise<Answer>,
  ): Promise<Answer> => {
    const limit = AbortSignal.timeout(wholeMs);
    try {
      return await question(AbortSignal.any([signal, limit]));
    } catch (error) {
      if (limit.aborted && !signal.aborted) throw timedOut(doing, wholeMs, error);
      throw failureOf(doing, error, signal);
    }
  };
  return {
    listNames: (prefix, signal) => {
      const doing = `listing the secrets of ${options.vault}`;
      return ask(doing, signal, (either) => listNames(client, prefix, either, doing));
    },
    read: (name, signal) => {
      const doing = `reading the secret ${name} of ${options.vault}`;
      return ask(doing, signal, async (either) => {
        const { value } = await client.getSecret(name, { abortSignal: either });
        if (value !== undefined) return value;
        throw new KeyVaultError('KEY_VAULT_SECRET_MISSING', `${doing}: it has no value`, { recovery: 'skip-item' });
      });
    },
  };
}

async function listNames(client: SecretClient, prefix: string, signal: AbortSignal, doing: string): Promise<string[]> {
  const names: string[] = [];
  let listed = 0;
  for await (const { name, enabled } of client.listPropertiesOfSecrets({ abortSignal: signal })) {
    listed += 1;
    if (listed > mostListed)
      throw new KeyVaultError('KEY_VAULT_FAULT', `${doing}: it holds more than ${mostListed} secrets`, {
        mend: 'keep the settings of this agent in a vault of their own',
      });
    if (enabled !== false && name.toLowerCase().startsWith(prefix.toLowerCase())) names.push(name);
  }
  return names.sort();
}
