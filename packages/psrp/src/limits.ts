/*
 * Limits on what a peer can make this side hold. Each has a name, a unit and a reason.
 */

/** Limits of a runspace pool, client or server side. All are counts or bytes of decoded PSRP data. */
export interface PsrpLimits {
  /**
   * Bytes of one message, header included. A server refuses received objects above 75 MB by default;
   * what neither side would accept is not worth holding.
   */
  readonly maxMessageBytes: number;
  /** Bytes of one outgoing fragment, its 21-byte header included: real servers and clients use 32,768. */
  readonly maxFragmentBytes: number;
  /** Fragments of one message: a peer that sends tiny fragments costs bookkeeping, not data. */
  readonly maxFragmentsPerMessage: number;
  /** Pipelines alive at once in one pool: each holds queues and an unfinished message. */
  readonly maxPipelines: number;
  /** Messages queued to be taken by the transport, over all targets: a caller that never drains is in error. */
  readonly maxQueuedMessages: number;
  /** Bytes queued to be taken by the transport, over all targets. */
  readonly maxQueuedBytes: number;
}

/** The limits in force unless others are given. */
export const defaultPsrpLimits: PsrpLimits = {
  maxMessageBytes: 78_643_200,
  maxFragmentBytes: 32_768,
  maxFragmentsPerMessage: 1_000_000,
  maxPipelines: 1_000,
  maxQueuedMessages: 1_000_000,
  maxQueuedBytes: 1_073_741_824,
};
