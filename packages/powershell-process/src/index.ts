export { PowerShellProcessError, type PowerShellProcessErrorCode, type PowerShellProcessRecovery } from './errors.ts';
export { findPowerShell, type FoundPowerShell, powerShellVariable } from './find-power-shell.ts';
export { defaultPowerShellSessionLimits, type PowerShellSessionLimits } from './limits.ts';
export { type LocalSession, type LocalSessionOptions, openLocalSession } from './local-session.ts';
export { openPipeSession, pipeNameFault, type PipeSessionOptions } from './pipe-session.ts';
export { runScript, type ScriptEnd, type ScriptRun } from './run-script.ts';
export type { PowerShellSession, PowerShellSessionOptions } from './session/session.ts';
