import { type ExportPlan, readOrganisation, singleSession } from '@exchange-connector/connector';
import { type EngineReading, type ExportRun, lastMailboxes } from './export-run.ts';
import { openFirstSession } from './session-opening.ts';

/** Reads the organisation into the sorters; the session is closed when this returns or throws. */
export async function readNatively(run: ExportRun): Promise<EngineReading> {
  const { connection, signal } = run.request;
  run.meter.report('connecting', 0, undefined);
  const { session, server } = await openFirstSession(connection, run.request, (message) => run.warnings.add(message));
  run.log.write('Information', `session open on ${server.url}`, { protocolVersion: session.server.protocolVersion });
  try {
    const reading = await readOrganisation(planOf(run), {
      sessions: singleSession(session),
      databases: run.databases,
      mailboxes: run.mailboxes,
      onProgress: ({ phase, done, total }) => run.meter.report(phase, done, total),
      onWarning: (message) => run.warnings.add(message),
      onNote: (message) => run.log.write('Information', message),
      signal,
    });
    for (const error of reading.errors) run.log.write('Error', error);
    return { engine: 'native', reading, server: server.url };
  } finally {
    await session.close();
  }
}

function planOf(run: ExportRun): ExportPlan {
  const { connection } = run.request;
  return {
    additionalColumns: connection.additionalColumns,
    valueSeparator: connection.valueSeparator,
    scope: connection,
    pins: { domainController: connection.domainController, globalCatalog: connection.globalCatalog },
    expectedMailboxes: lastMailboxes(run.paths.manifest),
  };
}
