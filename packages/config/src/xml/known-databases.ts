import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { csvRows } from '../scan/csv-rows.ts';
import type { KnownDatabase } from './generated-configuration.ts';

/** The databases of a connection's last export; none where nothing was exported, or its file cannot be read. */
export function readKnownDatabases(tempFolder: string, connectionId: string): readonly KnownDatabase[] {
  const file = join(tempFolder, 'ExportOutput', `${connectionId}_databases.csv`);
  if (!existsSync(file)) return [];
  const [header = [], ...rows] = [...csvRows(readFileSync(file, 'utf8'), ',')].map((row) =>
    row.map(({ value }) => value),
  );
  const [command, name, guid] = ['Command', 'Name', 'Guid'].map((column) => header.indexOf(column));
  if (command === undefined || name === undefined || guid === undefined || Math.min(command, name, guid) < 0) return [];
  const databases = new Map<string, KnownDatabase>();
  for (const row of rows) {
    const found = { name: row[name] ?? '', guid: row[guid] ?? '' };
    if (row[command] !== 'Delete' && found.name !== '' && found.guid !== '') databases.set(found.name, found);
  }
  return [...databases.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}
