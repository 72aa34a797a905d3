import type { Readable, Writable } from 'node:stream';

/** A two-way stream of bytes to a PowerShell, and how it ends. */
export interface Transport {
  /** For messages, e.g. `the PowerShell /usr/bin/pwsh (process 4711)`. */
  readonly name: string;
  readonly incoming: Readable;
  readonly outgoing: Writable;
  /** Resolved with how it ended, in words, once the peer is gone. Never rejected. */
  readonly ended: Promise<string>;
  /** What the peer has said beside the protocol, in words for a message; empty where nothing. */
  said(): string;
  /** Ends it: in peace within the limit, else by force. Never throws. */
  end(limitMs: number): Promise<void>;
  /** Ends it by force, at once. */
  destroy(): void;
}
