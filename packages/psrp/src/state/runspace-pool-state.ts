/**
 * `RunspacePoolState` ([MS-PSRP] 2.2.3.4). Above 5 the specification's table and .NET's enumeration
 * disagree; PowerShell writes .NET's, and so these are.
 */
export const RunspacePoolState = {
  BeforeOpen: 0,
  Opening: 1,
  Opened: 2,
  Closed: 3,
  Closing: 4,
  Broken: 5,
  Disconnecting: 6,
  Disconnected: 7,
  Connecting: 8,
} as const;
/** One of the states of a runspace pool. */
export type RunspacePoolState = (typeof RunspacePoolState)[keyof typeof RunspacePoolState];

/** The name of a state, for messages. */
export function nameOfRunspacePoolState(state: RunspacePoolState): string {
  const found = Object.entries(RunspacePoolState).find(([, value]) => value === state);
  return found === undefined ? String(state) : found[0];
}
