/** Bounds of a session. Milliseconds and bytes. */
export interface WsmanLimits {
  /** A connection, TLS included, must stand within this. */
  readonly connectTimeoutMs: number;
  /**
   * Of a name with several addresses one that does not answer is left for the next after this. Node's own half second
   * is less than a lost packet takes to be sent again, and less than some ways around the world.
   */
  readonly addressTimeoutMs: number;
  /** How much longer than the operation timeout an answer may take to begin: the way there and back, and a busy server. */
  readonly answerMarginMs: number;
  /** The longest silence inside an answer's body. */
  readonly stallTimeoutMs: number;
  /** The whole body of one answer must be here within this: a peer that drips may not hold a run for ever. */
  readonly bodyTimeoutMs: number;
  /** An envelope is 512,000 bytes at most; sealing adds 100, and some servers overdraw. */
  readonly maxResponseBytes: number;
  /** Envelopes of either side, as MaxEnvelopeSize says it; 153,600 at most until the server has shown PSRP 2.2. */
  readonly maxEnvelopeBytes: number;
  /** From the answered Create to the pool's Opened. */
  readonly openTimeoutMs: number;
  /**
   * From the stop signal to the end of the pipeline's output; then the session is given up and its shell deleted,
   * which ends the pipeline too. Short, because somebody waits who has cancelled, or whose time is up.
   */
  readonly stopTimeoutMs: number;
  /** How long closing a command that has ended may take. */
  readonly terminateTimeoutMs: number;
  /** All that closing may take. */
  readonly closeTimeoutMs: number;
  /** How often in a row one Receive is asked again after its connection was cut. */
  readonly receiveRetries: number;
}

export const defaultWsmanLimits: WsmanLimits = {
  connectTimeoutMs: 30_000,
  addressTimeoutMs: 5_000,
  answerMarginMs: 30_000,
  stallTimeoutMs: 30_000,
  bodyTimeoutMs: 120_000,
  maxResponseBytes: 4 * 1024 * 1024,
  maxEnvelopeBytes: 512_000,
  openTimeoutMs: 180_000,
  stopTimeoutMs: 4_000,
  terminateTimeoutMs: 15_000,
  closeTimeoutMs: 5_000,
  receiveRetries: 5,
};
