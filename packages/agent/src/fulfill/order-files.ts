/*
 * The orders of a folder: JSON files with a `ProvisioningOrdersList` each, in the order of their names. A file
 * or an order that cannot be used is set aside with the reason, and the rest goes on.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AgentError, fileFailed } from '../errors.ts';

/** Orders of a day are kilobytes; what is larger is no file of orders. */
const mostFileBytes = 64 * 1024 * 1024;

/** One provisioning order. */
export interface Order {
  /** Its place among the orders of the run, from 1. */
  readonly index: number;
  /** Where it stands, for messages: `orders.json, order 3`. */
  readonly place: string;
  /** `AssignedResourceTypeId`: what its result is known by. */
  readonly assignmentId: string;
  readonly changeType: string;
  readonly ownerId: string;
  /** `ResourceType.SourceEntityType.Identifier`. */
  readonly ownerType: string;
  /** The whole order as JSON; numbers as they were written. */
  readonly json: string;
  /** SHA-256 of `json`, lower-case hex: the same order is known again by it. */
  readonly fingerprint: string;
}

/** What could not be used. */
export interface SetAside {
  /** The file's name. */
  readonly file: string;
  readonly reason: string;
}

export interface OrderFolder {
  readonly orders: readonly Order[];
  readonly setAside: readonly SetAside[];
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member by its name, whatever its case, as PowerShell finds it. */
function member(value: unknown, name: string): unknown {
  if (!isObject(value)) return undefined;
  if (Object.hasOwn(value, name)) return value[name];
  const key = Object.keys(value).find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : value[key];
}

interface JsonWithSource {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): object;
  isRawJSON(value: unknown): value is { readonly rawJSON: string };
}
// In V8 since 11.4; the language's own declarations lack it still.
const json = JSON as unknown as JsonWithSource;

/** Parses so that writing it again gives every number as it was: ids have more digits than a double. */
export function parseExactly(text: string): unknown {
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? json.rawJSON(source) : value,
  );
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  return json.isRawJSON(value) ? value.rawJSON : '';
}

function orderOf(value: unknown, index: number, place: string): Order | string {
  if (!isObject(value)) return 'it is no JSON object';
  const assignmentId = textOf(member(value, 'AssignedResourceTypeId'));
  if (assignmentId.trim() === '') return 'it has no AssignedResourceTypeId, by which its result would be known';
  const written = JSON.stringify(value);
  return {
    index,
    place,
    assignmentId,
    changeType: textOf(member(value, 'ChangeType')),
    ownerId: textOf(member(member(value, 'Owner'), 'Id')),
    ownerType: textOf(member(member(member(value, 'ResourceType'), 'SourceEntityType'), 'Identifier')),
    json: written,
    fingerprint: createHash('sha256').update(written).digest('hex'),
  };
}

/** UTF-8, or UTF-16 with its byte-order mark. */
function decode(bytes: Buffer): string {
  const mark = bytes.subarray(0, 2).toString('hex');
  const encoding = mark === 'fffe' ? 'utf-16le' : mark === 'feff' ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new Error('it is not UTF-8 (nor UTF-16 with a byte-order mark): save it as UTF-8');
  }
}

/** The list of one file, or why there is none. */
function readList(path: string): readonly unknown[] | string {
  let text: string;
  try {
    const facts = statSync(path);
    // To read a pipe is to wait for who writes into it, and a device has no end.
    if (!facts.isFile()) return 'it is no file (a pipe, a socket or a device)';
    const { size } = facts;
    if (size > mostFileBytes) return `it has ${size} bytes; at most ${mostFileBytes} are read`;
    text = decode(readFileSync(path));
  } catch (error) {
    return `it cannot be read: ${(error as Error).message}`;
  }
  let document: unknown;
  try {
    document = parseExactly(text);
  } catch (error) {
    const { name, message } = error as Error;
    return name === 'RangeError' ? 'its JSON is nested too deeply' : `it is not valid JSON: ${message}`;
  }
  const list = member(document, 'ProvisioningOrdersList');
  return Array.isArray(list) ? list : 'it has no list named ProvisioningOrdersList';
}

/**
 * Reads all orders of a folder; sub-folders and files of other kinds are left alone.
 * @throws AgentError RUN_SETTINGS_UNUSABLE where there is no such folder, RUN_FILE_FAILED where it cannot be read
 */
export function readOrderFolder(folder: string): OrderFolder {
  let names: string[];
  try {
    names = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && /\.json$/i.test(entry.name))
      .map((entry) => entry.name)
      .sort((left, right) => (left < right ? -1 : 1));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw fileFailed(`reading the folder of orders ${folder}`, cause);
    throw new AgentError(
      'RUN_SETTINGS_UNUSABLE',
      `the folder of orders ${folder} is ${code === 'ENOENT' ? 'not there' : 'no folder'}`,
      { mend: 'name the folder that holds the JSON files of the orders in --orders' },
    );
  }
  const orders: Order[] = [];
  const setAside: SetAside[] = [];
  for (const file of names) {
    const list = readList(join(folder, file));
    if (typeof list === 'string') {
      setAside.push({ file, reason: list });
      continue;
    }
    for (const [at, value] of list.entries()) {
      const order = orderOf(value, orders.length + 1, `${file}, order ${at + 1}`);
      if (typeof order === 'string') setAside.push({ file, reason: `order ${at + 1} of its list: ${order}` });
      else orders.push(order);
    }
  }
  return { orders, setAside };
}
