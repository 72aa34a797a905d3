/* The organisation as the calls of an undo will leave it, laid over what was read. */
import { listOf } from './field-rule.ts';
import type { FieldValue } from './field-value.ts';
import type { LiveObject } from './live-state.ts';
import { textField } from './organisation-view.ts';
import type { Check, InverseCall, ObjectIdentity } from './plan.ts';
import { addressKey, parseProxyAddress, primaryField } from './proxy-address.ts';

/** A database that is made again has another GUID, and goes by its name; mailboxes may share a name. */
export function keysOf({ kind, guid, name }: ObjectIdentity): string[] {
  const keys = kind === 'database' ? [guid, name] : [guid ?? name];
  return keys.flatMap((key) => (key === undefined ? [] : [key.toLowerCase()]));
}

/** What the calls planned so far make of the organisation. */
export class UndoneState {
  /** By GUID or name; `undefined` where the object is gone. */
  readonly #objects = new Map<string, Record<string, FieldValue> | undefined>();
  /** All addresses of the objects whose addresses a call changes, by GUID. */
  readonly #addresses = new Map<string, ReadonlySet<string>>();

  apply(call: InverseCall, object: ObjectIdentity): void {
    const isGone = /^(Disable|Remove)-Mailbox(Database)?$/.test(call.cmdlet);
    for (const key of keysOf(object)) {
      const fields = { ...this.#objects.get(key), ...call.after, ...primaryField(call.after) };
      this.#objects.set(key, isGone ? undefined : fields);
    }
    const guid = object.guid ?? '';
    if (isGone) this.#addresses.set(guid, new Set());
    else if ('EmailAddresses' in call.after) {
      const held = listOf(call.after['EmailAddresses']).map((text) => addressKey(parseProxyAddress(text)));
      this.#addresses.set(guid, new Set(held));
    }
  }

  /** The objects that a check's read would give once the calls so far are carried out. */
  objects({ read }: Check, objects: readonly LiveObject[]): readonly LiveObject[] {
    switch (read.kind) {
      case 'mailbox':
        return this.#laidOver(read.guid, objects);
      case 'database':
        return this.#laidOver(read.identity, objects);
      case 'addressHolders':
        return this.#holding(read.address, objects);
      case 'moveRequest': {
        const overlay = this.#objects.get(read.guid);
        return overlay !== undefined && 'MoveRequest' in overlay && overlay['MoveRequest'] === null ? [] : objects;
      }
      case 'inhabitants':
        return objects.filter((object) => {
          const guid = textField(object, 'Guid');
          return !(read.population === 'archives' ? this.#isGone(guid) : this.#hasLeft(guid, read.database));
        });
      default:
        return objects;
    }
  }

  #laidOver(key: string, objects: readonly LiveObject[]): readonly LiveObject[] {
    const wanted = key.toLowerCase();
    if (!this.#objects.has(wanted)) return objects;
    const overlay = this.#objects.get(wanted);
    return overlay === undefined ? [] : [{ ...objects[0], ...overlay }];
  }

  #holding(address: string, objects: readonly LiveObject[]): readonly LiveObject[] {
    const key = addressKey(parseProxyAddress(address));
    const still = objects.filter((object) => this.#addresses.get(textField(object, 'Guid'))?.has(key) !== false);
    const shown = new Set(still.map((object) => textField(object, 'Guid')));
    const more = [...this.#addresses]
      .filter(([guid, held]) => held.has(key) && !shown.has(guid))
      .map(([guid]) => ({ Guid: guid, DisplayName: 'another mailbox of this undo', EmailAddresses: [address] }));
    return [...still, ...more];
  }

  #isGone(guid: string): boolean {
    return this.#objects.has(guid) && this.#objects.get(guid) === undefined;
  }

  #hasLeft(guid: string, database: string): boolean {
    const place = this.#objects.get(guid)?.['Database'];
    return this.#isGone(guid) || (typeof place === 'string' && place.toLowerCase() !== database.toLowerCase());
  }
}
