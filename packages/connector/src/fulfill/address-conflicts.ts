/*
 * Who gives an address to whom, over a whole batch. An order may take an address that somebody has, if an order of the
 * batch takes it from that one first: passing on and swapping are such orders. Two objects may have one address one
 * after the other, never at once.
 */
import type { Draft } from './draft.ts';
import type { OrganisationView } from './organisation-view.ts';
import { searchedAddress } from './checks.ts';
import { addressKey, formatProxyAddress, type ProxyAddress } from './proxy-address.ts';
import { ReadingNeeded, Refused } from './refused.ts';

/** Why an order gets an address only after another order. */
export interface AddressNeed {
  /** The order whose release is waited for, by its index. */
  readonly from: number;
  readonly key: string;
}

/** What the addresses of a batch come to. */
export interface AddressVerdicts {
  readonly refused: ReadonlyMap<number, Refused>;
  readonly needs: ReadonlyMap<number, readonly AddressNeed[]>;
}

interface Event {
  readonly orderIndex: number;
  readonly guid: string;
  readonly address: ProxyAddress;
  readonly name: string;
}

function difference(left: readonly ProxyAddress[], right: readonly ProxyAddress[]): ProxyAddress[] {
  const keys = new Set(right.map(addressKey));
  return left.filter((address) => !keys.has(addressKey(address)));
}

function byKey(events: readonly Event[]): Map<string, Event[]> {
  const map = new Map<string, Event[]>();
  for (const event of events) {
    const key = addressKey(event.address);
    const known = map.get(key);
    if (known === undefined) map.set(key, [event]);
    else known.push(event);
  }
  return map;
}

/** The gains and losses of a batch, in the order of its orders. */
export class AddressLedger {
  readonly #gains: readonly Event[];
  readonly #gainsByKey: ReadonlyMap<string, readonly Event[]>;
  readonly #lossesByKey: ReadonlyMap<string, readonly Event[]>;

  constructor(drafts: readonly Draft[]) {
    const gains: Event[] = [];
    const losses: Event[] = [];
    for (const { order, object, addresses } of drafts) {
      if (addresses === undefined) continue;
      const event = (address: ProxyAddress): Event => ({
        orderIndex: order.head.index,
        guid: addresses.guid,
        address,
        name: object.name,
      });
      gains.push(...difference(addresses.after, addresses.before).map(event));
      losses.push(...difference(addresses.before, addresses.after).map(event));
    }
    this.#gains = gains;
    this.#gainsByKey = byKey(gains);
    this.#lossesByKey = byKey(losses);
  }

  /** @throws ReadingNeeded once all addresses were asked for */
  judge(view: OrganisationView): AddressVerdicts {
    const refused = new Map<number, Refused>();
    const needs = new Map<number, AddressNeed[]>();
    let unread = false;
    for (const gain of this.#gains) {
      try {
        const found = this.#needsOf(gain, view);
        const known = needs.get(gain.orderIndex);
        if (known === undefined) needs.set(gain.orderIndex, found);
        else known.push(...found);
      } catch (error) {
        if (error instanceof ReadingNeeded) unread = true;
        else if (error instanceof Refused) {
          if (!refused.has(gain.orderIndex)) refused.set(gain.orderIndex, error);
        } else throw error;
      }
    }
    if (unread) throw new ReadingNeeded();
    return { refused, needs };
  }

  #needsOf(gain: Event, view: OrganisationView): AddressNeed[] {
    const key = addressKey(gain.address);
    const losses = this.#lossesByKey.get(key) ?? [];
    const found: AddressNeed[] = [];
    for (const holder of view.holders(searchedAddress(gain.address))) {
      if (holder.guid === gain.guid) continue;
      const release = losses.find((loss) => loss.guid === holder.guid);
      if (release === undefined) {
        throw new Refused(
          'conflict',
          `the address ${formatProxyAddress(gain.address)} is in use by ${holder.description}`,
        );
      }
      found.push({ from: release.orderIndex, key });
    }
    // Of two orders that want one address the first gets it, and has to give it up again before the second.
    for (const earlier of this.#gainsByKey.get(key) ?? []) {
      if (earlier.guid === gain.guid || earlier.orderIndex >= gain.orderIndex) continue;
      const release = losses.find((loss) => loss.guid === earlier.guid && loss.orderIndex > earlier.orderIndex);
      if (release === undefined) {
        throw new Refused(
          'conflict',
          `the address ${formatProxyAddress(gain.address)} goes to ${earlier.name} by order ${earlier.orderIndex} of this batch`,
        );
      }
      found.push({ from: release.orderIndex, key });
    }
    return found;
  }
}
