/* `WaitForMove`: the request of a move is followed until it has ended. */
import type { Step } from '@exchange-connector/connector';
import { type CommandParameter, createProjection, psString, textOf } from '@exchange-connector/psrp';
import type { BatchPorts, BatchSession } from './batch-session.ts';
import { refusalOf } from './live-reader.ts';

/** A move takes minutes to hours. */
const pollMs = 15_000;

interface MoveError {
  readonly class: string;
  readonly reason: string;
  readonly errorId: string;
}

interface Following {
  readonly session: BatchSession;
  readonly ports: BatchPorts;
  readonly signal: AbortSignal;
  readonly onNote: (message: string) => void;
}

/** What `Get-MoveRequestStatistics` says; the words are those of Exchange. */
const ended = /^Completed/i;
const failed = /Failed|Suspended/i;

/**
 * Follows a move until it has ended.
 * @returns why it did not end well; undefined where it did
 * @throws SessionLostError
 */
export async function followMove(parts: Following, step: Step): Promise<MoveError | undefined> {
  const { session, ports, signal, onNote } = parts;
  const identity = step.object.guid ?? step.object.name;
  const projection = createProjection(['Status', 'PercentComplete', 'Message']);
  let told = '';
  for (;;) {
    const parameters: CommandParameter[] = [{ name: 'Identity', value: psString(identity) }];
    const controller = session.domainControllerOf(step.object.domain);
    if (controller !== undefined) parameters.push({ name: 'DomainController', value: psString(controller) });
    const answer = await session.run(
      { statements: [[{ name: 'Get-MoveRequestStatistics', parameters }]] },
      `following the move of ${step.object.name}`,
    );
    const refusal = refusalOf(answer);
    if (refusal !== undefined && refusal.class !== 'transient')
      return { ...refusal, reason: `the move is queued, and cannot be followed: ${refusal.reason}` };
    const [body] = answer.bodies;
    const [status, percent, message] = (body === undefined ? [] : projection.read(body)).map((value) =>
      value === undefined ? '' : (textOf(value) ?? ''),
    );
    const shown = `${status ?? ''} ${percent ?? ''}%`;
    if (body !== undefined && shown !== told) onNote(`move of ${step.object.name}: ${shown}`);
    told = shown;
    if (ended.test(status ?? '')) return undefined;
    if (failed.test(status ?? ''))
      return {
        class: 'conflict',
        reason: `the move ended as ${status}: ${message === '' ? 'the server gave no reason' : message}`,
        errorId: '',
      };
    if (signal.aborted)
      return {
        class: 'transient',
        reason: `the move is queued and goes on without this command, which was ended (${shown.trim()})`,
        errorId: '',
      };
    // An end that is asked for while waiting is told by the next look.
    await ports.wait(pollMs, signal).catch(() => undefined);
  }
}
