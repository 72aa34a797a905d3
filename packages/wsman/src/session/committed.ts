/*
 * Operations that make something on the server (a shell, a command): cancelled before they are sent, they end
 * at once; after that their answer is waited for a little, because it holds the id by which to undo them.
 */
import { isAnswerLostBehind } from '../codec/fault.ts';
import { WsmanError, type WsmanErrorCode } from '../errors.ts';
import { settledWithin } from '../waiting.ts';

/** What an operation gets: a signal that is aborted only while nothing has been sent, and a call for when it has. */
export interface OnceSent {
  readonly signal: AbortSignal;
  readonly onSent: () => void;
}

export interface Undoing<T> {
  /** The operation was done after all. */
  readonly undo: (value: T) => Promise<void>;
  /** It was sent, and no answer came within the last while, or the connection was cut. */
  readonly outcomeUnknown: () => Promise<void>;
}

/**
 * Runs the operation.
 * @throws its error; when cancelled the signal's reason, after undoing
 */
export async function committed<T>(
  operation: (once: OnceSent) => Promise<T>,
  signal: AbortSignal | undefined,
  graceMs: number,
  undoing: Undoing<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const beforeSending = new AbortController();
  let sent = false;
  let giveUp: (() => void) | undefined;
  const cancelled = new Promise<'cancelled'>((resolve) => {
    giveUp = () => {
      if (!sent) beforeSending.abort(signal?.reason);
      resolve('cancelled');
    };
  });
  if (giveUp !== undefined) signal?.addEventListener('abort', giveUp, { once: true });
  const running = operation({
    signal: beforeSending.signal,
    onSent: () => {
      sent = true;
    },
  });
  try {
    if ((await Promise.race([running, cancelled])) !== 'cancelled') return await running;
  } catch (error) {
    if (sent && signal?.aborted !== true) await undoWhereLost(error, undoing);
    throw error;
  } finally {
    if (giveUp !== undefined) signal?.removeEventListener('abort', giveUp);
  }
  const settled = await settledWithin(running, graceMs);
  if (settled.kind === 'value') await undoing.undo(settled.value);
  else if (sent && settled.kind === 'late') await undoing.outcomeUnknown();
  else if (sent && settled.kind === 'error') await undoWhereLost(settled.error, undoing);
  throw signal?.reason;
}

async function undoWhereLost<T>(error: unknown, undoing: Undoing<T>): Promise<void> {
  if (isOutcomeOpen(error)) await undoing.outcomeUnknown();
}

const lostAnswers: ReadonlySet<WsmanErrorCode> = new Set([
  'WSMAN_CONNECTION_LOST',
  'WSMAN_TIMED_OUT',
  'WSMAN_RESPONSE_INVALID',
  'WSMAN_LIMIT_EXCEEDED',
]);

/**
 * Whether an error leaves open if what was sent was done: its answer was lost or unreadable, here or between a proxy or
 * Exchange's front end and the server behind it.
 */
export function isOutcomeOpen(error: unknown): boolean {
  if (!(error instanceof WsmanError)) return false;
  if (error.code === 'WSMAN_HTTP_ERROR') return error.status === 502 || error.status === 504;
  if (error.code === 'WSMAN_FAULT') return isAnswerLostBehind(error.message);
  return lostAnswers.has(error.code);
}
