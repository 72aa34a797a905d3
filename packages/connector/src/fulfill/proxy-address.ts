/*
 * Proxy addresses: `<prefix>:<address>`. The prefix names the type (SMTP, X400, X500, SIP, EUM, …); in capitals it marks
 * the primary address of its type. Exchange compares addresses without regard to case.
 */
import { splitAddresses } from '../multi-value.ts';
import type { Fields } from './field-value.ts';

/** One proxy address. */
export interface ProxyAddress {
  /** In capitals: `SMTP`, `X500`. */
  readonly type: string;
  /** What stands after the prefix, as it was written. */
  readonly address: string;
  readonly primary: boolean;
}

const prefixed = /^([A-Za-z][A-Za-z0-9-]*):(.*)$/s;

/** Reads one address; a text without a prefix is a secondary SMTP address. */
export function parseProxyAddress(text: string): ProxyAddress {
  const match = prefixed.exec(text.trim());
  if (match === null) return { type: 'SMTP', address: text.trim(), primary: false };
  const [, prefix = '', address = ''] = match;
  return { type: prefix.toUpperCase(), address: address.trim(), primary: prefix === prefix.toUpperCase() };
}

/** `SMTP:a@b` for the primary, `smtp:a@b` for the others. */
export function formatProxyAddress({ type, address, primary }: ProxyAddress): string {
  return `${primary ? type : type.toLowerCase()}:${address}`;
}

/** Whether it is the address that mail is sent from. */
export function isPrimarySmtp({ type, primary }: ProxyAddress): boolean {
  return type === 'SMTP' && primary;
}

/** What makes two addresses the same. */
export function addressKey({ type, address }: ProxyAddress): string {
  return `${type}:${address.toLowerCase()}`;
}

const atom = /^[\p{L}\p{N}!#$%&'*+\-/=?^_`{|}~]+(?:\.[\p{L}\p{N}!#$%&'*+\-/=?^_`{|}~]+)*$/u;
const quotedLocal = /^"(?:[^"\\\p{Cc}]|\\[^\p{Cc}])*"$/u;
const label = /^[\p{L}\p{N}_](?:[\p{L}\p{N}_-]*[\p{L}\p{N}_])?$/u;
const literal = /^\[(?:IPv6:)?[0-9A-Fa-f.:]+\]$/i;

/** Whether a text (without prefix) is an SMTP address: RFC 5321 4.1.2, letters of any script, lengths of RFC 5321 4.5.3.1. */
export function isSmtpAddress(text: string): boolean {
  const at = text.lastIndexOf('@');
  if (at < 1 || text.length > 320) return false;
  const local = text.slice(0, at);
  const domain = text.slice(at + 1);
  if (local.length > 64 || domain.length === 0 || domain.length > 255) return false;
  if (!atom.test(local) && !quotedLocal.test(local)) return false;
  return literal.test(domain) || domain.split('.').every((part) => part.length <= 63 && label.test(part));
}

/** The addresses of a text as an order or a cell has them: split before every `<prefix>:` that follows a separator. */
export function splitProxyAddresses(text: string, separator: string): ProxyAddress[] {
  return splitAddresses(text.trim(), separator).flatMap((part) => {
    const parsed = parseProxyAddress(part);
    if (parsed.type !== 'SMTP' || !/\s/.test(parsed.address) || isSmtpAddress(parsed.address)) {
      return parsed.address === '' ? [] : [parsed];
    }
    // Addresses without a prefix side by side: no white space is allowed inside one.
    const words = part
      .trim()
      .split(/\s+/)
      .filter((word) => word !== '')
      .map(parseProxyAddress);
    return words.every(({ address }) => isSmtpAddress(address)) ? words : [parsed];
  });
}

/**
 * Whether two lists hold the same addresses with the same SMTP address primary, in any order. Capitals of other
 * types' prefixes are not compared: directories are full of X500 addresses that are all in capitals.
 */
export function sameAddressLists(left: readonly string[], right: readonly string[]): boolean {
  const marks = (list: readonly string[]): Set<string> =>
    new Set(
      list.map(parseProxyAddress).map((address) => `${isPrimarySmtp(address) ? '!' : ' '}${addressKey(address)}`),
    );
  const [one, other] = [marks(left), marks(right)];
  return one.size === other.size && [...one].every((mark) => other.has(mark));
}

/** Addresses that the second list has and the first has not. */
export function added(before: readonly ProxyAddress[], after: readonly ProxyAddress[]): ProxyAddress[] {
  const held = new Set(before.map(addressKey));
  return after.filter((address) => !held.has(addressKey(address)));
}

/** `PrimarySmtpAddress` as it follows from `EmailAddresses`; nothing where the fields have no addresses. */
export function primaryField(fields: Fields): Fields {
  const list = fields['EmailAddresses'];
  if (typeof list !== 'object' || list === null) return {};
  const primary = list.map(parseProxyAddress).find(isPrimarySmtp);
  return primary === undefined ? {} : { PrimarySmtpAddress: primary.address };
}
