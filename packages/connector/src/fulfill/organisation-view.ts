/*
 * The organisation as the planner sees it: what was read, with what the orders planned so far make of it laid over.
 * What was not read yet is remembered, and asked for in the next round.
 */
import type { FieldValue, Fields } from './field-value.ts';
import { listOf } from './field-rule.ts';
import type { LiveObject, LiveState, Read } from './live-state.ts';
import { readKey } from './live-readings.ts';
import { addressKey, parseProxyAddress } from './proxy-address.ts';
import { ReadingNeeded, Refused } from './refused.ts';

/** The domain of a distinguished name: `CN=a,OU=b,DC=emea,DC=contoso,DC=com` → `emea.contoso.com`. */
export function domainOfName(distinguishedName: FieldValue | undefined): string | undefined {
  if (typeof distinguishedName !== 'string') return undefined;
  const parts = [...distinguishedName.matchAll(/(?:^|,)\s*DC=([^,]+)/gi)].map((match) => (match[1] ?? '').trim());
  return parts.length === 0 ? undefined : parts.join('.').toLowerCase();
}

/** The domain that a domain controller serves: what follows the first dot of its name. */
export function domainOfController(name: string | undefined): string | undefined {
  const dot = name?.indexOf('.') ?? -1;
  return dot < 0 ? undefined : name?.slice(dot + 1).toLowerCase();
}

/** A text field of an object; empty where there is none. */
export function textField(object: LiveObject | undefined, name: string): string {
  const value = object?.[name];
  return value === undefined || value === null || typeof value === 'object' ? '' : String(value);
}

/** Who has an address. */
export interface Holder {
  readonly guid: string;
  /** For a person: `Sales Team (MailUniversalDistributionGroup)`. */
  readonly description: string;
}

/** What a batch has made of a mailbox: `undefined` in `fields` where it is gone. */
interface Overlay {
  readonly fields: LiveObject | undefined;
}

export class OrganisationView {
  readonly #live: LiveState;
  /** The domain controller of the batch. */
  readonly domainController: string | undefined;
  readonly #missing = new Map<string, Read>();
  readonly #mailboxes = new Map<string, Overlay>();
  readonly #databases = new Map<string, Overlay>();

  constructor(live: LiveState, domainController: string | undefined) {
    this.#live = live;
    this.domainController = domainController;
  }

  /** What has to be read before planning comes to an end. */
  get missing(): readonly Read[] {
    return [...this.#missing.values()];
  }

  /** The domain whose objects the batch's domain controller knows. */
  get batchDomain(): string | undefined {
    return domainOfController(this.domainController);
  }

  /** What a read gave; what the server's version does not know is nothing. */
  objects(read: Read): readonly LiveObject[] {
    const result = this.#live.result(read);
    if (result === undefined) {
      this.#missing.set(readKey(read), read);
      throw new ReadingNeeded();
    }
    if (result.kind === 'failed') throw new Refused(result.class, result.reason, result.errorId);
    return result.kind === 'unavailable' ? [] : result.objects;
  }

  /** As {@link objects}, but asks for all reads of a list before it waits for one. */
  objectsOfAll(reads: readonly Read[]): readonly (readonly LiveObject[])[] {
    const unread = reads.filter((read) => this.#live.result(read) === undefined);
    for (const read of unread) this.#missing.set(readKey(read), read);
    if (unread.length > 0) throw new ReadingNeeded();
    return reads.map((read) => this.objects(read));
  }

  /** Whether an account may ask this at all. */
  isUnavailable(read: Read): boolean {
    return this.#live.result(read)?.kind === 'unavailable';
  }

  /** The account: seen by the batch's domain controller, else somewhere in the forest. */
  users(by: 'samAccountName' | 'guid' | 'identity', value: string): readonly LiveObject[] {
    const near = this.domainController === undefined ? [] : this.objects({ kind: 'user', by, value, view: 'batch' });
    if (near.length > 0) return near;
    const domain = this.batchDomain;
    // Of its own domain the batch's controller knows best: what it does not have is gone.
    return this.objects({ kind: 'user', by, value, view: 'forest' }).filter(
      (user) => domain === undefined || domainOfName(user['DistinguishedName']) !== domain,
    );
  }

  /** The mailbox of an account as the orders so far leave it. */
  mailbox(guid: string, domain: string | undefined): LiveObject | undefined {
    const overlay = this.#mailboxes.get(guid);
    if (overlay !== undefined) return overlay.fields;
    return this.objects({ kind: 'mailbox', guid, domain })[0];
  }

  /** Whether an order before has made or changed or removed the mailbox. */
  isOverlaid(guid: string): boolean {
    return this.#mailboxes.has(guid);
  }

  /** Whether the mailbox was there before the batch, and an order of the batch has not made it anew. */
  isRead(guid: string): boolean {
    const overlay = this.#mailboxes.get(guid);
    return overlay === undefined || overlay.fields?.['ExchangeGuid'] !== undefined;
  }

  setMailbox(guid: string, fields: LiveObject | undefined): void {
    this.#mailboxes.set(guid, { fields });
  }

  /** A database by name or GUID, as the orders so far leave it; one that they rename by its old name, too. */
  database(identity: string): LiveObject | undefined {
    const wanted = identity.toLowerCase();
    for (const { fields } of this.#databases.values()) {
      if (fields !== undefined && databaseNames(fields).includes(wanted)) return fields;
    }
    const read = this.objects({ kind: 'database', identity })[0];
    if (read === undefined) return undefined;
    const overlay = this.#databases.get(textField(read, 'Guid'));
    return overlay === undefined ? read : overlay.fields;
  }

  /** A database that has this name once the orders so far are carried out. */
  databaseNamed(name: string): LiveObject | undefined {
    const found = this.database(name);
    return textField(found, 'Name').toLowerCase() === name.toLowerCase() ? found : undefined;
  }

  /** `key`: the GUID, or for one that the batch creates its name. */
  setDatabase(key: string, fields: LiveObject | undefined): void {
    this.#databases.set(key, { fields });
  }

  /** Who has an address before the batch. */
  holders(address: string): readonly Holder[] {
    const reads: Read[] = [{ kind: 'addressHolders', address, view: 'forest' }];
    if (this.domainController !== undefined) reads.unshift({ kind: 'addressHolders', address, view: 'batch' });
    const answers = this.objectsOfAll(reads);
    const near = this.domainController === undefined ? [] : (answers[0] ?? []);
    const domain = this.batchDomain;
    const far = (answers.at(-1) ?? []).filter(
      (object) => domain === undefined || domainOfName(object['DistinguishedName']) !== domain,
    );
    const holders = new Map<string, Holder>();
    for (const object of [...near, ...far]) {
      // A filter of a server may match more than it should: what counts is what the object has.
      if (!hasAddress(object, address)) continue;
      const guid = textField(object, 'Guid');
      if (!holders.has(guid)) holders.set(guid, { guid, description: describeRecipient(object) });
    }
    return [...holders.values()];
  }
}

function hasAddress(object: LiveObject, address: string): boolean {
  const list = listOf(object['EmailAddresses']);
  if (list.length === 0) return true;
  const wanted = addressKey(parseProxyAddress(address));
  return list.some((held) => addressKey(parseProxyAddress(held)) === wanted);
}

function databaseNames(fields: Fields): string[] {
  return [textField(fields, 'Name'), textField(fields, 'Guid'), textField(fields, 'DistinguishedName')]
    .filter((name) => name !== '')
    .map((name) => name.toLowerCase());
}

/** `Sales Team (MailUniversalDistributionGroup)`. */
export function describeRecipient(object: LiveObject): string {
  const name = textField(object, 'DisplayName') || textField(object, 'Name') || textField(object, 'Guid');
  const kind = textField(object, 'RecipientTypeDetails') || textField(object, 'RecipientType');
  return kind === '' ? name : `${name} (${kind})`;
}
