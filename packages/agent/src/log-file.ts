/* The one file that knows pino: JSON lines, one a record. */
import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileFailed } from './errors.ts';
import { makeFolder } from './folder.ts';
import { isAtLeast, type LogLevel, listenToLog } from './log.ts';

/** pino's numbers for our levels. */
const numbers = { Verbose: 10, Debug: 20, Information: 30, Warning: 40, Error: 50, Fatal: 60 } as const;

/**
 * Writes the log to a file from now on, as JSON lines with `level`, `time` (ISO 8601, UTC), `runId`,
 * `connection`, `msg` and the fields of the record. The file is appended to; it and its folder are made.
 * @returns ends the log; all lines are on their way to the disk then
 * @throws AgentError RUN_FILE_FAILED
 */
export async function openLogFile(path: string, threshold: LogLevel = 'Information'): Promise<() => void> {
  try {
    makeFolder(dirname(path));
    closeSync(openSync(path, 'a', 0o640));
  } catch (cause) {
    throw fileFailed(`opening the log file ${path}`, cause);
  }
  const { pino } = await import('pino');
  const destination = pino.destination({ dest: path, sync: true, append: true });
  const logger = pino<keyof typeof numbers>(
    {
      base: null,
      customLevels: numbers,
      useOnlyCustomLevels: true,
      // The threshold is kept below: pino takes `Debug` for its own `debug`, which is none of these levels.
      level: 'Verbose',
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      // Belt and braces: nothing that is logged here has such fields.
      redact: { paths: ['password', 'Password', 'secret', 'authorization'], censor: '[secret]' },
    },
    destination,
  );
  const stop = listenToLog((record) => {
    if (!isAtLeast(record.level, threshold)) return;
    logger[record.level]({ runId: record.runId, connection: record.connection, ...record.fields }, record.message);
  });
  return () => {
    stop();
    destination.flushSync();
    destination.end();
  };
}
