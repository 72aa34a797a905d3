import type { SessionKeyPort } from '@exchange-connector/psrp';
import type { WsmanAuthentication } from '../http/authentication.ts';
import type { WsmanLimits } from '../limits.ts';

/**
 * What becomes of the shell of a session, told before anything else is done: who notes it down can remove the
 * shell with {@link removeShell} after a death that left it behind.
 */
export type ShellNotice =
  /** Its creation is about to be asked for; the server may take the id that is proposed to it. */
  | { readonly kind: 'creating'; readonly shellId: string; readonly url: string }
  /** It is there, under this id (perhaps another one than was proposed), behind these cookies. */
  | {
      readonly kind: 'created';
      readonly proposedId: string;
      readonly shellId: string;
      readonly url: string;
      readonly cookies: string | undefined;
    }
  /** It is not there any more, or never was. */
  | { readonly kind: 'gone'; readonly shellId: string };

/** How to open a session. Times in milliseconds. */
export interface WsmanSessionOptions {
  /** `http://mailbox01.contoso.com/PowerShell/`, or `https`. */
  readonly url: string;
  /** What to dial where it is not the URL's host: `host`, `host:port`, `[v6]:port`. The name stays that of the URL. */
  readonly connectAddress?: string | undefined;
  /** PEM of the CA (or CAs) that signs the server's certificate, in place of the public ones. */
  readonly caPem?: string | undefined;
  readonly authentication: WsmanAuthentication;
  /** Default `Microsoft.Exchange`. */
  readonly configurationName?: string | undefined;
  /** How long a quiet Receive may take on the server; default 60,000. */
  readonly operationTimeoutMs?: number | undefined;
  /** Default 30,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Cancels the opening; what was opened by then is closed. Later on each `invoke` has a signal of its own. */
  readonly signal?: AbortSignal | undefined;
  /** A query for the URL, `TargetServer=ex01;ExchClientVer=15.1.2507.6`; default none. */
  readonly query?: string | undefined;
  /** Default `2.3`. */
  readonly protocolVersion?: '2.1' | '2.2' | '2.3' | '2.4' | undefined;
  /** Cryptography for SecureStrings; default node:crypto. */
  readonly sessionKey?: SessionKeyPort | undefined;
  /** `at-open` exchanges the session key while opening, so that the server can send SecureStrings; default `on-demand`. */
  readonly keyExchange?: 'on-demand' | 'at-open' | undefined;
  /** Asks the server to keep an idle shell no longer than this. */
  readonly idleTimeoutMs?: number | undefined;
  readonly limits?: Partial<WsmanLimits> | undefined;
  /** Told at once, synchronously; what it throws ends the opening. */
  readonly onShell?: ((notice: ShellNotice) => void) | undefined;
}
