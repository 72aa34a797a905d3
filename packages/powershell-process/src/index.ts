export { PowerShellProcessError, type PowerShellProcessErrorCode, type PowerShellProcessRecovery } from './errors.ts';
