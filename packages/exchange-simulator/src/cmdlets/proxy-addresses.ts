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
  const addresses: string[] = [];
  for (const address of texts.map(parseProxyAddress)) {
    const place = addresses.findIndex((known) => addressKey(known) === addressKey(address));
    if (place < 0) addresses.push(address);
    else if (isPrimary(address)) addresses[place] = address;
  }
  for (const type of new Set(addresses.map(typeOf))) {
    const primaries = addresses.filter((address) => typeOf(address) === type && isPrimary(address));
    if (primaries.length > 1) {
      throw new AddressError(
        `There are multiple primary proxy addresses of type "${type}": ${primaries.map((address) => `"${address}"`).join(', ')}. Only one primary address of each type is allowed.`,
      );
    }
  }
  return withPrimary(addresses);
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
    for (const address of change[name]) parseProxyAddress(address);
  }
  return { kind: 'change', ...change };
}
