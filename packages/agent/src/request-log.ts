import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type RequestNotice, requestChannelName } from '@exchange-connector/wsman';
import type { RunLog } from './log.ts';

/**
 * Logs the shape of each HTTP exchange at Verbose, until the returned function is called: operation, sizes,
 * time, and the routing headers that support asks for. Runs that are under way at once in one process see
 * each other's exchanges, as the transport knows no runs.
 */
export function logRequests(log: RunLog): () => void {
  const receive = (message: unknown): void => {
    const { operation, url, channel, milliseconds, requestBytes, responseBytes, status, server, errorCode } =
      message as RequestNotice;
    log.write('Verbose', `${operation} ${url}`, {
      channel,
      milliseconds: Math.round(milliseconds),
      requestBytes,
      responseBytes,
      status: status ?? null,
      error: errorCode ?? null,
      ...server,
    });
  };
  subscribe(requestChannelName, receive);
  return () => void unsubscribe(requestChannelName, receive);
}
