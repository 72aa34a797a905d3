import type { PsSecureString, PsValue } from '../clixml/value.ts';
import { PsrpError } from '../errors.ts';
import type { Guid } from '../guid.ts';
import type { PsrpLimits } from '../limits.ts';
import type { ErrorRecordInit } from '../message/error-record-init.ts';
import type { InformationInit, ProgressInit } from '../message/record-init.ts';
import type { SessionKeyPort } from '../session-key.ts';
import type { PipelineState } from '../session.ts';
import type { RunspacePoolState } from '../state/runspace-pool-state.ts';
import type { ServerEvent } from './event.ts';

export interface ServerRunspacePoolOptions {
  readonly maxProtocolVersion?: '2.1' | '2.2' | '2.3' | '2.4';
  readonly applicationPrivateData?: PsValue;
  readonly sessionKey?: SessionKeyPort;
  readonly limits?: Partial<PsrpLimits>;
}

const notYet = (): never => {
  throw new PsrpError('PSRP_STATE_INVALID', 'being written');
};

export class ServerRunspacePool {
  constructor(_options: ServerRunspacePoolOptions = {}) {}
  get state(): RunspacePoolState {
    return notYet();
  }
  receive(_source: Guid | 'pool', _bytes: Uint8Array): readonly ServerEvent[] {
    return notYet();
  }
  openPool(): void {
    notYet();
  }
  breakPool(_error: ErrorRecordInit): void {
    notYet();
  }
  /** RUNSPACEPOOL_STATE Closing, then Closed, as a real server says on close. */
  closePool(): void {
    notYet();
  }
  /** Answers GET_AVAILABLE_RUNSPACES (a count) and SET_MAX/MIN_RUNSPACES, RESET_RUNSPACE_STATE (a Boolean). */
  runspaceAvailability(_callId: bigint, _value: boolean | bigint): void {
    notYet();
  }
  /** One output object; a Uint8Array is a CLIXML body without byte-order mark (empty for `$null`), sent as it is. */
  output(_id: Guid, _body: Uint8Array | PsValue): void {
    notYet();
  }
  error(_id: Guid, _record: ErrorRecordInit): void {
    notYet();
  }
  warning(_id: Guid, _text: string): void {
    notYet();
  }
  verbose(_id: Guid, _text: string): void {
    notYet();
  }
  debug(_id: Guid, _text: string): void {
    notYet();
  }
  information(_id: Guid, _record: InformationInit): void {
    notYet();
  }
  progress(_id: Guid, _record: ProgressInit): void {
    notYet();
  }
  hostCall(_id: Guid | 'pool', _call: { callId: bigint; methodId: number; parameters: readonly PsValue[] }): void {
    notYet();
  }
  /** Ends a pipeline: Completed, Failed or Stopped (these two with an error, as the real server gives). */
  finish(_id: Guid, _state: PipelineState, _error?: ErrorRecordInit): void {
    notYet();
  }
  /** Forgets a pipeline: its queues are dropped with it. */
  forgetPipeline(_id: Guid): void {
    notYet();
  }
  hasOutgoing(_target: Guid | 'pool'): boolean {
    return notYet();
  }
  takeOutgoing(_target: Guid | 'pool', _maxBytes: number): Uint8Array | undefined {
    return notYet();
  }
  /** One fragment, as each stands in an `rsp:Stream` of its own on a real server. */
  takeFragment(_target: Guid | 'pool', _maxBytes: number): Uint8Array | undefined {
    return notYet();
  }
  revealSecureString(_value: PsSecureString): string | undefined {
    return notYet();
  }
}
