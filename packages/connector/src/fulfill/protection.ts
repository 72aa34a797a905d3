/* Objects that no order may touch, whatever it says. */
import { listOf } from './field-rule.ts';
import type { FieldValue, Fields } from './field-value.ts';
import type { LiveObject } from './live-state.ts';
import { textField } from './organisation-view.ts';
import { parseProxyAddress, splitProxyAddresses } from './proxy-address.ts';
import type { OrderSections } from './read-order.ts';

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

/** A pattern in parts, between which any text stands (`*`). Linear in the length of the text. */
function matches(parts: readonly string[], wanted: string): boolean {
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
 * The ways in which a name may be written: as it is; a GUID without its braces; an address without its prefix; an account
 * without its domain. Which domain it is nobody asks: too much is protected rather than too little.
 */
function spellings(name: string): string[] {
  const text = name.trim();
  const guid = /^\{(.*)\}$/.exec(text)?.[1];
  const address = /^smtp:(.*)$/i.exec(text)?.[1];
  const account = /^[^\\/@]+\\([^\\/]+)$/.exec(text)?.[1];
  return [text, guid, address, account].flatMap((spelling) => spelling?.trim().toLowerCase() || []);
}

interface Pattern {
  readonly entry: string;
  readonly spellings: readonly (readonly string[])[];
}

const known = new WeakMap<readonly string[], readonly Pattern[]>();

/** The entries of a list, each in all its spellings; once for a list that every order is held against. */
function patternsOf(entries: readonly string[]): readonly Pattern[] {
  const patterns =
    known.get(entries) ??
    entries.map((entry) => ({ entry, spellings: spellings(entry).map((spelling) => spelling.split('*')) }));
  known.set(entries, patterns);
  return patterns;
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
  const written = [...new Set(texts.flatMap(spellings))];
  const isNamed = ({ spellings: patterns }: Pattern): boolean =>
    patterns.some((parts) => written.some((text) => matches(parts, text)));
  return patternsOf(entries).find(isNamed)?.entry;
}

/** What an order may call the addresses of a mailbox. */
const addressLists = ['EmailAddresses', 'ProxyAddresses', 'ProxyAddress', 'EmailAddress', 'Email', 'Mail'] as const;

function addressesIn(value: FieldValue, separator: string): readonly string[] {
  if (value === null) return [];
  if (typeof value === 'object') return value;
  return splitProxyAddresses(String(value), separator).map(({ address }) => address);
}

/**
 * The entry of a list of protected objects that an order names, by what stands in its `Changes` and `Resource`: any name,
 * and any of the addresses that it lists. Which object it would touch nobody asks here.
 * @param separator what stands between the addresses of one text
 */
export function entryNamedBy(order: OrderSections, entries: readonly string[], separator: string): string | undefined {
  const sections = [order.changes, order.resource].map((section): Fields => {
    const valueNamed = (name: string): FieldValue => section.get(name.toLowerCase())?.value ?? null;
    const named = Object.fromEntries(names.map((name) => [name, valueNamed(name)]));
    return { ...named, EmailAddresses: addressLists.flatMap((name) => addressesIn(valueNamed(name), separator)) };
  });
  return protectingEntry(entries, ...sections);
}
