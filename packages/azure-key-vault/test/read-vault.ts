/* A process of its own, as the authority it trusts and the credentials it has come from its environment. */
import { KeyVaultError, openKeyVault } from '@exchange-connector/azure-key-vault';

const options = JSON.parse(process.argv[2] ?? '{}') as {
  vault: string;
  disableChallengeResourceVerification?: boolean;
  disableInstanceDiscovery?: boolean;
  retries?: number;
  wholeMs?: number;
  read?: string;
};
const { signal } = new AbortController();
try {
  const vault = openKeyVault({
    vault: options.vault,
    disableChallengeResourceVerification: options.disableChallengeResourceVerification ?? false,
    disableInstanceDiscovery: options.disableInstanceDiscovery ?? false,
    limits: { retries: options.retries ?? 0, firstDelayMs: 1, mostDelayMs: 2, wholeMs: options.wholeMs ?? 60_000 },
  });
  const names = options.read === undefined ? await vault.listNames('connections--', signal) : [options.read];
  const found: Record<string, string> = {};
  for (const name of names) found[name] = await vault.read(name, signal);
  process.stdout.write(JSON.stringify({ found }));
} catch (error) {
  const { code, message, recovery, mend } = error as KeyVaultError;
  process.stdout.write(JSON.stringify({ code, message, recovery, mend, ours: error instanceof KeyVaultError }));
}
