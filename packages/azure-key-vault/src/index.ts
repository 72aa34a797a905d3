/*
 * Secrets from an Azure Key Vault, with Microsoft's own clients and the default Azure credentials. Loaded only where
 * the settings name a vault.
 */
export { KeyVaultError, type KeyVaultErrorCode, type KeyVaultRecovery } from './errors.ts';
export { type KeyVault, type KeyVaultLimits, type KeyVaultOptions, openKeyVault } from './microsoft-clients.ts';
