/*
 * ProxyAddressCollection: the rules that addresses of a recipient keep. An address is `type:address`, the type
 * in upper case for the primary one of its type; without a type it is SMTP. Of what Set-Mailbox says about
 * EmailAddresses: the first SMTP address becomes the primary one where none is marked so.
 * https://learn.microsoft.com/powershell/module/exchangepowershell/set-mailbox#-emailaddresses
 */
import type { PsValue } from '@exchange-connector/psrp';

/** The argument of -EmailAddresses: the whole list, or what to add to it and to take from it. */
export type AddressArgument =
  | { readonly kind: 'whole'; readonly addresses: readonly string[] }
  | { readonly kind: 'change'; readonly add: readonly string[]; readonly remove: readonly string[] };

/** What is wrong with an address or a list of them. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

const smtpForm =
  /^(?:"[^"\r\n]{1,200}"|[^\s@<>()[\],;:\\"]{1,200})@(?:[^\s@<>()[\],;:\\"._-][^\s@<>()[\],;:\\"]*|\[[^\]\s]+\])$/u;

/** An SMTP address without its type. */
export function checkSmtpAddress(address: string): string {
  if (smtpForm.test(address) && !address.endsWith('.') && !address.includes('..')) return address;
  throw new AddressError(
    `"${address}" isn't a valid SMTP address. The domain name can't contain spaces and it has to have a prefix and a suffix, such as example.com.`,
  );
}

/** An address with its type; what has none is an SMTP address that is not primary. */
export function parseProxyAddress(text: string): string {
  const trimmed = text.trim();
  if (trimmed.length > longestAddress)
    throw new AddressError(
      `The length of the property is too long. The maximum length is ${longestAddress} and the length of the value provided is ${trimmed.length}.`,
    );
  const match = /^([A-Za-z][A-Za-z0-9-]{0,8}):(.*)$/s.exec(trimmed);
  if (match === null) return `smtp:${checkSmtpAddress(trimmed)}`;
  const [, type, address] = match as unknown as [string, string, string];
  if (address === '') throw new AddressError(`The proxy address "${text}" is invalid: the address is empty.`);
  return type.toUpperCase() === 'SMTP' ? `${type}:${checkSmtpAddress(address)}` : `${type}:${address}`;
}

export const typeOf = (address: string): string => address.slice(0, address.indexOf(':')).toUpperCase();
export const isPrimary = (address: string): boolean => {
  const type = address.slice(0, address.indexOf(':'));
  return type === type.toUpperCase();
};
const asSecondary = (address: string): string =>
  address.slice(0, address.indexOf(':')).toLowerCase() + address.slice(address.indexOf(':'));
const asPrimary = (address: string): string =>
  address.slice(0, address.indexOf(':')).toUpperCase() + address.slice(address.indexOf(':'));
/** Two addresses are the same whatever their case. */
export const addressKey = (address: string): string => address.toLowerCase();

/** A whole list: no address twice, one primary of each type at most, and of SMTP exactly one. */
export function wholeList(texts: readonly string[]): readonly string[] {
  requireNumber(texts.length);
  const byKey = new Map<string, string>();
  const primaries = new Map<string, string>();
  for (const address of texts.map(parseProxyAddress)) {
    const key = addressKey(address);
    const known = byKey.get(key);
    if (known === undefined || isPrimary(address)) byKey.set(key, address);
    if (!isPrimary(address)) continue;
    const other = primaries.get(typeOf(address));
    if (other !== undefined && addressKey(other) !== key) {
      throw new AddressError(
        `There are multiple primary proxy addresses of type "${typeOf(address)}": "${other}", "${address}". Only one primary address of each type is allowed.`,
      );
    }
    primaries.set(typeOf(address), address);
  }
  return withPrimary([...byKey.values()]);
}

/** What the directory holds of one attribute with many values. */
const mostAddresses = 1_200;
/** The upper range of `proxyAddresses` ([MS-ADA3] 2.131). */
const longestAddress = 1_123;

function requireNumber(count: number): void {
  if (count > mostAddresses)
    throw new AddressError(
      `The administrative limit for this request was exceeded: ${count} addresses; the directory holds at most ${mostAddresses}.`,
    );
}

/** Marks the first SMTP address as the primary one where none is. */
export function withPrimary(addresses: readonly string[]): readonly string[] {
  const smtp = addresses.filter((address) => typeOf(address) === 'SMTP');
  const first = smtp[0];
  if (first === undefined || smtp.some(isPrimary)) return addresses;
  return addresses.map((address) => (address === first ? asPrimary(address) : address));
}

/** Makes an address the primary one of its type; the one that was stays as a secondary one. */
export function madePrimary(addresses: readonly string[], address: string): readonly string[] {
  const type = typeOf(address);
  const others = addresses
    .filter((known) => addressKey(known) !== addressKey(address))
    .map((known) => (typeOf(known) === type ? asSecondary(known) : known));
  return [asPrimary(address), ...others];
}

/** What a list becomes. Throws {@link AddressError}. */
export function changedList(current: readonly string[], change: AddressArgument): readonly string[] {
  if (change.kind === 'whole') return wholeList(change.addresses);
  let addresses = [...current];
  for (const text of change.remove) {
    const key = addressKey(parseProxyAddress(text));
    const found = addresses.find((known) => addressKey(known) === key);
    if (found === undefined) continue;
    if (typeOf(found) === 'SMTP' && isPrimary(found) && !change.add.some((added) => isPrimarySmtp(added)))
      throw new AddressError(
        `The primary SMTP address "${found.slice(5)}" can't be removed. Specify another primary SMTP address first.`,
      );
    addresses = addresses.filter((known) => known !== found);
  }
  for (const text of change.add) {
    const address = parseProxyAddress(text);
    if (isPrimary(address)) addresses = [...madePrimary(addresses, address)];
    else if (!addresses.some((known) => addressKey(known) === addressKey(address))) addresses.push(address);
  }
  requireNumber(addresses.length);
  return addresses;
}

function isPrimarySmtp(text: string): boolean {
  return /^\s*SMTP:/.test(text);
}

function texts(
  value: PsValue,
  textOf: (item: PsValue) => string | undefined,
  itemsOf: (v: PsValue) => readonly PsValue[],
) {
  return itemsOf(value).map((item) => textOf(item) ?? '');
}

/** Reads the argument; every address in it is checked. Throws {@link AddressError}. */
export function parseAddressArgument(
  value: PsValue,
  read: { textOf: (item: PsValue) => string | undefined; itemsOf: (value: PsValue) => readonly PsValue[] },
): AddressArgument {
  const dictionary = value.kind === 'Obj' ? value.base : value;
  if (dictionary?.kind !== 'DCT') {
    const addresses = texts(value, read.textOf, read.itemsOf);
    wholeList(addresses);
    return { kind: 'whole', addresses };
  }
  const change = { add: [] as readonly string[], remove: [] as readonly string[] };
  for (const { key, value: content } of dictionary.entries) {
    const name = (read.textOf(key) ?? '').toLowerCase();
    if (name !== 'add' && name !== 'remove')
      throw new AddressError(`The key "${read.textOf(key) ?? ''}" isn't valid: the keys Add and Remove are allowed.`);
    change[name] = texts(content, read.textOf, read.itemsOf);
    requireNumber(change[name].length);
    for (const address of change[name]) parseProxyAddress(address);
  }
  return { kind: 'change', ...change };
}
