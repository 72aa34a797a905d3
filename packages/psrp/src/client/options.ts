import type { PsValue } from '../clixml/value.ts';
import type { Guid } from '../guid.ts';
import type { PsrpLimits } from '../limits.ts';
import type { SessionKeyPort } from '../session-key.ts';

/** What a ClientRunspacePool is made with. */
export interface ClientRunspacePoolOptions {
  /** The RPID: a fresh GUID; over WS-Man also the ShellId. */
  readonly id: Guid;
  /** The version announced; the server may answer an earlier one. Default 2.3, that of Windows PowerShell 5. */
  readonly protocolVersion?: '2.1' | '2.2' | '2.3' | '2.4';
  /** Default 1. */
  readonly minRunspaces?: number;
  /** Default 1. */
  readonly maxRunspaces?: number;
  /** Cryptography for SecureStrings up to 2.3; without it a request that holds one is refused. */
  readonly sessionKey?: SessionKeyPort;
  /**
   * When the session key is exchanged up to 2.3: `on-demand`, when the first SecureString is to be sent or the
   * server asks (the default: making a key pair costs some 100 ms), or `at-open`. A server of 2.2 or later sends
   * SecureStrings without asking: who wants to read them says `at-open`, or `exchangeSessionKey()`
   * when one has come.
   */
  readonly keyExchange?: 'on-demand' | 'at-open';
  /** `ApplicationArguments`: a dictionary for `$PSSenderInfo.ApplicationArguments`; default Nil. */
  readonly applicationArguments?: PsValue;
  readonly limits?: Partial<PsrpLimits>;
}
