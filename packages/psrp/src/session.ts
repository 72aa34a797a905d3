/*
 * What a client of a remote PowerShell asks for and is told, apart from any transport. WS-Man sessions
 * and local PowerShell processes both offer `RemoteSession`; who consumes it need not know which.
 */
import type { PsProgress, PsValue } from './clixml/value.ts';

/** A parameter of a command. A switch has the value `{ kind: 'B', value: true }`; positional ones no name. */
export interface CommandParameter {
  readonly name?: string | undefined;
  readonly value: PsValue;
}

/** One command of a pipeline: a cmdlet's name, or script text where `isScript` is true. */
export interface PipelineCommand {
  readonly name: string;
  readonly parameters: readonly CommandParameter[];
  readonly isScript?: boolean;
}

/** What to run: one or more statements (`ExtraCmds` on the wire), each a pipeline of commands. */
export interface PipelineRequest {
  readonly statements: readonly (readonly PipelineCommand[])[];
  /** Adds the command's invocation information to the records of these streams; default none. */
  readonly invocationInfo?: boolean;
}

/** An error record ([MS-PSRP] 2.2.3.15), flattened to what a caller decides on; `raw` has all of it. */
export interface ErrorRecord {
  readonly message: string;
  readonly fullyQualifiedErrorId: string;
  /** `ErrorCategory` as its number, e.g. 17 for ParserError. */
  readonly category: number;
  readonly categoryActivity: string;
  readonly categoryReason: string;
  readonly categoryTargetName: string;
  readonly categoryTargetType: string;
  /** `ErrorCategory_Message`, e.g. `ParserError: (:) [], ParseException`. */
  readonly categoryMessage: string;
  /** The exception's type names, most derived first; empty where the record has none. */
  readonly exceptionTypeNames: readonly string[];
  /** `ErrorDetails.Message` where the record has one: what PowerShell shows in place of `message`. */
  readonly details: string | undefined;
  readonly raw: PsValue;
}

/** `PSInvocationState` ([MS-PSRP] 2.2.3.5). */
export const PipelineState = {
  NotStarted: 0,
  Running: 1,
  Stopping: 2,
  Stopped: 3,
  Completed: 4,
  Failed: 5,
  Disconnected: 6,
} as const;
export type PipelineState = (typeof PipelineState)[keyof typeof PipelineState];

/**
 * What a running pipeline tells. `output` carries the raw body of the message (CLIXML as UTF-8, the
 * byte-order mark removed; empty for `$null`), so that the consumer chooses how much of it to build:
 * everything (`decodeCliXml`) or a projection.
 */
export type PipelineEvent =
  | { readonly kind: 'output'; readonly body: Uint8Array }
  | { readonly kind: 'error'; readonly record: ErrorRecord }
  | { readonly kind: 'warning' | 'verbose' | 'debug'; readonly message: string; readonly raw: PsValue }
  | { readonly kind: 'information'; readonly raw: PsValue }
  | { readonly kind: 'progress'; readonly record: PsProgress; readonly raw: PsValue }
  | { readonly kind: 'state'; readonly state: PipelineState; readonly error: ErrorRecord | undefined };

/** Options of one invocation. */
export interface InvokeOptions {
  /** Pipeline input, sent in order and then ended. Without it the pipeline has no input. */
  readonly input?: AsyncIterable<PsValue> | Iterable<PsValue>;
  /** Stops the pipeline on the server, then makes the iteration throw the signal's reason. */
  readonly signal?: AbortSignal;
}

/** An open session on a remote (or local) PowerShell. One pipeline runs at a time. */
export interface RemoteSession {
  /** What the server said of itself: `protocolversion`, and APPLICATION_PRIVATE_DATA as decoded. */
  readonly server: { readonly protocolVersion: string; readonly applicationPrivateData: PsValue | undefined };
  /**
   * Runs a request. The last event is always `state` with Completed, Failed or Stopped: a failed pipeline
   * is a value, not an exception. The iteration throws when the session, not the pipeline, failed.
   * Leaving the loop early stops the pipeline on the server.
   */
  invoke(request: PipelineRequest, options?: InvokeOptions): AsyncIterable<PipelineEvent>;
  /** Closes the shell on the server; safe to call twice, within its own time limit, never throws. */
  close(): Promise<void>;
}
