/*
 * What a cookie says besides the mailboxes: under what conditions they were read, and what of the directory
 * around them an increment compares with. JSON at the end of the file.
 */
import { ConnectorError } from '../errors.ts';

/** A database as the last export wrote it. */
export interface KnownDatabase {
  /** Lower case. */
  readonly guid: string;
  readonly name: string;
  readonly server: string;
  /** Hex of the hash of its row. */
  readonly hash: string;
}

/** An organizational unit, and where it lay. */
export interface KnownUnit {
  readonly guid: string;
  readonly distinguishedName: string;
}

/** Something whose mailboxes are read again for a while, because a lagging directory server may still show its old name. */
export interface Restless {
  readonly kind: 'database' | 'unit';
  readonly guid: string;
  /** ISO 8601. */
  readonly until: string;
}

/** Texts of `ForwardingAddress`: how many, and the sum of their hashes, which no order changes. */
export interface ForwardingSum {
  readonly count: number;
  readonly sum: number;
}

/** The facts of a cookie. Times are ISO 8601, UTC. */
export interface CookieFacts {
  /** Names the cookie: `cookieOut` of the run that wrote it, `cookieIn` of those that start from it. */
  readonly id: string;
  readonly connection: string;
  readonly runId: string;
  /** What changed before is in the snapshot; never later than the start of the run, nor than its first read. */
  readonly time: string;
  readonly engine: 'native' | 'script';
  /** The address that answered. */
  readonly server: string;
  /** Digest of the settings that shape the rows. */
  readonly settings: string;
  readonly forestView: boolean | null;
  /** The one directory server that the mailboxes of a domain came from; a list of others means none to rely on. */
  readonly controllers: Readonly<Record<string, readonly string[]>>;
  /** The mailbox columns after `Command`. */
  readonly columns: readonly string[];
  readonly columnsMissing: readonly string[];
  /** Why the next run has to be a complete one; the snapshot then serves for deletions alone. */
  readonly needsComplete: string | null;
  readonly mailboxes: number;
  readonly databases: readonly KnownDatabase[];
  /** Null where the account may not list them. */
  readonly units: readonly KnownUnit[] | null;
  readonly restless: readonly Restless[];
  readonly forwarding: ForwardingSum;
  /** A few mailboxes of each domain, by which the next run sees which directory server it reads from. */
  readonly landmarks: Readonly<Record<string, readonly string[]>>;
  /**
   * A few mailboxes of each database, and its name in their rows: the server that lists databases may know of a
   * rename later than the one that mailboxes come from.
   */
  readonly tenants: readonly { readonly guid: string; readonly database: string }[];
  /** When GUIDs were last compared whatever the counts said: of a slice of the mailboxes, or of all. */
  readonly sweptAt: string;
  /** Where the next slice begins: with mailboxes made in this second, since 1970. 0 in cookies that do not say it. */
  readonly sweptUpTo: number;
}

function invalid(what: string): ConnectorError {
  return new ConnectorError('COOKIE_INVALID', `reading the cookie: ${what}`);
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isTime: Check = (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value));
const isCount: Check = (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isFlag: Check = (value) => typeof value === 'boolean';
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const recordOf =
  (check: Check): Check =>
  (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(check);
const shapeOf =
  (shape: Readonly<Record<string, Check>>): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(shape).every(([name, check]) => check((value as Record<string, unknown>)[name]));

const checks: { readonly [Name in keyof CookieFacts]: Check } = {
  id: isText,
  connection: isText,
  runId: isText,
  time: isTime,
  engine: (value) => value === 'native' || value === 'script',
  server: isText,
  settings: isText,
  forestView: orNull(isFlag),
  controllers: recordOf(listOf(isText)),
  columns: listOf(isText),
  columnsMissing: listOf(isText),
  needsComplete: orNull(isText),
  mailboxes: isCount,
  databases: listOf(shapeOf({ guid: isText, name: isText, server: isText, hash: isText })),
  units: orNull(listOf(shapeOf({ guid: isText, distinguishedName: isText }))),
  restless: listOf(shapeOf({ kind: (value) => value === 'database' || value === 'unit', guid: isText, until: isTime })),
  forwarding: shapeOf({ count: isCount, sum: isCount }),
  landmarks: recordOf(listOf(isText)),
  tenants: listOf(shapeOf({ guid: isText, database: isText })),
  sweptAt: isTime,
  sweptUpTo: isCount,
};

/**
 * Reads the facts out of their JSON.
 * @throws ConnectorError COOKIE_INVALID
 */
export function parseCookieFacts(text: string): CookieFacts {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('its facts are no JSON');
  }
  // Cookies of earlier releases lack it.
  const facts: unknown = typeof value === 'object' && value !== null ? { sweptUpTo: 0, ...value } : value;
  for (const [name, check] of Object.entries(checks)) {
    const member = typeof facts === 'object' && facts !== null ? (facts as Record<string, unknown>)[name] : undefined;
    if (!check(member)) throw invalid(`its "${name}" is missing or of another kind than it has to be`);
  }
  return facts as CookieFacts;
}
