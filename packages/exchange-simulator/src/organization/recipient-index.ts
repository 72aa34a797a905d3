/*
 * Finds computed mailboxes by their names without walking through all of them: for each form of name a table
 * of 32-bit hashes, 8 bytes a name, made when the form is first asked for. A hit is only a candidate.
 */
import type { Mailbox, Recipient } from './mailbox.ts';

/** Forms of names: which attributes can be meant by them. */
const forms = {
  guid: (m: Recipient) => [m.guid, m.exchangeGuid],
  name: (m: Recipient) => [m.name],
  account: (m: Recipient) => [m.samAccountName],
  legacyDn: (m: Recipient) => [m.legacyExchangeDn],
  address: (m: Recipient) => [m.userPrincipalName, ...m.emailAddresses.map((a) => a.slice(a.indexOf(':') + 1))],
  plain: (m: Recipient) => [m.samAccountName, m.alias, m.name, m.displayName],
} as const satisfies Readonly<Record<string, (recipient: Recipient) => readonly string[]>>;

export type NameForm = keyof typeof forms;

/** FNV-1a over UTF-16 code units of the text in lower case. */
function hashOf(text: string): number {
  const lower = text.toLowerCase();
  let hash = 0x811c9dc5;
  for (let place = 0; place < lower.length; place += 1) hash = Math.imul(hash ^ lower.charCodeAt(place), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

class HashTable {
  readonly #heads: Int32Array;
  #next: Int32Array;
  #ids: Int32Array;
  #count = 0;

  constructor(expected: number) {
    let size = 1_024;
    while (size < expected) size *= 2;
    this.#heads = new Int32Array(size).fill(-1);
    this.#next = new Int32Array(expected);
    this.#ids = new Int32Array(expected);
  }

  add(text: string, id: number): void {
    if (this.#count === this.#ids.length) {
      this.#next = grown(this.#next);
      this.#ids = grown(this.#ids);
    }
    const slot = hashOf(text) & (this.#heads.length - 1);
    this.#next[this.#count] = this.#heads[slot] as number;
    this.#ids[this.#count] = id;
    this.#heads[slot] = this.#count;
    this.#count += 1;
  }

  find(text: string): readonly number[] {
    const ids = new Set<number>();
    for (let entry = this.#heads[hashOf(text) & (this.#heads.length - 1)] as number; entry >= 0; ) {
      ids.add(this.#ids[entry] as number);
      entry = this.#next[entry] as number;
    }
    return [...ids].sort((a, b) => a - b);
  }
}

function grown(array: Int32Array): Int32Array {
  const larger = new Int32Array(Math.max(1_024, array.length * 2));
  larger.set(array);
  return larger;
}

export class RecipientIndex {
  readonly #count: number;
  readonly #mailbox: (id: number) => Mailbox;
  readonly #tables = new Map<NameForm, HashTable>();

  constructor(count: number, mailbox: (id: number) => Mailbox) {
    this.#count = count;
    this.#mailbox = mailbox;
  }

  /** Mailboxes, as computed, of which one name of this form may be the text; ascending. */
  candidates(form: NameForm, text: string): readonly number[] {
    let table = this.#tables.get(form);
    if (table === undefined) {
      table = new HashTable(this.#count * 2);
      const names = forms[form];
      for (let id = 0; id < this.#count; id += 1) for (const name of names(this.#mailbox(id))) table.add(name, id);
      this.#tables.set(form, table);
    }
    return table.find(text);
  }
}

interface ChangedTable {
  readonly ids: Map<string, Set<number>>;
  /** Written to since their names were last looked at. */
  readonly pending: Set<number>;
}

/**
 * The same for recipients that were written to. Names that one had before stay in it: a hit is only a candidate.
 */
export class ChangedIndex {
  readonly #recipient: (id: number) => Recipient | undefined;
  readonly #changed: () => Iterable<number>;
  readonly #tables = new Map<NameForm, ChangedTable>();

  /** @param changed all that are to be found here, for a form that is asked for the first time */
  constructor(recipient: (id: number) => Recipient | undefined, changed: () => Iterable<number>) {
    this.#recipient = recipient;
    this.#changed = changed;
  }

  /** A recipient was written to. */
  mark(id: number): void {
    for (const { pending } of this.#tables.values()) pending.add(id);
  }

  /** Recipients of which one name of this form is, or was, the text. */
  candidates(form: NameForm, text: string): Iterable<number> {
    const table = this.#tables.get(form) ?? { ids: new Map(), pending: new Set(this.#changed()) };
    this.#tables.set(form, table);
    for (const id of table.pending) {
      const recipient = this.#recipient(id);
      // One that is not there, or not yet, is marked again when it is written to.
      for (const name of recipient === undefined ? [] : forms[form](recipient)) {
        const key = name.toLowerCase();
        const known = table.ids.get(key);
        if (known === undefined) table.ids.set(key, new Set([id]));
        else known.add(id);
      }
    }
    table.pending.clear();
    return table.ids.get(text.toLowerCase()) ?? [];
  }
}
