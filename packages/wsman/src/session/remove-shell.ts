/*
 * Removing a shell that another process left: Delete, with the shell's id and the cookies by which a front end
 * finds the server that holds it. [MS-WSMV] 3.1.4.4.2.
 */
import { FaultCode } from '../codec/fault-codes.ts';
import { resourceUriPrefix } from '../codec/names.ts';
import { WsmanError } from '../errors.ts';
import { checkAuthentication } from '../http/authentication.ts';
import { Channel } from '../http/channel.ts';
import { CookieStore } from '../http/cookie-store.ts';
import { ServerClock } from '../http/server-clock.ts';
import { parseEndpoint } from '../http/endpoint.ts';
import { defaultWsmanLimits } from '../limits.ts';
import type { WsmanSessionOptions } from './options.ts';
import { isFault, ShellClient } from './shell-client.ts';

/** Which shell, and how to reach its server. */
export interface LeftOverShell
  extends Pick<
    WsmanSessionOptions,
    'url' | 'connectAddress' | 'caPem' | 'authentication' | 'configurationName' | 'signal' | 'limits'
  > {
  readonly shellId: string;
  /** The cookies of the session that made it. */
  readonly cookies?: string | undefined;
}

/**
 * Removes a shell.
 * @returns `removed`, or `gone` where the server has none of that id, or none that this account may touch
 * @throws WsmanError where the server cannot be asked; the signal's reason
 */
export async function removeShell(shell: LeftOverShell): Promise<'removed' | 'gone'> {
  const endpoint = parseEndpoint(shell);
  checkAuthentication(shell.authentication, endpoint);
  const limits = { ...defaultWsmanLimits, ...shell.limits };
  const cookies = new CookieStore();
  if (shell.cookies !== undefined) cookies.restore(shell.cookies);
  const { authentication } = shell;
  const clock = new ServerClock();
  const channel = new Channel({ name: 'main', endpoint, authentication, cookies, clock, limits });
  const client = new ShellClient({
    url: endpoint.url,
    resourceUri: `${resourceUriPrefix}${shell.configurationName ?? 'Microsoft.Exchange'}`,
    operationTimeoutMs: limits.closeTimeoutMs,
    limits,
  });
  try {
    await client.perform({ kind: 'delete', shellId: shell.shellId }, { channel, phase: 'close', signal: shell.signal });
    return 'removed';
  } catch (error) {
    if (isFault(error, FaultCode.unexpectedSelectors, FaultCode.accessDenied)) return 'gone';
    if (error instanceof WsmanError && error.code === 'WSMAN_ACCESS_DENIED') return 'gone';
    throw error;
  } finally {
    channel.close(new WsmanError('WSMAN_SESSION_CLOSED', 'the shell was removed', { phase: 'close' }));
  }
}
