/*
 * The domain controllers of a run that died. What it did is seen there first, and the step that was under way is looked at
 * there: another one might not have it yet, and the step would be taken for one that was not carried out.
 */
import { ConnectorError } from '@exchange-connector/connector';
import { AgentError } from '../../errors.ts';
import type { BatchSession } from './batch-session.ts';
import type { LiveReader } from './live-reader.ts';
import { type NativeContext, openBatch } from './native-context.ts';
import type { JournalReading } from './run-journal.ts';

interface Controllers {
  /** The batch's own; undefined: the server chooses. */
  readonly own: string | undefined;
  /** Of other domains, those of the last steps there. */
  readonly others: ReadonlyMap<string, string>;
}

/** Which domain controllers a run that died read from and wrote to. */
function controllersOf({ lines }: JournalReading): Controllers {
  const others = new Map<string, string>();
  // Where nothing was begun nothing has to be seen: any domain controller will do.
  if (!lines.some(({ kind }) => kind === 'begun')) return { own: undefined, others };
  const own = lines.findLast((line) => line.kind === 'session')?.domainController ?? undefined;
  for (const line of lines) {
    if (line.kind !== 'begun' || line.domainController === null || line.domainController === own) continue;
    const { domain } = line.step.object;
    if (domain !== undefined) others.set(domain, line.domainController);
  }
  return { own, others };
}

function gone(reading: JournalReading, controller: string, seen: string): AgentError {
  const { run, start } = reading.batch;
  return new AgentError(
    'RUN_DOMAIN_CONTROLLER_GONE',
    `finishing run ${run} of ${start}, which died: its domain controller ${controller} does not answer (${seen}), and only there is certain what the run had done`,
    {
      recovery: 'retry-after-delay',
      mend: `wait until it is back; or, where it is gone for good and what it had is on the others, start the same command again with --retired-dc ${controller}`,
    },
  );
}

/**
 * The session in which a run that died is finished.
 * @param retired names of domain controllers that are gone for good, in any case
 */
export function openResumed(
  context: NativeContext,
  reading: JournalReading,
  retired: readonly string[],
): { readonly session: BatchSession; readonly reader: LiveReader; ready(): Promise<void> } {
  const isRetired = (name: string): boolean => retired.some((each) => each.toLowerCase() === name.toLowerCase());
  const { own, others } = controllersOf(reading);
  const kept = own === undefined || isRetired(own) ? undefined : own;
  const { session, reader } = openBatch(context, 'write', kept);
  const far = [...others].filter(([, controller]) => !isRetired(controller));
  for (const [domain, controller] of far) session.learn(domain, controller);
  const left = [own, ...others.values()].filter((name) => name !== undefined).filter(isRetired);
  for (const name of new Set(left))
    context.warnings.add(
      `run ${reading.batch.run} was on ${name}, which is retired: what it had done is looked for on another domain controller`,
    );
  const ready = async (): Promise<void> => {
    try {
      await session.ensure();
    } catch (error) {
      // The session opened, and could not be bound to the domain controller.
      if (kept === undefined || kept === context.connection.domainController) throw error;
      if (!(error instanceof ConnectorError) || error.code !== 'EXCHANGE_COMMAND_FAILED') throw error;
      throw gone(reading, kept, error.message);
    }
    for (const controller of [...(kept === undefined ? [] : [kept]), ...far.map(([, name]) => name)]) {
      const silence = await reader.silenceOf(controller);
      if (silence !== undefined) throw gone(reading, controller, silence);
    }
  };
  return { session, reader, ready };
}
