/** Variables that hold settings of the connector, and may hold a secret. */
const settingVariables =
  /^(EXCHANGE_PASSWORD$|EXCHANGE_(NEW_)?CERTIFICATE_PASSWORD(_KEY)?$|(Connections|EncryptionCertificate|AzureKeyVault|CyberArk)__)/i;

/** Secrets of Azure's own clients, which a script may use too: it is handed them, and what it prints is not to hold them. */
const azureSecrets = /^AZURE_(CLIENT_SECRET|CLIENT_CERTIFICATE_PASSWORD|PASSWORD)$/i;

/** The secrets among what a script finds in its environment. */
export function environmentSecrets(): readonly string[] {
  return Object.entries(process.env).flatMap(([name, value]) => (azureSecrets.test(name) && value ? [value] : []));
}

/** The environment of a script's process: this one's, without the settings in it. A script is given what it is to know. */
export function scriptEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !settingVariables.test(name));
  return { ...Object.fromEntries(own), ...more };
}
