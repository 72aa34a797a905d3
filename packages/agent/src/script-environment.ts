/** Variables that hold settings of the connector, and may hold a secret. */
const settingVariables = /^(EXCHANGE_PASSWORD$|(Connections|EncryptionCertificate|AzureKeyVault|CyberArk)__)/i;

/** The environment of a script's process: this one's, without the settings in it. A script is given what it is to know. */
export function scriptEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !settingVariables.test(name));
  return { ...Object.fromEntries(own), ...more };
}
