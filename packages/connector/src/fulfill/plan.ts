import type { FieldValue, Fields } from './field-value.ts';
import type { Read } from './live-state.ts';
import type { OrderHead } from './order.ts';
import type { RefusalClass } from './refusal.ts';

/** The object that an order or a step is about. */
export interface ObjectIdentity {
  readonly kind: 'mailbox' | 'database';
  /** Lower-case; `undefined` for a database that the plan itself creates. */
  readonly guid: string | undefined;
  /** For a person: the display name or name. */
  readonly name: string;
  /** The domain of a mailbox, `emea.contoso.com`; `undefined` for a database. */
  readonly domain: string | undefined;
}

/** What a field has to be, as compared by the field's own rule (addresses, sizes, identities: not letter by letter). */
export interface Check {
  readonly read: Read;
  readonly expect: /** The read finds one object with these fields. */
    | { readonly kind: 'fields'; readonly fields: Fields }
    /** The read finds nothing. */
    | { readonly kind: 'absent' }
    /** The read finds nothing but, at most, the object of this GUID. */
    | {
        readonly kind: 'noneBut';
        readonly guid: string | undefined;
        /** Objects of this domain do not count: another check asks its domain controller, which knows better. */
        readonly outside: string | undefined;
      };
}

/** What a parameter takes: a value, or `@{Add=…; Remove=…}` for a list of which the rest stays as it is. */
export type ParameterValue =
  | FieldValue
  | { readonly add?: readonly string[] | undefined; readonly remove?: readonly string[] | undefined };

/** A cmdlet with its arguments; `-DomainController`, `-Confirm:$false` and `-WhatIf` are added when it is sent. */
export interface CmdletCall {
  readonly cmdlet: string;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
}

/** One call taken back, with what it leads back to. */
export interface InverseCall extends CmdletCall {
  readonly purpose: string;
  readonly before: Fields;
  readonly after: Fields;
  readonly preconditions: readonly Check[];
  readonly expectation: readonly Check[];
}

/** How a step is taken back. */
export type Inverse =
  /** `calls` in this order lead back to the state before; `notes` say what they cannot bring back. */
  | { readonly kind: 'calls'; readonly calls: readonly InverseCall[]; readonly notes: readonly string[] }
  | { readonly kind: 'impossible'; readonly reason: string };

/** One call of a plan. */
export interface Step extends CmdletCall {
  /** Its place in the plan, from 1: steps are carried out in this order. */
  readonly number: number;
  /** The index of the order that it is a part of. */
  readonly orderIndex: number;
  readonly object: ObjectIdentity;
  /** For a person: `change the addresses of Victor Bellanger`. */
  readonly purpose: string;
  /** The fields that it changes: as they are before, as they are after. */
  readonly before: Fields;
  readonly after: Fields;
  /** What must still be so when the step is carried out. */
  readonly preconditions: readonly Check[];
  /** What a read on the same domain controller has to show afterwards. */
  readonly expectation: readonly Check[];
  readonly inverse: Inverse;
  /** Errors of these classes are tried again; a new database cannot be mounted before the directory has told of it. */
  readonly retry: { readonly attempts: number; readonly waitMs: number; readonly onAnyError: boolean } | undefined;
  /** The request of a move is followed until it has ended (`WaitForMove`). */
  readonly follow: 'move' | undefined;
  /**
   * `takeBack`: where this step fails, or cannot be carried out because one that it needs failed, the steps of its
   * order before it are taken back by their inverses: a database is not left dismounted, an address not given away.
   */
  readonly onFailure: 'leave' | 'takeBack';
  /** Numbers of the steps of other orders without which this one must not be carried out. */
  readonly needs: readonly number[];
}

/** What becomes of one order. */
export type OrderDecision =
  | {
      readonly kind: 'planned';
      readonly object: ObjectIdentity;
      /** All fields that the order changes, before its first step and after its last. */
      readonly before: Fields;
      readonly after: Fields;
      /** The numbers of its steps. */
      readonly steps: readonly number[];
      readonly notes: readonly string[];
    }
  /** Its end state already stands: the order is `Executed`. */
  | { readonly kind: 'nothingToDo'; readonly object: ObjectIdentity | undefined; readonly notes: readonly string[] }
  | {
      readonly kind: 'refused';
      readonly class: RefusalClass;
      readonly reason: string;
      /** The server's identifier where a failed read is the reason. */
      readonly errorId: string | undefined;
      readonly object: ObjectIdentity | undefined;
      readonly notes: readonly string[];
    };

export interface PlannedOrder {
  readonly order: OrderHead;
  readonly decision: OrderDecision;
}

/** A threshold that a batch passes. */
export interface ExceededThreshold {
  /** The setting's name, e.g. `MaximumDeletedLines`. */
  readonly setting: string;
  readonly limit: number;
  readonly found: number;
  /** For a person. */
  readonly message: string;
}

/** What a batch of orders would do. */
export interface Plan {
  readonly kind: 'plan';
  /** The domain controller that every read and write of the batch names; `undefined`: the server chooses. */
  readonly domainController: string | undefined;
  readonly orders: readonly PlannedOrder[];
  readonly steps: readonly Step[];
  /** Not empty: nothing may be carried out until a person releases it. */
  readonly exceeded: readonly ExceededThreshold[];
}

/** What a connection's settings say of fulfilment. */
export interface FulfillSettings {
  readonly allowRemoveMailbox: boolean;
  readonly waitForMove: boolean;
  /** GUIDs, SAM account names, addresses, names, identities; `*` stands for any text. */
  readonly protectedMailboxes: readonly string[];
  readonly protectedDatabases: readonly string[];
  /** The most orders of each kind that a batch may carry out per target; 0: any number. */
  readonly maximumInsertedLines: number;
  readonly maximumUpdatedLines: number;
  readonly maximumDeletedLines: number;
  /** Percent of the organisation's mailboxes, from 200 mailboxes upward; 0: any share. */
  readonly maxPercentageInsertedLines: number;
  readonly maxPercentageUpdatedLines: number;
  readonly maxPercentageDeletedLines: number;
  /** `ValueSeparator`: what stands between the addresses of one text. */
  readonly valueSeparator: string;
  readonly mountAttempts: number;
  readonly mountWaitMs: number;
  readonly domainController: string | undefined;
  /** `RecipientTypeDetails` of new mailboxes whose orders say no kind; default `UserMailbox`. */
  readonly newMailboxKind?: string | undefined;
  /** For new linked mailboxes whose orders say none. */
  readonly linkedDomainController?: string | undefined;
  /** False: accounts of other domains of the forest are not seen. What is not seen may be there. */
  readonly forestInView?: boolean;
}
