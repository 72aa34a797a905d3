import type { Fields } from './field-value.ts';
import type { RefusalClass } from './refusal.ts';

/**
 * Where a read is answered from. `batch`: the domain controller of the batch, which has every write of it.
 * `forest`: without a domain controller, so that objects of other domains are seen too (a global catalog, which lags).
 */
export type ReadView = 'batch' | 'forest';

/** What the planner asks about the organisation. Values are compared without regard to case. */
export type Read =
  /** `Get-User` by one exact attribute, or by what `-Identity` takes: the account, with a mailbox or without. */
  | {
      readonly kind: 'user';
      readonly by: 'samAccountName' | 'guid' | 'identity';
      readonly value: string;
      readonly view: ReadView;
    }
  /** `Get-Mailbox` of an account; `domain` is the account's, e.g. `emea.contoso.com`. */
  | { readonly kind: 'mailbox'; readonly guid: string; readonly domain: string | undefined }
  /** `Get-Recipient` of any kind that has this proxy address (with its prefix: `smtp:a@b`). */
  | { readonly kind: 'addressHolders'; readonly address: string; readonly view: ReadView }
  /** `Get-Recipient` by what `-Identity` takes: whom a forwarding address names. */
  | { readonly kind: 'recipient'; readonly identity: string }
  /** `Get-MailboxDatabase -Status` by name or GUID. */
  | { readonly kind: 'database'; readonly identity: string }
  /**
   * Who lives in a database: at most `inhabitantsShown` of each population. Archives are found by its distinguished
   * name; by its name only those beside the mailboxes that they belong to.
   */
  | { readonly kind: 'inhabitants'; readonly database: string; readonly population: Population }
  /** `Get-MoveRequest` of a mailbox; nothing where there is none. */
  | { readonly kind: 'moveRequest'; readonly guid: string; readonly domain: string | undefined }
  /** `Get-Command` of a cmdlet: `Parameters` are the names of those that the account may use; nothing where it may not. */
  | { readonly kind: 'command'; readonly name: string }
  /** `Get-Mailbox -ResultSize <upTo>`: how many mailboxes there are, counted no further. */
  | { readonly kind: 'mailboxCount'; readonly upTo: number };

/** Who can live in a database; each is asked for by itself, as `Get-Mailbox` hides most of them. */
export type Population =
  | 'mailboxes'
  | 'archives'
  | 'arbitration'
  | 'publicFolder'
  | 'auditLog'
  | 'auxAuditLog'
  | 'migration'
  | 'monitoring'
  | 'mailboxPlans'
  | 'moveRequests';

/** One object as the server gave it: the properties that the read is for, by name; what it lacks is absent. */
export type LiveObject = Fields;

/** What a read gave. Nothing found is `objects: []`. */
export type ReadResult =
  | { readonly kind: 'read'; readonly objects: readonly LiveObject[] }
  /** The account may not ask this, or the server's version has no such cmdlet or parameter; it can be done without. */
  | { readonly kind: 'unavailable'; readonly reason: string }
  | { readonly kind: 'failed'; readonly class: RefusalClass; readonly reason: string; readonly errorId: string };

/** The organisation as far as it was read. */
export interface LiveState {
  /** `undefined`: not read yet. */
  result(read: Read): ReadResult | undefined;
}
