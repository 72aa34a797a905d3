import { join } from 'node:path';

/** The three files of an export, absolute. */
export interface ExportPaths {
  readonly mailboxes: string;
  readonly databases: string;
  readonly manifest: string;
}

/** Characters of an identifier that leave room for `_databases.csv` in the 255 bytes of a file's name. */
export const longestIdentifierInFileNames = 241;

/** Where an export of a connection puts its files. */
export function exportPaths(connectionId: string, outputFolder: string): ExportPaths {
  return {
    mailboxes: join(outputFolder, `${connectionId}_mailboxes.csv`),
    databases: join(outputFolder, `${connectionId}_databases.csv`),
    manifest: join(outputFolder, `${connectionId}_manifest.json`),
  };
}

/** The cookie of a connection: the time of the last export, and the mailboxes that it had. */
export function cookiePath(workFolder: string, connectionId: string): string {
  return join(workFolder, 'ExportCookies', `${connectionId}_cookie.bin`);
}

/** The folder of a connection's state: lock, journal, rows being sorted. */
export function stateFolder(workFolder: string, connectionId: string): string {
  return join(workFolder, 'ExportState', connectionId);
}
