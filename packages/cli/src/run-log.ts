import type { LogLevel, LogRecord } from '@exchange-connector/agent';
import { resolve } from 'node:path';
import type { CommonOptions } from './command-options.ts';
import type { Terminal } from './terminal.ts';

/** The error or the thresholds that ended a run are said by its command, with what to do; they have a code. */
function isEndOfRun(record: LogRecord): boolean {
  return isAtLeastWarning(record) && 'code' in record.fields;
}

function isAtLeastWarning({ level }: LogRecord): boolean {
  return level === 'Warning' || level === 'Error';
}

function formatRecord({ level, message, fields }: LogRecord): string {
  const facts = Object.entries(fields).map(([name, value]) => `${name}=${value}`);
  return `${level.toLowerCase()}: ${message}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`;
}

/**
 * Starts the log on standard error, and in a file where one is asked for.
 *
 * @param usual the level on standard error where `--log-level` is not given
 * @returns ends the log
 * @throws AgentError RUN_FILE_FAILED
 */
export async function startLog(options: CommonOptions, terminal: Terminal, usual: LogLevel): Promise<() => void> {
  const { isAtLeast, listenToLog, openLogFile } = await import('@exchange-connector/agent');
  const level = options.logLevel ?? usual;
  const stopListening = listenToLog((record) => {
    if (isAtLeast(record.level, level) && !isEndOfRun(record)) terminal.say(formatRecord(record));
  });
  if (options.logFile === undefined) return stopListening;
  const fileLevel = isAtLeast(level, 'Information') ? 'Information' : level;
  const closeFile = await openLogFile(resolve(options.logFile), fileLevel);
  return () => {
    stopListening();
    closeFile();
  };
}
