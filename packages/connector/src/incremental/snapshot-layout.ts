/*
 * The cookie file. Mailboxes stand in the order of their GUIDs, so that a run walks through the snapshot and
 * its own sorted rows side by side and holds neither.
 *
 *   file     "EXCOOKIE" │ u8 version │ mailbox … │ u8 0 │ facts, JSON │ u32 their length │ 32 bytes SHA-256
 *
 *   mailbox  u8  1 │ 2 its RDN is CN=<name> │ 4 a forwarding hash follows
 *            16  GUID, in the order of its text
 *            8   of the hash of its row, `Command` left out
 *            4   WhenCreatedUTC, in seconds since 1970; 0 where that is not known
 *            n   a byte for each column of the facts: which of them changed
 *            [4  hash of the text of ForwardingAddress]
 *            shared text Database │ shared text parent: the DN from the comma behind its RDN on
 *            text Name │ [text RDN] │ text SamAccountName │ text PrimarySmtpAddress
 *
 *   text         varint length │ bytes, as the field stands in the CSV file
 *   shared text  varint 0 │ text        one more for the table, as long as it has room
 *                varint k               the k-th of the table, from 1
 *
 * Integers are little-endian; a varint has seven bits a byte, the lowest first. The SHA-256 is of all before it.
 */
import { ConnectorError } from '../errors.ts';

/** The first bytes of a cookie file. */
export const cookieMagic = new TextEncoder().encode('EXCOOKIE');
/** Of the layout and of what rows look like: a cookie of another version means a complete run. */
export const cookieVersion = 1;
export const headBytes = cookieMagic.length + 1;
export const digestBytes = 32;
/** The length of the facts, and the digest. */
export const tailBytes = 4 + digestBytes;

export const flags = { present: 1, nameIsRdn: 2, forwards: 4 } as const;
export const guidLength = 16;
export const hashLength = 8;

/** Texts beyond this many are written out each time, so that no organisation makes the table large. */
export const mostShared = 65_535;
/** No text of a mailbox is longer. */
export const mostTextBytes = 1 << 20;

/** The error for a file that is no cookie of this layout. */
export function cookieInvalid(what: string): ConnectorError {
  return new ConnectorError('COOKIE_INVALID', `reading the cookie: ${what}`);
}

/** One mailbox of a snapshot. Fields are bytes as they stand in the CSV file. A reader's is good until its next one. */
export interface SnapshotEntry {
  guid: Uint8Array;
  /** Of the row without its `Command`. */
  hash: Uint8Array;
  /** `WhenCreatedUTC` in whole seconds since 1970; 0 where it is not known. It never changes. */
  created: number;
  /** A byte for each column. */
  marks: Uint8Array;
  /** Hash of the text of `ForwardingAddress`; undefined where it is empty. */
  forwarding: number | undefined;
  database: Uint8Array;
  /** The distinguished name from the comma behind its first part on. */
  parent: Uint8Array;
  /** The first part of the distinguished name, e.g. `"CN=Doe`. */
  rdn: Uint8Array;
  name: Uint8Array;
  samAccountName: Uint8Array;
  primarySmtpAddress: Uint8Array;
}

/** An entry without anything in it. */
export function emptyEntry(): SnapshotEntry {
  const none = new Uint8Array();
  return {
    guid: new Uint8Array(guidLength),
    hash: new Uint8Array(hashLength),
    created: 0,
    marks: none,
    forwarding: undefined,
    database: none,
    parent: none,
    rdn: none,
    name: none,
    samAccountName: none,
    primarySmtpAddress: none,
  };
}
