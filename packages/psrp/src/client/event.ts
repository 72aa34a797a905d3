import type { PsValue } from '../clixml/value.ts';
import type { PsrpError } from '../errors.ts';
import type { Guid } from '../guid.ts';
import type { HostCall } from '../message/host-call.ts';
import type { ErrorRecord, PipelineEvent } from '../session.ts';
import type { RunspacePoolState } from '../state/runspace-pool-state.ts';

/** What {@link ClientRunspacePool.receive} found in the bytes it was given, in order. */
export type ClientEvent =
  /** SESSION_CAPABILITY came and was accepted. From 2.2 on the WS-Man envelope may grow to 500 KB. */
  | { readonly kind: 'poolNegotiated'; readonly protocolVersion: string }
  | { readonly kind: 'applicationPrivateData'; readonly value: PsValue }
  | { readonly kind: 'poolOpened' }
  /** The pool is over, with the server's reason: limits and refused authorization arrive here. */
  | { readonly kind: 'poolBroken'; readonly error: ErrorRecord | undefined }
  | { readonly kind: 'poolClosed' }
  /** Any other change of the pool's state. */
  | { readonly kind: 'poolState'; readonly state: RunspacePoolState }
  | { readonly kind: 'pipeline'; readonly pipelineId: Guid; readonly event: PipelineEvent }
  /**
   * The server called the host. `answered` says whether an answer was owed and has been queued: a refusal.
   * `pipelineId` is undefined for a call of the pool itself.
   */
  | {
      readonly kind: 'hostCall';
      readonly pipelineId: Guid | undefined;
      readonly call: HostCall;
      readonly answered: boolean;
    }
  /** RUNSPACE_AVAILABILITY: the answer to a request made with that call id. */
  | { readonly kind: 'runspaceAvailability'; readonly callId: bigint; readonly value: boolean | bigint }
  /** RUNSPACEPOOL_INIT_DATA, after CONNECT_RUNSPACEPOOL. */
  | { readonly kind: 'poolInitData'; readonly minRunspaces: number; readonly maxRunspaces: number }
  | { readonly kind: 'userEvent'; readonly raw: PsValue }
  /** The session key was exchanged: what waited for it (commands with a SecureString) is queued now. */
  | { readonly kind: 'sessionKeyEstablished' }
  /**
   * The peer broke the protocol, or data was lost (`PSRP_FRAGMENT_GAP`). Reported once for the pool: the
   * pool is Broken after it and whatever is received later is dropped.
   */
  | { readonly kind: 'protocolViolation'; readonly source: Guid | 'pool'; readonly error: PsrpError };
