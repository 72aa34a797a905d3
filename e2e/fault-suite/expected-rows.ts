/* What the files must amount to, worked out from the organisation by the words of the documentation alone. */
import type { DirectoryTruth, TruthValue } from '@exchange-connector/exchange-simulator';

export type Row = Readonly<Record<string, string>>;

function textOf(name: string, value: TruthValue | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return value.toWellFormed();
  const texts = value.map((each) => each.toWellFormed());
  if (name !== 'EmailAddresses') return texts.map((each) => each.replaceAll(';', '%3B')).join(';');
  const sorted = [...texts].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
  const isPrimary = (address: string): boolean => address.startsWith('SMTP:');
  return [...sorted.filter(isPrimary), ...sorted.filter((address) => !isPrimary(address))]
    .map((each) => each.replace(/%(?=20|25)/g, '%25').replace(/ (?=[A-Za-z][A-Za-z0-9-]*:)/g, '%20'))
    .join(' ');
}

/** The mailboxes that an export shows unless asked for hidden ones, by GUID, without `Command`. */
export function expectedMailboxes(truth: DirectoryTruth, columns: readonly string[]): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const { guid, hiddenBehind, properties } of truth.mailboxes()) {
    if (hiddenBehind !== undefined) continue;
    const row: Record<string, string> = {};
    for (const column of columns) {
      row[column] =
        column === 'AccountDisabledIsDirSynced'
          ? [properties['AccountDisabled'], properties['IsDirSynced']]
              .map((each) => (each ? 'True' : 'False'))
              .join(';')
          : textOf(column, properties[column]);
    }
    rows.set(guid, row);
  }
  return rows;
}

/** The columns of databases that the organisation tells of itself. */
export function expectedDatabases(truth: DirectoryTruth): Map<string, Row> {
  return new Map(
    truth.databases.map(({ guid, name, server, mounted, whenChangedUtc }) => [
      guid,
      { Name: name, Server: server, Mounted: mounted ? 'True' : 'False', Guid: guid, WhenChangedUTC: whenChangedUtc },
    ]),
  );
}
