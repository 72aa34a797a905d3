import type { PsValue } from '../clixml/value.ts';
import type { PsrpLimits } from '../limits.ts';
import type { SessionKeyPort } from '../session-key.ts';

/** What a ServerRunspacePool is made with. */
export interface ServerRunspacePoolOptions {
  /** The latest version spoken; default 2.3. */
  readonly maxProtocolVersion?: '2.1' | '2.2' | '2.3' | '2.4';
  /** A dictionary; default Nil. */
  readonly applicationPrivateData?: PsValue;
  /** Cryptography for SecureStrings up to 2.3. */
  readonly sessionKey?: SessionKeyPort;
  readonly limits?: Partial<PsrpLimits>;
}
