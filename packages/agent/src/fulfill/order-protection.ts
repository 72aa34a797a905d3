import type { ConnectionSettings } from '@exchange-connector/config';
import { type Fields, protectingEntry, readOrder } from '@exchange-connector/connector';
import { type Order, parseExactly } from './order-files.ts';
import { errored, type OrderOutcome } from './outcome.ts';

/** By which an order may name its object. */
const naming = [
  'Guid',
  'SamAccountName',
  'UserPrincipalName',
  'Name',
  'DisplayName',
  'Alias',
  'Identity',
  'DistinguishedName',
  'PrimarySmtpAddress',
] as const;

/**
 * Whether the settings protect what an order names, as far as the order itself tells: for a script, which is not
 * asked which object it would touch. The native engine looks at the object.
 */
export function refuseProtected(order: Order, connection: ConnectionSettings): OrderOutcome | undefined {
  const { protectedMailboxes, protectedDatabases } = connection;
  if (protectedMailboxes.length === 0 && protectedDatabases.length === 0) return undefined;
  const reading = readOrder(parseExactly(order.json), { index: order.index, place: order.place });
  if (reading.kind !== 'order') return undefined;
  const sections = [reading.changes, reading.resource].map(
    (section): Fields =>
      Object.fromEntries(naming.map((name) => [name, section.get(name.toLowerCase())?.value ?? null])),
  );
  const isMailbox = reading.target === 'mailbox';
  const entry = protectingEntry(isMailbox ? protectedMailboxes : protectedDatabases, ...sections);
  if (entry === undefined) return undefined;
  const setting = isMailbox ? 'ProtectedMailboxes' : 'ProtectedDatabases';
  return errored(
    `not-allowed: the ${reading.target} is protected (${setting}: ${entry}); the order was not handed to the script`,
  );
}
