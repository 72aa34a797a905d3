/*
 * Fault codes of WinRM and of Windows that a client of remote PowerShell meets, with what they mean to it.
 * [MS-WSMV] 2.2.4.43 (WSManFault), wsmerror.h. Codes are unsigned here; a service may write the same number
 * signed (-2144108135).
 */
import type { WsmanRecovery } from '../errors.ts';

/** Codes by name; the names are those of wsmerror.h and winerror.h, shortened. */
export const FaultCode = {
  accessDenied: 5,
  invalidParameter: 87,
  operationAborted: 995,
  cancelled: 1223,
  internalError: 1359,
  fileNotFound: 2147942402,
  actionNotSupported: 2150858771,
  invalidTimeout: 2150858767,
  operationTimedOut: 2150858793,
  alreadyExists: 2150858803,
  encodingLimit: 2150858805,
  invalidResourceUri: 2150858811,
  schemaValidation: 2150858817,
  unexpectedSelectors: 2150858843,
  receiveInProgress: 2150859047,
  redirectRequested: 2150859161,
  quotaMaxShells: 2150859173,
  quotaMaxOperations: 2150859174,
  shellDisconnected: 2150859204,
  commandTerminated: 2150859212,
  streamDisconnected: 2150859230,
} as const;

/** What a fault means to a client. */
export interface FaultMeaning {
  /** One sentence for a person: what it says and what to do. */
  readonly meaning: string;
  readonly recovery: WsmanRecovery;
}

const table = new Map<number, FaultMeaning>([
  [
    FaultCode.accessDenied,
    {
      meaning:
        'the account may not open a session here: check its right to remote PowerShell (RemotePowerShellEnabled) and its roles',
      recovery: 'none',
    },
  ],
  [
    FaultCode.invalidParameter,
    {
      meaning:
        'the server takes a part of the request for invalid; a configuration name that is not on this server gives this too',
      recovery: 'none',
    },
  ],
  [
    FaultCode.operationAborted,
    {
      meaning: 'the operation was aborted on the server: the shell was closed, or the service is shutting down',
      recovery: 'reopen-session',
    },
  ],
  [FaultCode.cancelled, { meaning: 'the operation was cancelled on the server', recovery: 'reopen-session' }],
  [
    FaultCode.internalError,
    {
      meaning: 'an internal error of the service; also what it answers while it still works on the same message',
      recovery: 'ask-again',
    },
  ],
  [
    FaultCode.fileNotFound,
    { meaning: 'the configuration names something that is not on the server', recovery: 'none' },
  ],
  [FaultCode.encodingLimit, { meaning: 'a message exceeds the size that this server allows', recovery: 'none' }],
  [
    FaultCode.invalidTimeout,
    { meaning: 'the server does not accept this operation timeout: choose another OperationTimeout', recovery: 'none' },
  ],
  [
    FaultCode.actionNotSupported,
    { meaning: 'what answers here does not serve remote shells: this is no PowerShell directory', recovery: 'none' },
  ],
  [
    FaultCode.schemaValidation,
    { meaning: 'the server finds the request malformed: something in between may have changed it', recovery: 'none' },
  ],
  [
    FaultCode.operationTimedOut,
    { meaning: 'nothing to tell within the operation timeout; ask again', recovery: 'ask-again' },
  ],
  [FaultCode.alreadyExists, { meaning: 'a shell or command of this id exists already', recovery: 'reopen-session' }],
  [
    FaultCode.invalidResourceUri,
    {
      meaning:
        'this address does not serve the configuration asked for: Exchange answers at /PowerShell/ on port 80 or 443, not at /wsman on 5985',
      recovery: 'none',
    },
  ],
  [
    FaultCode.unexpectedSelectors,
    {
      meaning:
        'the server does not know the shell or command any more: it has ended, expired, or the request reached another server (lost affinity cookie)',
      recovery: 'reopen-session',
    },
  ],
  [
    FaultCode.receiveInProgress,
    { meaning: 'another Receive is still outstanding for this command', recovery: 'ask-again' },
  ],
  [FaultCode.redirectRequested, { meaning: 'the server asks to go to another address', recovery: 'none' }],
  [
    FaultCode.quotaMaxShells,
    {
      meaning: 'the account has as many shells open as it may: close others, or wait until they expire',
      recovery: 'retry-after-delay',
    },
  ],
  [
    FaultCode.quotaMaxOperations,
    { meaning: 'the account has as many operations under way as it may', recovery: 'retry-after-delay' },
  ],
  [FaultCode.shellDisconnected, { meaning: 'the shell was disconnected on the server', recovery: 'reopen-session' }],
  [FaultCode.commandTerminated, { meaning: 'the command was terminated on the server', recovery: 'reopen-session' }],
  [FaultCode.streamDisconnected, { meaning: 'the shell was disconnected on the server', recovery: 'reopen-session' }],
]);

/** The meaning of a code; for one not in the table a neutral sentence and no recovery. */
export function faultMeaning(code: number | undefined): FaultMeaning | undefined {
  return code === undefined ? undefined : table.get(code);
}

/** The unsigned form of a code in decimal, signed or not, or in hexadecimal with `0x`; `undefined` for other text. */
export function parseFaultCode(text: string): number | undefined {
  const trimmed = text.trim();
  if (!/^(?:-?\d{1,10}|0x[0-9a-fA-F]{1,8})$/.test(trimmed)) return undefined;
  const value = Number(trimmed);
  return value >= -0x8000_0000 && value <= 0xffff_ffff ? value >>> 0 : undefined;
}
