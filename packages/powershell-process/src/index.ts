export { PowerShellProcessError, type PowerShellProcessErrorCode, type PowerShellProcessRecovery } from './errors.ts';
export { runScript, type ScriptEnd, type ScriptRun } from './run-script.ts';
