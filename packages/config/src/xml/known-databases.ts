import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { csvRows } from '../scan/csv-rows.ts';
import type { KnownDatabase } from './generated-configuration.ts';

/** The databases of a connection's last export, as far as its files tell. */
export interface KnownDatabases {
  readonly databases: readonly KnownDatabase[];
  /** Why there may be more, and what to do; undefined where these are all, or nothing was exported yet. */
  readonly remark: string | undefined;
}

/** Reads the databases of a connection's last export; none where nothing was exported. */
export function readKnownDatabases(tempFolder: string, connectionId: string): KnownDatabases {
  const folder = join(tempFolder, 'ExportOutput');
  const file = join(folder, `${connectionId}_databases.csv`);
  if (!existsSync(file)) return { databases: [], remark: undefined };
  const databases = readDatabases(file);
  if (databases === undefined) {
    const remark = `${file} cannot be read here (with EncryptOutput it is encrypted), so the XML has no role for any database; add those of an XML that was generated without EncryptOutput`;
    return { databases: [], remark };
  }
  if (!isIncrement(join(folder, `${connectionId}_manifest.json`))) return { databases, remark: undefined };
  const remark = `the last export was an increment, so ${file} names the databases that changed, ${databases.length}, and the XML has roles for those alone; keep the others of the XML that you have, or generate it again after a complete export`;
  return { databases, remark };
}

function isIncrement(manifest: string): boolean {
  try {
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly mode?: unknown } | null)?.mode === 'incremental';
  } catch {
    // Without a manifest it is a file of another kind of export, which is complete.
    return false;
  }
}

/** Undefined where it is no CSV file of databases. */
function readDatabases(file: string): readonly KnownDatabase[] | undefined {
  const [header = [], ...rows] = [...csvRows(readFileSync(file, 'utf8').replace(/^\ufeff/, ''), ',')].map((row) =>
    row.map(({ value }) => value),
  );
  const [command, name, guid] = ['Command', 'Name', 'Guid'].map((column) => header.indexOf(column));
  if (command === undefined || name === undefined || guid === undefined || Math.min(command, name, guid) < 0)
    return undefined;
  const databases = new Map<string, KnownDatabase>();
  for (const row of rows) {
    const found = { name: row[name] ?? '', guid: row[guid] ?? '' };
    if (row[command] !== 'Delete' && found.name !== '' && found.guid !== '') databases.set(found.name, found);
  }
  return [...databases.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}
