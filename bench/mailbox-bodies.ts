/*
 * Bodies of whole and projected mailboxes, as the simulator's organisation writes them: every one differs in
 * names, addresses, GUIDs, dates, flags and in the objects inside.
 */
import { askedProperties, mailboxColumns } from '@exchange-connector/connector';
import { Organization } from '../packages/exchange-simulator/src/organization/organization.ts';
import { mailboxShape } from '../packages/exchange-simulator/src/serialization/mailbox-shape.ts';
import { type PipelineObject, serializeObject } from '../packages/exchange-simulator/src/serialization/object-shape.ts';

/** The properties that an export asks for, in the order of its columns. */
export const askedMailboxProperties: readonly string[] = askedProperties(mailboxColumns([]));

/** CLIXML of `count` mailboxes, whole (228 properties) or projected to the columns of an export. */
export function makeMailboxBodies(count: number, form: 'whole' | 'projected' = 'whole'): readonly string[] {
  const organization = new Organization({ mailboxes: count, databases: 6, seed: 1 });
  const shape = mailboxShape();
  return Array.from({ length: count }, (_, index) => {
    const original: PipelineObject = { kind: 'directory', shape, source: organization.mailbox(index) };
    const object: PipelineObject =
      form === 'whole' ? original : { kind: 'selected', original, names: askedMailboxProperties };
    return serializeObject(object, { level: 'partial', projectedValues: 'flat' });
  });
}
