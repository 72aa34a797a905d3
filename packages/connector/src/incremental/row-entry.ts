/* A row of the mailbox file ↔ what a snapshot keeps of it. */
import { ConnectorError } from '../errors.ts';
import { fieldText, guidBytes, RowScanner } from './row-scanner.ts';
import { emptyEntry, guidLength, hashLength, type SnapshotEntry } from './snapshot-layout.ts';

/** A cryptographic hash; at least eight bytes. The host brings it. */
export type RowHash = (bytes: Uint8Array) => Uint8Array;

const comma = 0x2c;
const backslash = 0x5c;
const encoder = new TextEncoder();
const lineEnd = encoder.encode('\r\n');

/** Where the first part of a distinguished name ends: at the first comma that no backslash stands before. */
function rdnLength(name: Uint8Array): number {
  for (let at = 0; at < name.length; at += 1) {
    if (name[at] === backslash) at += 1;
    else if (name[at] === comma) return at;
  }
  return name.length;
}

const farthest = 0xffff_ffff;

/** Whole seconds since 1970 of `2026-03-01T09:30:00Z`; 0 where the text is none such. */
export function secondsOf(field: Uint8Array): number {
  const number = (from: number, length: number): number => {
    let value = 0;
    for (let at = from; at < from + length; at += 1) {
      const digit = (field[at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) return Number.NaN;
      value = value * 10 + digit;
    }
    return value;
  };
  if (field.length < 20) return 0;
  const ms = Date.UTC(number(0, 4), number(5, 2) - 1, number(8, 2), number(11, 2), number(14, 2), number(17, 2));
  const seconds = ms / 1000;
  return seconds > 0 && seconds <= farthest ? seconds : 0;
}

/** FNV-1a of a text, 32 bits. */
function textHash(text: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of text) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The hash that {@link SnapshotEntry.forwarding} has for a text of `ForwardingAddress`. */
export function forwardingHash(text: string): number {
  return textHash(encoder.encode(text));
}

const kept = [
  'Guid',
  'Database',
  'DistinguishedName',
  'ForwardingAddress',
  'Name',
  'PrimarySmtpAddress',
  'SamAccountName',
  'WhenCreatedUTC',
] as const;

type ColumnPlaces = Readonly<Record<(typeof kept)[number], number>>;

/** Reads rows of a file with these columns. */
export class RowEntries {
  readonly #scanner = new RowScanner();
  readonly #hash: RowHash;
  readonly #columns: number;
  readonly #at: ColumnPlaces;
  readonly #entry = emptyEntry();
  #line: Uint8Array = new Uint8Array();

  /** @param columns the names after `Command` */
  constructor(columns: readonly string[], hash: RowHash) {
    this.#hash = hash;
    this.#columns = columns.length;
    this.#at = Object.fromEntries(kept.map((name) => [name, columns.indexOf(name) + 1])) as ColumnPlaces;
  }

  /**
   * What a snapshot keeps of a row; good until the next one.
   * @throws ConnectorError EXPORT_FILE_INVALID where the row has not as many fields as the header
   */
  read(line: Uint8Array): SnapshotEntry {
    const scanner = this.#scanner;
    scanner.scan(line);
    this.#line = line;
    const entry = this.#entry;
    if (scanner.count !== this.#columns + 1 || guidBytes(scanner.field(this.#at.Guid), entry.guid) === undefined) {
      throw new ConnectorError(
        'EXPORT_FILE_INVALID',
        `comparing the rows with the last export: a row has ${scanner.count} fields where the header has ${this.#columns + 1}, or no Guid: a defect of this program`,
      );
    }
    entry.hash = this.#hash(scanner.rest).subarray(0, hashLength);
    entry.marks = scanner.marks;
    entry.created = secondsOf(scanner.field(this.#at.WhenCreatedUTC));
    const forwarding = scanner.field(this.#at.ForwardingAddress);
    entry.forwarding = forwarding.length === 0 ? undefined : textHash(encoder.encode(fieldText(forwarding)));
    const name = scanner.field(this.#at.DistinguishedName);
    const length = rdnLength(name);
    entry.rdn = name.subarray(0, length);
    entry.parent = name.subarray(length);
    entry.database = scanner.field(this.#at.Database);
    entry.name = scanner.field(this.#at.Name);
    entry.samAccountName = scanner.field(this.#at.SamAccountName);
    entry.primarySmtpAddress = scanner.field(this.#at.PrimarySmtpAddress);
    return entry;
  }

  /** The last row with another `Command`. */
  lineAs(command: string): Uint8Array {
    const { rest } = this.#scanner;
    const line = new Uint8Array(command.length + rest.length + lineEnd.length);
    for (let at = 0; at < command.length; at += 1) line[at] = command.charCodeAt(at);
    line.set(rest, command.length);
    line.set(lineEnd, command.length + rest.length);
    return line;
  }

  /** The last row as it came. */
  get line(): Uint8Array {
    return this.#line;
  }
}

const hex = '0123456789abcdef';

function guidField(guid: Uint8Array): Uint8Array {
  const field = new Uint8Array(36);
  let to = 0;
  for (let at = 0; at < guidLength; at += 1) {
    if (at === 4 || at === 6 || at === 8 || at === 10) field[to++] = 0x2d;
    const byte = guid[at] as number;
    field[to++] = hex.charCodeAt(byte >>> 4);
    field[to++] = hex.charCodeAt(byte & 15);
  }
  return field;
}

/** The `Delete` row of a mailbox that is gone: what was known of it, the other cells empty. */
export function deleteLine(columns: readonly string[], entry: SnapshotEntry): Uint8Array {
  const parts: Uint8Array[] = [encoder.encode('Delete')];
  const separator = encoder.encode(',');
  for (const column of columns) {
    parts.push(separator);
    switch (column) {
      case 'Guid':
        parts.push(guidField(entry.guid));
        break;
      case 'DistinguishedName':
        parts.push(entry.rdn, entry.parent);
        break;
      case 'Name':
        parts.push(entry.name);
        break;
      case 'SamAccountName':
        parts.push(entry.samAccountName);
        break;
      case 'PrimarySmtpAddress':
        parts.push(entry.primarySmtpAddress);
        break;
      case 'Database':
        parts.push(entry.database);
        break;
      default:
    }
  }
  parts.push(lineEnd);
  const line = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    line.set(part, at);
    at += part.length;
  }
  return line;
}
