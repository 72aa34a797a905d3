/*
 * A file that an export script wrote → rows of the one writer. Header, number of columns, Command and Guid
 * are checked; what is accepted is written anew, so that order, quoting and line ends are as in every file.
 */
import { csvLine } from './csv.ts';
import { type CsvRecord, CsvReader, fieldPlace, fileInvalid } from './csv-reader.ts';
import type { RowSink } from './export-ports.ts';
import type { RowCommand } from './row-writer.ts';

/** A file to check, and what it has to be. */
export interface ExpectedFile {
  /** As a person knows it: `Main_mailboxes.csv`. */
  readonly name: string;
  /** The columns after `Command`, in order. */
  readonly columns: readonly string[];
  /** The column that rows are counted by, where they are. */
  readonly groupColumn?: string;
  readonly sink: RowSink;
}

/** What a file held. */
export interface CheckedFile {
  readonly rows: number;
  readonly commands: Readonly<Record<RowCommand, number>>;
  /** Rows by the text of the group column; those that are deleted are in no group. */
  readonly groups: ReadonlyMap<string, number>;
}

/** As they are read, in any letter case. */
const commands: ReadonlyMap<string, RowCommand> = new Map([
  ['insert', 'Insert'],
  ['add', 'Insert'],
  ['update', 'Update'],
  ['delete', 'Delete'],
]);

const guidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function shown(text: string): string {
  return text.length > 60 ? `"${text.slice(0, 60)}…"` : `"${text}"`;
}

/** Checks one file; feed it all bytes in order, then call {@link ExportFileCheck.end}. */
export class ExportFileCheck {
  readonly #expected: ExpectedFile;
  readonly #reader: CsvReader;
  readonly #header: readonly string[];
  readonly #guidAt: number;
  readonly #groupAt: number;
  readonly #domainAt: number;
  readonly #counts: Record<RowCommand, number> = { Insert: 0, Update: 0, Delete: 0 };
  readonly #groups = new Map<string, number>();
  readonly #domains = new Set<string>();
  #rows = -1;

  constructor(expected: ExpectedFile) {
    this.#expected = expected;
    this.#reader = new CsvReader(expected.name);
    this.#header = ['Command', ...expected.columns];
    this.#guidAt = this.#header.indexOf('Guid');
    this.#groupAt = expected.groupColumn === undefined ? -1 : this.#header.indexOf(expected.groupColumn);
    this.#domainAt = this.#header.indexOf('DistinguishedName');
  }

  /** DNS names of the domains that the distinguished names tell, sorted. */
  get domains(): string[] {
    return [...this.#domains].sort();
  }

  /** @throws ConnectorError EXPORT_FILE_INVALID at the first fault, with its line and column */
  push(chunk: Uint8Array): void {
    for (const record of this.#reader.push(chunk)) {
      if (this.#rows < 0) this.#checkHeader(record);
      else this.#takeRow(record);
      this.#rows += 1;
    }
  }

  /** @throws ConnectorError EXPORT_FILE_INVALID where the file was not written to its end */
  end(): CheckedFile {
    this.#reader.end();
    return { rows: Math.max(0, this.#rows), commands: { ...this.#counts }, groups: this.#groups };
  }

  #refuse(record: CsvRecord, index: number, message: string): never {
    throw fileInvalid(this.#expected.name, fieldPlace(record, index), message);
  }

  #checkHeader(record: CsvRecord): void {
    const { fields } = record;
    if (fields[0]?.startsWith('#TYPE') === true)
      this.#refuse(record, 0, 'a #TYPE line stands before the header: use Export-Csv -NoTypeInformation');
    for (const [index, name] of this.#header.entries()) {
      const found = fields[index];
      if (found === name) continue;
      this.#refuse(
        record,
        index,
        found === undefined
          ? `the header ends where its column ${name} belongs`
          : `the header has ${shown(found)} where its column ${name} belongs`,
      );
    }
    const more = fields[this.#header.length];
    if (more !== undefined)
      this.#refuse(
        record,
        this.#header.length,
        `the header has ${shown(more)} after its last column (AdditionalColumns names further ones)`,
      );
  }

  #takeRow(record: CsvRecord): void {
    const { fields } = record;
    if (record.text === '') this.#refuse(record, 0, 'an empty line');
    if (fields.length !== this.#header.length)
      this.#refuse(
        record,
        Math.min(fields.length, this.#header.length),
        `the row has ${fields.length} columns, the header ${this.#header.length}`,
      );
    const command = commands.get((fields[0] ?? '').toLowerCase());
    if (command === undefined)
      this.#refuse(record, 0, `Command is ${shown(fields[0] ?? '')}; allowed is Insert, Update or Delete (or Add)`);
    const guid = (fields[this.#guidAt] ?? '').toLowerCase();
    if (!guidPattern.test(guid))
      this.#refuse(
        record,
        this.#guidAt,
        `Guid is ${shown(fields[this.#guidAt] ?? '')}; allowed is xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx in hexadecimal digits`,
      );
    const cells = [command, ...fields.slice(1)];
    cells[this.#guidAt] = guid;
    this.#counts[command] += 1;
    this.#noteDomain(fields[this.#domainAt]);
    const group = fields[this.#groupAt] ?? '';
    if (command !== 'Delete') this.#groups.set(group, (this.#groups.get(group) ?? 0) + 1);
    this.#expected.sink.put(guid, csvLine(cells), group);
  }

  #noteDomain(distinguishedName: string | undefined): void {
    const parts = distinguishedName?.match(/(?<=,DC=)[^,]+/gi);
    if (parts !== null && parts !== undefined) this.#domains.add(parts.join('.').toLowerCase());
  }
}

/**
 * Finds the rows of one Guid in a file that was checked before: for the message about a Guid that stands
 * twice, which only the sorted rows show.
 */
export class GuidFinder {
  readonly #reader: CsvReader;
  readonly #guidAt: number;
  readonly #guid: string;
  readonly #name: string;
  readonly #places: { readonly line: number; readonly column: number }[] = [];

  constructor(expected: ExpectedFile, guid: string) {
    this.#name = expected.name;
    this.#reader = new CsvReader(expected.name);
    this.#guidAt = expected.columns.indexOf('Guid') + 1;
    this.#guid = guid;
  }

  push(chunk: Uint8Array): void {
    for (const record of this.#reader.push(chunk)) {
      if (record.fields[this.#guidAt]?.toLowerCase() !== this.#guid || this.#places.length === 2) continue;
      this.#places.push(fieldPlace(record, this.#guidAt));
    }
  }

  /** The error to throw: it names the second of the rows, and the line of the first. */
  error(): Error {
    const [first, second] = this.#places;
    const place = second ?? first ?? { line: 1, column: 1 };
    return fileInvalid(
      this.#name,
      place,
      `the Guid ${this.#guid} stands in line ${first?.line ?? '?'} already; each row has its own`,
    );
  }
}
