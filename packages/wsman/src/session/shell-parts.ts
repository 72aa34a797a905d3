/* What an opened session consists of, and what is done with it from more than one place. */
import type { ClientEvent, ClientRunspacePool, Guid } from '@exchange-connector/psrp';
import { FaultCode } from '../codec/fault-codes.ts';
import { WsmanError } from '../errors.ts';
import type { Channel } from '../http/channel.ts';
import type { ServerClock } from '../http/server-clock.ts';
import type { WsmanLimits } from '../limits.ts';
import { settledWithin } from '../waiting.ts';
import type { ContinuityWatch } from './continuity.ts';
import type { ShellNotice } from './options.ts';
import { poolBroken, protocolViolation } from './pool-errors.ts';
import { isFault, type OperationOptions, type ShellClient } from './shell-client.ts';

/** What an opened session consists of. */
export interface SessionParts {
  readonly client: ShellClient;
  readonly pool: ClientRunspacePool;
  readonly main: Channel;
  readonly control: Channel;
  readonly url: string;
  readonly shellId: string;
  readonly idleTimeoutMs: number | undefined;
  readonly limits: WsmanLimits;
  readonly continuity: ContinuityWatch;
  readonly onShell: (notice: ShellNotice) => void;
  readonly clock: ServerClock;
}

/** Sends all that the pool has for a target, in as few requests as fit. */
export async function sendAll(
  pool: ClientRunspacePool,
  target: Guid | 'pool',
  client: ShellClient,
  shellId: string,
  commandId: string | undefined,
  options: OperationOptions,
): Promise<void> {
  while (pool.hasOutgoing(target)) {
    const stream = pool.outgoingStream(target);
    const body = { kind: 'send', shellId, commandId, stream, data: new Uint8Array(0) } as const;
    const data = pool.takeOutgoing(target, client.capacity(body));
    if (data === undefined) return;
    await client.perform({ ...body, data }, options);
  }
}

/**
 * Deletes a shell over the first channel, over the second where that fails; never throws, within the limit.
 * @returns whether the shell is known to be gone
 */
export async function deleteShell(
  client: ShellClient,
  shellId: string,
  channels: readonly Channel[],
  limits: WsmanLimits,
): Promise<boolean> {
  const signal = AbortSignal.timeout(limits.closeTimeoutMs);
  for (const channel of channels) {
    if (signal.aborted) return false;
    // Half the time, so that the second channel has its turn where the first hangs.
    const settled = await settledWithin(
      client.perform({ kind: 'delete', shellId }, { channel, phase: 'close', signal }),
      limits.closeTimeoutMs / 2,
    );
    if (settled.kind === 'value' || (settled.kind === 'error' && isFault(settled.error, FaultCode.unexpectedSelectors)))
      return true;
  }
  return false;
}

/** Throws for those events of the pool after which a session is over. */
export function refusePoolEnd(event: ClientEvent, url: string): void {
  if (event.kind === 'poolBroken') throw poolBroken(event.error, url, 'run');
  if (event.kind === 'protocolViolation') throw protocolViolation(event.error, url, 'run');
  if (event.kind === 'poolClosed') {
    throw new WsmanError('WSMAN_SESSION_CLOSED', `the server closed the session at ${url}`, {
      url,
      recovery: 'reopen-session',
    });
  }
}
