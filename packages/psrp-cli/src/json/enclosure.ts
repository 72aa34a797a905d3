/*
 * Which object encloses which, where they stand in the file. The reader resolves a reference to the very
 * object it names, so that a reference and the object's own place look the same; yet a reference to an
 * enclosing object must not be followed, and stays unfollowed when a finished object is written again
 * elsewhere. Both questions are answered by the place at which each object was first met.
 */
import type { PsMember, PsObject, PsValue } from '@exchange-connector/psrp';

/** Remembers, over all values of one file, in which object each object stands. */
export class Enclosures {
  readonly #holders = new WeakMap<PsObject, PsObject | null>();

  /** Told by the reader: `object` stands in `enclosing`. */
  readonly place = (object: PsObject, enclosing: PsObject | undefined): void => {
    this.#holders.set(object, enclosing ?? null);
  };

  /** For values that no reader made: learns the places of every object in `value` that is not known yet; references lead nowhere new. */
  add(value: PsValue): void {
    const waiting: (PsValue | PsObject | null)[] = [value, null];
    while (waiting.length > 0) {
      const holder = waiting.pop() as PsObject | null;
      const next = waiting.pop() as PsValue;
      switch (next.kind) {
        case 'Obj':
          if (this.#holders.has(next)) break;
          this.#holders.set(next, holder);
          // What is pushed last is met first: base, adapted, extended, as the wire has them.
          pushMembers(waiting, next.extended, next);
          for (let i = next.adapted.length - 1; i >= 0; i--) push(waiting, next.adapted[i]?.value, next);
          push(waiting, next.base, next);
          break;
        case 'LST':
        case 'IE':
        case 'STK':
        case 'QUE':
          for (let i = next.items.length - 1; i >= 0; i--) push(waiting, next.items[i], holder);
          break;
        case 'DCT':
          for (let i = next.entries.length - 1; i >= 0; i--) {
            push(waiting, next.entries[i]?.value, holder);
            push(waiting, next.entries[i]?.key, holder);
          }
          break;
        default:
      }
    }
  }

  /** Whether `outer` is `inner` or encloses it where it stands. */
  encloses(outer: PsObject, inner: PsObject | null): boolean {
    for (let at: PsObject | null | undefined = inner; at; at = this.#holders.get(at)) if (at === outer) return true;
    return false;
  }
}

/** Only what can hold an object is worth a visit. */
function push(waiting: (PsValue | PsObject | null)[], value: PsValue | undefined, holder: PsObject | null): void {
  if (value === undefined) return;
  if (value.kind === 'Obj' || 'items' in value || 'entries' in value) waiting.push(value, holder);
}

function pushMembers(waiting: (PsValue | PsObject | null)[], members: readonly PsMember[], holder: PsObject): void {
  for (let i = members.length - 1; i >= 0; i--) {
    const member = members[i];
    if (member === undefined) continue;
    if ('members' in member) pushMembers(waiting, member.members, holder);
    else push(waiting, member.value, holder);
  }
}
