import type { Fields } from './field-value.ts';
import type { LiveObject } from './live-state.ts';
import type { Order } from './order.ts';
import type { ObjectIdentity, Step } from './plan.ts';
import type { ProxyAddress } from './proxy-address.ts';

/** A step before it has its place in a plan. */
export type DraftStep = Omit<Step, 'number' | 'orderIndex' | 'needs'>;

/** What an order does to the addresses of its mailbox. */
export interface AddressChange {
  readonly guid: string;
  readonly before: readonly ProxyAddress[];
  readonly after: readonly ProxyAddress[];
  /** Which of the draft's steps does it; it comes first to last. */
  readonly step: number;
  /** Whether addresses can be taken away first and added later: a change of an existing mailbox. */
  readonly divisible: boolean;
  /** `EmailAddressPolicyEnabled` before. */
  readonly policyEnabled: boolean;
  readonly alias: string;
  /** As it was before; empty for one that is made or taken away. */
  readonly mailbox: LiveObject;
}

/** One order as planned by itself, on the state that the orders before it leave. */
export interface Draft {
  readonly order: Order;
  readonly object: ObjectIdentity;
  /** Empty: nothing is to be done. */
  readonly steps: readonly DraftStep[];
  readonly before: Fields;
  readonly after: Fields;
  readonly notes: readonly string[];
  readonly addresses: AddressChange | undefined;
  /** Orders that have to be carried out before, by their index. */
  readonly needs: readonly number[];
}
