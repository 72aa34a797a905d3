/*
 * PSRP versions ([MS-PSRP] 2.2.2.1): 2.1 PowerShell 2, 2.2 PowerShell 3 and 4, 2.3 PowerShell 5,
 * 2.4 PowerShell 7.6. A real server echoes the client's version from 2.0 to its own; to a later 2.x it
 * answers its own and goes on; to any other major version it answers its own and never opens.
 */

/** The versions this package speaks. */
export const protocolVersions = ['2.0', '2.1', '2.2', '2.3', '2.4'] as const;
/** A version this package speaks. */
export type ProtocolVersion = (typeof protocolVersions)[number];

/** The known version that `text` names, `2.3.0.0` being 2.3; `undefined` for any other. */
export function parseProtocolVersion(text: string): ProtocolVersion | undefined {
  return protocolVersions.find((version) => text === version || text.startsWith(`${version}.`));
}

/** Whether `version` is `least` or later. */
export function isAtLeast(version: ProtocolVersion, least: ProtocolVersion): boolean {
  return protocolVersions.indexOf(version) >= protocolVersions.indexOf(least);
}

/** What a server whose latest version is `own` answers to a client's version, and whether the pool opens. */
export function answerToClientVersion(
  clientVersion: string,
  own: ProtocolVersion,
): { readonly version: ProtocolVersion; readonly accepted: boolean } {
  const known = parseProtocolVersion(clientVersion);
  if (known !== undefined && isAtLeast(own, known)) return { version: known, accepted: true };
  return { version: own, accepted: /^2\.\d{1,9}(\.\d{1,9}){0,2}$/.test(clientVersion) };
}

/** The version in force for a client that announced `own` and was answered `serverVersion`; `undefined`: none. */
export function versionInForce(serverVersion: string, own: ProtocolVersion): ProtocolVersion | undefined {
  const known = parseProtocolVersion(serverVersion);
  return known !== undefined && isAtLeast(own, known) ? known : undefined;
}
