import type { PsSecureString, PsValue } from '../clixml/value.ts';
import { PsrpError } from '../errors.ts';
import type { Guid } from '../guid.ts';
import type { PsrpLimits } from '../limits.ts';
import type { SessionKeyPort } from '../session-key.ts';
import type { PipelineRequest } from '../session.ts';
import type { RunspacePoolState } from '../state/runspace-pool-state.ts';
import type { ClientEvent } from './event.ts';

export interface ClientRunspacePoolOptions {
  readonly id: Guid;
  readonly protocolVersion?: '2.1' | '2.2' | '2.3' | '2.4';
  readonly minRunspaces?: number;
  readonly maxRunspaces?: number;
  readonly sessionKey?: SessionKeyPort;
  readonly keyExchange?: 'on-demand' | 'at-open';
  readonly applicationArguments?: PsValue;
  readonly limits?: Partial<PsrpLimits>;
}

const notYet = (): never => {
  throw new PsrpError('PSRP_STATE_INVALID', 'being written');
};

export class ClientRunspacePool {
  readonly id: Guid;
  constructor(options: ClientRunspacePoolOptions) {
    this.id = options.id;
  }
  get state(): RunspacePoolState {
    return notYet();
  }
  get server(): { readonly protocolVersion: string; readonly applicationPrivateData: PsValue | undefined } {
    return notYet();
  }
  open(): void {
    notYet();
  }
  startPipeline(_id: Guid, _request: PipelineRequest, _options: { hasInput: boolean }): void {
    notYet();
  }
  sendInput(_id: Guid, _value: PsValue): void {
    notYet();
  }
  endInput(_id: Guid): void {
    notYet();
  }
  /** Forgets a pipeline whose end the transport has seen; what still arrives for it is dropped. */
  forgetPipeline(_id: Guid): void {
    notYet();
  }
  close(): void {
    notYet();
  }
  hasOutgoing(_target: Guid | 'pool'): boolean {
    return notYet();
  }
  takeOutgoing(_target: Guid | 'pool', _maxBytes: number): Uint8Array | undefined {
    return notYet();
  }
  outgoingStream(_target: Guid | 'pool'): 'stdin' | 'pr' {
    return notYet();
  }
  receive(_source: Guid | 'pool', _bytes: Uint8Array): readonly ClientEvent[] {
    return notYet();
  }
  revealSecureString(_value: PsSecureString): string | undefined {
    return notYet();
  }
}
