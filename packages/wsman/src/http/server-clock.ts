/*
 * What the server's clock says: the Date of its answers (RFC 9110 6.6.1), carried on by this machine's monotonic
 * clock. Over plain http nobody vouches for it, however the bodies are sealed: it is good for caution alone.
 */

/** A clock that stands at an earlier year was never set. */
const earliest = Date.UTC(2010, 0, 1);
const latest = Date.UTC(2200, 0, 1);

export class ServerClock {
  #seen: { readonly time: number; readonly at: number } | undefined;

  /** Takes the Date header of an answer that came just now. */
  note(date: string | undefined, at: number = performance.now()): void {
    const time = date === undefined ? Number.NaN : Date.parse(date);
    if (time >= earliest && time < latest) this.#seen = { time, at };
  }

  /** Milliseconds since 1970, to a second or so; `undefined` where no answer told. */
  now(at: number = performance.now()): number | undefined {
    return this.#seen === undefined ? undefined : this.#seen.time + (at - this.#seen.at);
  }
}
