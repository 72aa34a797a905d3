import { type IncrementOutcome, readIncrement } from '@exchange-connector/connector';
import type { OpenCookie } from './cookie-file.ts';
import type { EngineReading, ExportRun } from './export-run.ts';
import { prepareSessions } from './native-engine.ts';
import { removeOldParts } from './part-journal.ts';

/** What an incremental reading gave. */
export type IncrementalReading =
  | { readonly kind: 'read'; readonly read: EngineReading }
  /** All is to be read: why. */
  | { readonly kind: 'complete-needed'; readonly reason: string };

/**
 * Reads what changed since a cookie into the sorters; the sessions are closed when this returns or throws. Where a
 * session is lost, it is read again from its beginning in the next: an increment is short.
 */
export async function readIncrementally(run: ExportRun, before: OpenCookie): Promise<IncrementalReading> {
  const { connection, signal } = run.request;
  run.meter.report('connecting', 0, undefined);
  const { pool, server, onWarning, close } = await prepareSessions(run);
  try {
    const outcome = await pool.run(async (session): Promise<IncrementOutcome> => {
      const reason = run.clock.whyFuture(before.facts.time);
      if (reason !== undefined) return { kind: 'complete-needed', reason };
      run.databases.restart();
      run.mailboxes.restart();
      return readIncrement(
        {
          additionalColumns: connection.additionalColumns,
          valueSeparator: connection.valueSeparator,
          scope: connection,
          pins: { domainController: connection.domainController, globalCatalog: connection.globalCatalog },
          facts: before.facts,
          now: run.clock.start,
          overlapMs: connection.overlapMinutes * 60_000 + run.clock.spreadMs,
        },
        {
          session,
          databases: run.databases,
          mailboxes: run.mailboxes,
          entries: () => before.entries(),
          onProgress: ({ phase, done, total }) => run.meter.report(phase, done, total),
          onWarning,
          onNote: (message) => run.log.write('Information', message),
          signal,
        },
      );
    });
    if (outcome.kind === 'complete-needed') return outcome;
    const { reading, ...increment } = outcome;
    for (const error of reading.errors) run.log.write('Error', error);
    const odd = run.clock.lookAt(reading.latestChange);
    if (odd !== undefined) run.warnings.add(odd);
    // Parts of a complete reading that nobody went on with lie there until they are too old.
    const forget = (): void => removeOldParts(run.state, run.clock.now());
    return { kind: 'read', read: { engine: 'native', reading, server: server(), forget, increment } };
  } finally {
    await close();
  }
}
