/*
 * Which object encloses which, where they stand in the file. The reader resolves a reference to the very
 * object it names, so that a reference and the object's own place look the same; yet a reference to an
 * enclosing object must not be followed, and stays unfollowed when a finished object is written again
 * elsewhere. Both questions are answered by the place at which each object was first met.
 *
 * Objects are numbered as they begin. When one ends it gets the number of the next to begin, so that
 *
 *   outer encloses inner   ⇔   outer.begin <= inner.begin < outer.end
 */
import type { PsMember, PsObject, PsValue } from '@exchange-connector/psrp';

/** Where an object begins and ends. */
interface Place {
  readonly object: PsObject;
  readonly begin: number;
  end: number;
}

/** Remembers, over all values of one file, in which object each object stands. */
export class Enclosures {
  readonly #places = new WeakMap<PsObject, Place>();
  /** The objects that have begun and, as far as is known, not ended. */
  readonly #open: Place[] = [];
  #next = 0;

  /** Told by the reader, object by object as they begin: `object` stands in `enclosing`. */
  readonly place = (object: PsObject, enclosing: PsObject | undefined): void => {
    for (let last = this.#open.at(-1); last !== undefined && last.object !== enclosing; last = this.#open.at(-1)) {
      last.end = this.#next;
      this.#open.pop();
    }
    const place = { object, begin: this.#next, end: Number.POSITIVE_INFINITY };
    this.#next += 1;
    this.#open.push(place);
    this.#places.set(object, place);
  };

  /** For values that no reader made: learns the places of every object that is not known yet. */
  add(value: PsValue): void {
    const waiting: (PsValue | PsObject | undefined)[] = [value, undefined];
    while (waiting.length > 0) {
      const holder = waiting.pop() as PsObject | undefined;
      const next = waiting.pop() as PsValue;
      switch (next.kind) {
        case 'Obj':
          if (this.#places.has(next)) break;
          this.place(next, holder);
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
  encloses(outer: PsObject, inner: PsObject | undefined): boolean {
    if (outer === inner) return true;
    if (inner === undefined) return false;
    const [around, inside] = [this.#places.get(outer), this.#places.get(inner)];
    return around !== undefined && inside !== undefined && around.begin <= inside.begin && inside.begin < around.end;
  }
}

/** Only what can hold an object is worth a visit. */
function push(waiting: unknown[], value: PsValue | undefined, holder: PsObject | undefined): void {
  if (value === undefined) return;
  if (value.kind === 'Obj' || 'items' in value || 'entries' in value) waiting.push(value, holder);
}

function pushMembers(waiting: unknown[], members: readonly PsMember[], holder: PsObject): void {
  for (let i = members.length - 1; i >= 0; i--) {
    const member = members[i];
    if (member === undefined) continue;
    if ('members' in member) pushMembers(waiting, member.members, holder);
    else push(waiting, member.value, holder);
  }
}
