import type { ConnectionSettings } from '@exchange-connector/config';
import { entryNamedBy, readOrderSections } from '@exchange-connector/connector';
import { type Order, parseExactly } from './order-files.ts';
import { errored, type OrderOutcome } from './outcome.ts';

/**
 * Whether the settings protect what an order names, as far as the order itself tells: for a script, which is not
 * asked which object it would touch, and may understand an order that the native engine does not. That engine looks at the
 * object.
 */
export function refuseProtected(order: Order, connection: ConnectionSettings): OrderOutcome | undefined {
  const { protectedMailboxes, protectedDatabases, valueSeparator } = connection;
  if (protectedMailboxes.length === 0 && protectedDatabases.length === 0) return undefined;
  const sections = readOrderSections(parseExactly(order.json));
  for (const [target, setting, entries] of [
    ['mailbox', 'ProtectedMailboxes', protectedMailboxes],
    ['database', 'ProtectedDatabases', protectedDatabases],
  ] as const) {
    if (sections.target !== undefined && sections.target !== target) continue;
    const entry = entryNamedBy(sections, entries, valueSeparator);
    if (entry === undefined) continue;
    return errored(
      `not-allowed: the ${target} is protected (${setting}: ${entry}); the order was not handed to the script`,
    );
  }
  return undefined;
}
