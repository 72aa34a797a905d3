/* Objects that no order may touch, whatever it says. */
import { listOf } from './field-rule.ts';
import type { LiveObject } from './live-state.ts';
import { textField } from './organisation-view.ts';
import { parseProxyAddress } from './proxy-address.ts';

const names = [
  'Guid',
  'ExchangeGuid',
  'SamAccountName',
  'UserPrincipalName',
  'Name',
  'DisplayName',
  'Alias',
  'Identity',
  'DistinguishedName',
  'PrimarySmtpAddress',
  'WindowsEmailAddress',
] as const;

/** `*` stands for any text; without regard to case. Linear in the length of the text. */
function matches(pattern: string, text: string): boolean {
  const parts = pattern.toLowerCase().split('*');
  const wanted = text.toLowerCase();
  const [first = '', ...rest] = parts;
  if (rest.length === 0) return wanted === first;
  const last = rest.pop() ?? '';
  if (!wanted.startsWith(first) || !wanted.endsWith(last) || wanted.length < first.length + last.length) return false;
  let at = first.length;
  const end = wanted.length - last.length;
  for (const part of rest) {
    const found = wanted.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/**
 * The entry of a list of protected objects that names an object, by its GUID, SAM account name, UPN, any address, name,
 * alias, identity or distinguished name.
 */
export function protectingEntry(
  entries: readonly string[],
  ...objects: readonly (LiveObject | undefined)[]
): string | undefined {
  if (entries.length === 0) return undefined;
  const texts = objects.flatMap((object) => [
    ...names.map((name) => textField(object, name)),
    ...listOf(object?.['EmailAddresses']).map((address) => parseProxyAddress(address).address),
  ]);
  return entries.find((entry) => texts.some((text) => text !== '' && matches(entry, text)));
}
