import type { FieldValue } from './field-value.ts';

/** What an order does to its object. */
export type ChangeType = 'Added' | 'Modified' | 'Deleted';

/** What an order is about: `MicrosoftExchange_Mailbox`, `MicrosoftExchange_Database`. */
export type OrderTarget = 'mailbox' | 'database';

/** One name that an order has for its object. */
export interface OrderIdentity {
  /** `name` is a database's. */
  readonly by: 'samAccountName' | 'guid' | 'identity' | 'name';
  readonly value: string;
}

/** One field of an order. `value` is `null` where the order takes the value away. */
export interface OrderField {
  /** As the order spells it, for messages. */
  readonly name: string;
  /** Text, number and Boolean as the order has them; a list of texts; `{ "Name": "DB1" }` is its name. */
  readonly value: FieldValue;
}

/** What identifies an order in results and messages. */
export interface OrderHead {
  /** Its place among the orders of the run, from 1. */
  readonly index: number;
  /** Where it stands, for messages: `orders.json, order 3`. */
  readonly place: string;
  /** `AssignedResourceTypeId`: what its result is known by. */
  readonly assignmentId: string;
  /** As the order spells it, also where it is none of the three. */
  readonly changeTypeText: string;
  /** `Owner.Id`. */
  readonly ownerId: string;
  /** `ResourceType.SourceEntityType.Identifier`. */
  readonly ownerType: string;
  /** What it is about, as it names it itself: `mailbox with SamAccountName "vbellanger"`; absent where that cannot be told. */
  readonly about?: string;
}

/** An order that can be planned. */
export interface Order {
  readonly kind: 'order';
  readonly head: OrderHead;
  readonly changeType: ChangeType;
  readonly target: OrderTarget;
  /**
   * At least one. A mailbox: `SamAccountName`, else `Guid`, else `Identity`, each looked up in `Changes`, then in
   * `Resource`. A database: its GUID, the name in `Resource`, the name in `Changes`; the first that is there counts.
   */
  readonly identities: readonly OrderIdentity[];
  /** `Changes`, by lower-case name. */
  readonly changes: ReadonlyMap<string, OrderField>;
  /** `Resource`, by lower-case name. */
  readonly resource: ReadonlyMap<string, OrderField>;
}

/** An order that cannot be understood; it has its result all the same. */
export interface UnusableOrder {
  readonly kind: 'unusable';
  readonly head: OrderHead;
  /** What is wrong with it, for a person. */
  readonly reason: string;
}

/** What reading an order gives. */
export type OrderReading = Order | UnusableOrder;
