/* The argument of -Filter: what it may name, and whom the index can find for it. */
import type { ObjectShape } from '../serialization/object-shape.ts';
import type { CmdletContext } from './cmdlet.ts';
import { bindingFailure, type CommandFailure, ErrorCategory } from './command-failure.ts';
import type { IdentityTest } from './mailbox-identity.ts';
import { OpathError, type OpathNode, opathProperties, parseFilterDate, parseOpath } from './opath.ts';

/** Reads a filter for objects of a shape, or throws what the binder reports. */
export function parseFilter(
  context: CmdletContext,
  cmdlet: string,
  text: string,
  // biome-ignore lint/suspicious/noExplicitAny: whatever the shape's objects are
  shape: ObjectShape<any>,
): OpathNode {
  const refuse = (what: string): CommandFailure =>
    bindingFailure(
      cmdlet,
      'ParameterBindingFailed',
      `Cannot bind parameter 'Filter' to the target. Exception setting "Filter": "${what}"`,
      { category: ErrorCategory.WriteError },
    );
  try {
    const node = parseOpath(text);
    for (const property of opathProperties(node)) {
      if (!shape.byName.has(property.toLowerCase()))
        throw refuse(
          `"${property}" isn't a recognized filterable property. For a complete list of filterable properties see the command help.`,
        );
    }
    const date = badDate(node, context.filterDates);
    if (date !== undefined) throw refuse(`The value "${date}" could not be converted to type System.DateTime.`);
    return node;
  } catch (error) {
    if (error instanceof OpathError) throw refuse(error.message);
    throw error;
  }
}

/** The first value compared with a date that is none. */
function badDate(node: OpathNode, zone: 'utc' | 'server'): string | undefined {
  if (node.kind === 'not') return badDate(node.inner, zone);
  if (node.kind !== 'compare') return badDate(node.left, zone) ?? badDate(node.right, zone);
  const isDate = /^When/i.test(node.property) && typeof node.value === 'string';
  return isDate && parseFilterDate(node.value, zone) === undefined ? node.value : undefined;
}

/** A name without which nothing satisfies the filter, where the index knows such names. */
export function lookupOf(node: OpathNode): IdentityTest['lookup'] {
  if (node.kind === 'and') return lookupOf(node.left) ?? lookupOf(node.right);
  if (node.kind !== 'compare' || node.operator !== '-eq' || typeof node.value !== 'string') return undefined;
  switch (node.property.toLowerCase()) {
    case 'samaccountname':
      return { form: 'account', text: node.value };
    case 'guid':
    case 'exchangeguid':
      return { form: 'guid', text: node.value.toLowerCase() };
    case 'emailaddresses':
    case 'primarysmtpaddress':
      return { form: 'address', text: node.value.slice(node.value.indexOf(':') + 1) };
    default:
      return undefined;
  }
}
