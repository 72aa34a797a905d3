/*
 * Accounts from CyberArk's Central Credential Provider, over TLS with a client certificate. Loaded only where the
 * settings switch it on.
 */
export {
  type Account,
  type CentralCredentialProvider,
  type ClientIdentity,
  openCentralCredentialProvider,
  type ProviderLimits,
  type ProviderOptions,
} from './central-credential-provider.ts';
export { CyberArkError, type CyberArkErrorCode, type CyberArkRecovery } from './errors.ts';
