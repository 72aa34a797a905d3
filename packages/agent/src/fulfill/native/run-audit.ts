import { readdirSync } from 'node:fs';
import type { AgentFolders, ConnectionSettings } from '@exchange-connector/config';
import { AgentError } from '../../errors.ts';
import { fulfillFolder } from '../run-folder.ts';
import { type AuditVerdict, verifyAudit } from './audit-log.ts';
import type { ChainPlace } from './chained-file.ts';
import { type JournalReading, readJournal } from './run-journal.ts';

/** What the journals of a connection's runs noted of the audit. */
function witnessesOf(workFolder: string, connection: string): (ChainPlace & { readonly file: string })[] {
  let runs: string[];
  try {
    runs = readdirSync(fulfillFolder(workFolder), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
  } catch {
    return [];
  }
  return runs.flatMap((run) => {
    let reading: JournalReading | undefined;
    try {
      reading = readJournal(workFolder, run);
    } catch (error) {
      // A script's journal, or a damaged one: no witness. The chain itself is looked at all the same.
      if (error instanceof AgentError && error.code === 'RUN_JOURNAL_DAMAGED') return [];
      throw error;
    }
    if (reading?.batch.connection !== connection) return [];
    const last = reading.lines.findLast((line) => line.kind === 'ended');
    return last?.kind === 'ended' ? [{ ...last.audit, file: `${reading.folder}/journal.jsonl` }] : [];
  });
}

/**
 * Verifies the audit of a connection: every line of every run, the head, and what the journals know of it.
 * @throws AgentError RUN_FILE_FAILED where a file cannot be read
 */
export function verifyAuditOf(folders: AgentFolders, connection: ConnectionSettings): AuditVerdict {
  return verifyAudit(folders.work, connection.id, witnessesOf(folders.work, connection.id));
}
