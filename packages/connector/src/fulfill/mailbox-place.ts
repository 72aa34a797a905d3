/* The database that a mailbox is to live in. */
import type { LiveObject } from './live-state.ts';
import { changedText } from './mailbox-kind.ts';
import type { Order } from './order.ts';
import { type OrganisationView, textField } from './organisation-view.ts';
import type { FulfillSettings } from './plan.ts';
import { Refused } from './refused.ts';

/** What is at hand while one mailbox order is planned. */
export interface MailboxContext {
  readonly view: OrganisationView;
  readonly settings: FulfillSettings;
  /** The index of the order of the batch that makes or mounts a database of this name, if there is one. */
  readonly databaseMaker: (name: string) => number | undefined;
  /** The index of an order that would make or rename a database to this name, and is refused. */
  readonly refusedMaker: (name: string) => number | undefined;
}

/** @throws Refused where there is no such database, and none will be */
export function requireDatabase(wanted: string, context: MailboxContext): LiveObject {
  if (wanted.includes('*')) throw new Refused('invalid', `Database is "${wanted}"; * is not allowed in it`);
  const database = context.view.database(wanted);
  if (database !== undefined) return database;
  const maker = context.refusedMaker(wanted);
  const why = maker === undefined ? '' : `: order ${maker} of this batch, which would make it, is refused`;
  throw new Refused('not-found', `there is no mailbox database "${wanted}"${why}`);
}

/** The database that a new mailbox is to live in. */
export function placeOf(
  order: Order,
  context: MailboxContext,
): { readonly name: string | undefined; readonly needs: readonly number[] } {
  const wanted = changedText(order, 'Database');
  if (wanted === undefined) return { name: undefined, needs: [] };
  const database = requireDatabase(wanted, context);
  const name = textField(database, 'Name');
  const maker = context.databaseMaker(name);
  return { name, needs: maker === undefined ? [] : [maker] };
}
