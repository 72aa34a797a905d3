/*
 * What this package tells to whoever listens, through node:diagnostics_channel: the shape of each exchange,
 * never a body, a token, a cookie or a password.
 */
import { channel } from 'node:diagnostics_channel';

/** The name of the channel that tells of every HTTP exchange, once it has ended. */
export const requestChannelName = 'exchange-connector.wsman.request';

/** One HTTP exchange. Sizes in bytes of HTTP bodies as they went over the wire, times in milliseconds. */
export interface RequestNotice {
  /** `Create`, `Receive`, `Command`, `Send`, `Signal`, `Delete`, `Get`, or `authenticate` for an empty POST. */
  readonly operation: string;
  readonly url: string;
  /** Which of the session's channels: `main`, or `control` beside an outstanding Receive. */
  readonly channel: string;
  readonly milliseconds: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** HTTP status; undefined where no answer came. */
  readonly status: number | undefined;
  /** Routing headers of the answer that Exchange's proxy writes, where present: for support cases. */
  readonly server: Readonly<Record<string, string>>;
  /** The code of the error that ended the exchange. */
  readonly errorCode: string | undefined;
}

const requests = channel(requestChannelName);

/** Whether anybody listens. */
export function requestsObserved(): boolean {
  return requests.hasSubscribers;
}

export function publishRequest(notice: RequestNotice): void {
  requests.publish(notice);
}
