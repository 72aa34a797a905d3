import type { PsValue } from '../clixml/value.ts';
import type { PsrpError } from '../errors.ts';
import type { Guid } from '../guid.ts';
import type { HostResponse } from '../message/host-call.ts';
import type { PipelineRequest } from '../session.ts';

/** What {@link ServerRunspacePool.receive} found in the bytes it was given, in order. */
export type ServerEvent =
  /**
   * SESSION_CAPABILITY and INIT_RUNSPACEPOOL came: answer with `openPool()` or `breakPool(error)`.
   * `poolId` is the client's RPID.
   */
  | {
      readonly kind: 'poolOpening';
      readonly poolId: Guid;
      readonly clientVersion: string;
      readonly protocolVersion: string;
      readonly minRunspaces: number;
      readonly maxRunspaces: number;
      readonly hostIsNull: boolean;
      readonly applicationArguments: PsValue | undefined;
    }
  /** The client's version is not to be spoken: our own was answered and the pool never opens. */
  | { readonly kind: 'versionRefused'; readonly clientVersion: string }
  /** CONNECT_RUNSPACEPOOL: a client takes a disconnected pool up again; answer with `connectPool()`. */
  | {
      readonly kind: 'poolConnecting';
      readonly minRunspaces: number | undefined;
      readonly maxRunspaces: number | undefined;
    }
  /** CREATE_PIPELINE. `id` is the source it came from; the pipeline is Running from here on. */
  | {
      readonly kind: 'pipelineCreated';
      readonly id: Guid;
      readonly request: PipelineRequest;
      readonly hasInput: boolean;
      readonly hostIsNull: boolean;
      readonly addToHistory: boolean;
    }
  /** One object of pipeline input; an empty body is `$null`. */
  | { readonly kind: 'input'; readonly id: Guid; readonly body: Uint8Array }
  | { readonly kind: 'inputEnded'; readonly id: Guid }
  | { readonly kind: 'hostResponse'; readonly id: Guid | undefined; readonly response: HostResponse }
  /** GET_AVAILABLE_RUNSPACES: answer with `runspaceAvailability(callId, count)`. */
  | { readonly kind: 'availableRunspacesAsked'; readonly callId: bigint }
  /** SET_MAX_RUNSPACES, SET_MIN_RUNSPACES: answer with `runspaceAvailability(callId, accepted)`. */
  | { readonly kind: 'maxRunspacesAsked' | 'minRunspacesAsked'; readonly callId: bigint; readonly count: number }
  /** RESET_RUNSPACE_STATE: answer with `runspaceAvailability(callId, done)`. */
  | { readonly kind: 'resetRunspaceAsked'; readonly callId: bigint }
  /** GET_COMMAND_METADATA: a pipeline that asks for commands by name pattern; answer as to any pipeline. */
  | {
      readonly kind: 'commandMetadataAsked';
      readonly id: Guid;
      readonly names: readonly string[];
      readonly raw: PsValue;
    }
  /** The session key was exchanged: SecureStrings can be read and written. */
  | { readonly kind: 'sessionKeyEstablished' }
  /** The peer broke the protocol: reported once; the pool is Broken and drops what is received later. */
  | { readonly kind: 'protocolViolation'; readonly source: Guid | 'pool'; readonly error: PsrpError };
