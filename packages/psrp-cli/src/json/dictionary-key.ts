/* The keys of a CLIXML dictionary as the keys of a JSON object. */
import { isPsList, isPsNumber, isPsText, type PsDictionaryEntry, type PsValue, textOf } from '@exchange-connector/psrp';
import { assertNever } from '../errors.ts';

/** A SecureString is shown as this, whatever it holds. */
export const secureStringText = 'System.Security.SecureString';

/** The string that an entry's key would be in JSON; numbers and Booleans as on the wire. */
export function keyTextOf(entry: PsDictionaryEntry): string {
  return entry.keyText ?? textOfKey(entry.key);
}

function textOfKey(key: PsValue): string {
  if (isPsText(key) || isPsNumber(key)) return textOf(key) ?? '';
  // A container has no text of its own; PowerShell never writes one as a key.
  if (isPsList(key)) return 'null';
  switch (key.kind) {
    case 'Nil':
      return 'null';
    case 'B':
      return textOf(key) ?? '';
    case 'BA':
      return Buffer.from(key.value.buffer, key.value.byteOffset, key.value.byteLength).toString('base64');
    case 'SS':
      return secureStringText;
    case 'Obj': {
      let object = key;
      const seen = new Set([key]);
      for (;;) {
        if (object.display !== undefined) return object.display;
        if (object.base === undefined) return 'null';
        if (object.base.kind !== 'Obj') return textOfKey(object.base);
        object = object.base;
        if (seen.has(object)) return 'null';
        seen.add(object);
      }
    }
    case 'PR':
    case 'DCT':
      return 'null';
    default:
      return assertNever(key);
  }
}

/** Gives each key of one dictionary a name of its own: what stands already gets ` (2)`, then ` (3)`. */
export class UniqueKeys {
  readonly #taken = new Set<string>();
  readonly #lastSuffix = new Map<string, number>();

  name(key: string): string {
    if (!this.#taken.has(key)) {
      this.#taken.add(key);
      return key;
    }
    let suffix = this.#lastSuffix.get(key) ?? 1;
    let name: string;
    do {
      suffix++;
      name = `${key} (${suffix})`;
    } while (this.#taken.has(name));
    this.#lastSuffix.set(key, suffix);
    this.#taken.add(name);
    return name;
  }
}
