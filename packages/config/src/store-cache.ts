import type { Secret } from './connection-settings.ts';
import type { StoredAccount } from './setting-stores.ts';

interface Kept<Value> {
  readonly value: Value;
  readonly atMs: number;
}

/**
 * What the stores gave, for as long as their settings say. What is too old is never given out, also not
 * while a store is down.
 */
export class StoreCache {
  readonly #now: () => number;
  readonly #vaults = new Map<string, Kept<ReadonlyMap<string, Secret>>>();
  readonly #accounts = new Map<string, Kept<StoredAccount>>();

  /** @param now milliseconds of a clock that only goes forward */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Forgets everything: the next reading asks the stores. */
  clear(): void {
    this.#vaults.clear();
    this.#accounts.clear();
  }

  async vault(
    address: string,
    cacheMs: number,
    read: () => Promise<ReadonlyMap<string, Secret>>,
  ): Promise<ReadonlyMap<string, Secret>> {
    return this.#keep(this.#vaults, address, cacheMs, read);
  }

  async account(key: string, cacheMs: number, read: () => Promise<StoredAccount>): Promise<StoredAccount> {
    return this.#keep(this.#accounts, key, cacheMs, read);
  }

  async #keep<Value>(
    kept: Map<string, Kept<Value>>,
    key: string,
    cacheMs: number,
    read: () => Promise<Value>,
  ): Promise<Value> {
    const known = kept.get(key);
    if (known !== undefined && this.#now() - known.atMs < cacheMs) return known.value;
    kept.delete(key);
    const atMs = this.#now();
    const value = await read();
    kept.set(key, { value, atMs });
    return value;
  }
}
