/*
 * Cookies of one server, above all MS-WSMAN, by which Exchange's front end finds the back end that holds the
 * shell. Path and Secure are ignored on purpose: servers set a path whose case differs from the URL's, and a
 * strict jar then loses the shell (fault 2150858843).
 */

const maxCookies = 64;
const maxCookieBytes = 8192;

/** Keeps cookies for one host and gives them back on every request, whatever the connection. */
export class CookieStore {
  readonly #cookies = new Map<string, string>();

  /** The value of the Cookie header; `undefined` where there is none. */
  header(): string | undefined {
    if (this.#cookies.size === 0) return undefined;
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** Takes what {@link header} gave another store. */
  restore(header: string): void {
    this.store(header.split(';').map((pair) => pair.trim()));
  }

  /** Takes the Set-Cookie headers of an answer. */
  store(setCookie: readonly string[] | undefined, now: number = Date.now()): void {
    for (const line of setCookie ?? []) {
      const [pair = '', ...attributes] = line.split(';');
      const equals = pair.indexOf('=');
      const name = pair.slice(0, equals).trim();
      if (equals < 1 || name === '' || line.length > maxCookieBytes) continue;
      if (expired(attributes, now)) this.#cookies.delete(name);
      else if (this.#cookies.has(name) || this.#cookies.size < maxCookies)
        this.#cookies.set(name, pair.slice(equals + 1).trim());
    }
  }
}

function expired(attributes: readonly string[], now: number): boolean {
  for (const attribute of attributes) {
    const [name = '', value = ''] = attribute.split('=', 2).map((part) => part.trim());
    if (name.toLowerCase() === 'max-age' && /^-?\d+$/.test(value)) return Number.parseInt(value, 10) <= 0;
  }
  const expires = attributes.find((attribute) => /^\s*expires\s*=/i.test(attribute));
  const date = expires === undefined ? Number.NaN : Date.parse(expires.slice(expires.indexOf('=') + 1));
  return date <= now;
}
