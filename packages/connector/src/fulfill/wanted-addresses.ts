/*
 * What an order makes of a mailbox's addresses.
 *
 *   EmailAddresses        all SMTP addresses of the mailbox: one that is not in it goes. Addresses of another type stay,
 *                         unless the list names that type: then it is complete for that type, too.
 *   PrimarySmtpAddress    alone: it becomes the primary address, the old one stays as a secondary.
 *   both                  must not contradict each other.
 *
 * The outcome has exactly one primary SMTP address. The order of the list is kept; what stays follows in its own order.
 */
import type { FieldValue } from './field-value.ts';
import type { Order } from './order.ts';
import {
  addressKey,
  formatProxyAddress,
  isPrimarySmtp,
  isSmtpAddress,
  type ProxyAddress,
  parseProxyAddress,
  splitProxyAddresses,
} from './proxy-address.ts';

/** What an order says of addresses. */
export interface AddressWish {
  /** `EmailAddresses`, where the order has one that is not empty. */
  readonly list: readonly ProxyAddress[] | undefined;
  /** `PrimarySmtpAddress`, without its prefix. */
  readonly primary: string | undefined;
}

/** What comes of a wish. */
export type WantedAddresses =
  | { readonly kind: 'addresses'; readonly addresses: readonly ProxyAddress[]; readonly notes: readonly string[] }
  | { readonly kind: 'invalid'; readonly reason: string };

/**
 * Exchange's limit is the directory's: about 1,200 values of a non-linked attribute fit into one object; beyond a
 * thousand nothing good comes of it.
 */
const mostAddresses = 1_024;
/** An SMTP address has 320 characters at most; an X400 or X500 address may have this many in Exchange. */
const mostAddressCharacters = 1_123;

function readList(value: FieldValue, separator: string): ProxyAddress[] {
  if (value === null) return [];
  if (typeof value === 'object') return value.map(parseProxyAddress).filter(({ address }) => address !== '');
  return splitProxyAddresses(String(value), separator);
}

function faultOf({ type, address }: ProxyAddress): string | undefined {
  if (type === 'SMTP' && !isSmtpAddress(address)) {
    const hint = /[;,]/.test(address)
      ? '; addresses are separated by ValueSeparator (a space), each with its prefix'
      : '';
    return `"${address.slice(0, 100)}" is no SMTP address${hint}`;
  }
  if (address.length > mostAddressCharacters) {
    return `a ${type} address has ${address.length} characters; ${mostAddressCharacters} are allowed`;
  }
  return /[\p{Cc}\p{Cs}]/u.test(address)
    ? `a ${type} address has control characters or half of a surrogate pair in it`
    : undefined;
}

/** Reads what an order says of addresses, or why it cannot be meant. */
export function readAddressWish(order: Order, separator: string): AddressWish | string | undefined {
  const list = readList(order.changes.get('emailaddresses')?.value ?? null, separator);
  const primaryText = order.changes.get('primarysmtpaddress')?.value ?? null;
  if (list.length === 0 && primaryText === null) return undefined;
  if (list.length > mostAddresses) return `EmailAddresses has ${list.length} addresses; ${mostAddresses} are allowed`;
  for (const address of list) {
    const fault = faultOf(address);
    if (fault !== undefined) return `EmailAddresses: ${fault}`;
  }
  let primary: string | undefined;
  if (primaryText !== null) {
    const parsed = parseProxyAddress(typeof primaryText === 'object' ? primaryText.join(' ') : String(primaryText));
    if (parsed.type !== 'SMTP' || !isSmtpAddress(parsed.address)) {
      return `PrimarySmtpAddress: "${String(primaryText).slice(0, 100)}" is no SMTP address`;
    }
    primary = parsed.address;
  }
  const wish = { list: list.length === 0 ? undefined : list, primary };
  return contradiction(wish) ?? wish;
}

function same(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

/** What is wrong with a wish, whatever the mailbox has. */
function contradiction({ list, primary }: AddressWish): string | undefined {
  if (list === undefined) return undefined;
  const primaries = new Map(list.filter(isPrimarySmtp).map((address) => [addressKey(address), address]));
  const [first, ...more] = primaries.values();
  if (more.length > 0) {
    const named = [...primaries.values()].map(formatProxyAddress).join(' ');
    return `EmailAddresses names ${primaries.size} primary addresses (SMTP: in capitals); exactly one is allowed: ${named}`;
  }
  if (first !== undefined && primary !== undefined && !same(first.address, primary)) {
    return `PrimarySmtpAddress is ${primary}, and EmailAddresses names ${first.address} as the primary address: the order contradicts itself`;
  }
  return undefined;
}

/** The primary that a list leads to; a note where the order did not say it. */
function choosePrimary(
  wish: AddressWish,
  held: readonly ProxyAddress[],
): { readonly address: string; readonly note?: string } | { readonly missing: string } {
  const smtp = (wish.list ?? []).filter(({ type }) => type === 'SMTP');
  const listed = smtp.find(isPrimarySmtp);
  if (listed !== undefined) return { address: listed.address };
  if (wish.primary !== undefined) return { address: wish.primary };
  const present = held.find(isPrimarySmtp);
  const kept = smtp.find((address) => present !== undefined && addressKey(address) === addressKey(present));
  if (kept !== undefined) return { address: kept.address };
  const only = new Set(smtp.map(addressKey)).size === 1 ? smtp[0] : undefined;
  if (only !== undefined) {
    return { address: only.address, note: `${only.address} becomes the primary address: the list names no other` };
  }
  return {
    missing:
      present === undefined
        ? 'EmailAddresses names no primary address (SMTP: in capitals)'
        : `EmailAddresses names no primary address (SMTP: in capitals), and the present one, ${present.address}, is not in it`,
  };
}

/**
 * Directories hold X500 addresses that are all in capitals; in a list that is sent, Exchange takes one of each type.
 * The first keeps its capitals.
 */
function onePrimaryOfEach(addresses: readonly ProxyAddress[]): ProxyAddress[] {
  const marked = new Set<string>();
  return addresses.map((address) => {
    if (!address.primary || address.type === 'SMTP') return address;
    if (marked.has(address.type)) return { ...address, primary: false };
    marked.add(address.type);
    return address;
  });
}

/** Each address once, the first of a kind; the primary is marked and is there. */
function compose(primary: string, candidates: readonly ProxyAddress[]): ProxyAddress[] {
  const primaryKey = addressKey({ type: 'SMTP', address: primary, primary: true });
  const byKey = new Map<string, ProxyAddress>();
  for (const candidate of candidates) {
    const key = addressKey(candidate);
    if (key === primaryKey) {
      // Where it stands twice, the spelling of the one that is marked counts.
      const known = byKey.get(key);
      if (known === undefined || isPrimarySmtp(candidate)) {
        byKey.set(key, { type: 'SMTP', address: candidate.address, primary: true });
      }
    } else if (!byKey.has(key)) {
      byKey.set(key, candidate.type === 'SMTP' ? { ...candidate, primary: false } : candidate);
    }
  }
  const rest = onePrimaryOfEach([...byKey.values()]);
  return byKey.has(primaryKey) ? rest : [{ type: 'SMTP', address: primary, primary: true }, ...rest];
}

/**
 * All addresses that a mailbox has after an order.
 * @param held what it has before; empty for a mailbox that is still to be made
 */
export function wantedAddresses(held: readonly ProxyAddress[], wish: AddressWish): WantedAddresses {
  const chosen = choosePrimary(wish, held);
  if ('missing' in chosen) return { kind: 'invalid', reason: chosen.missing };
  const notes = chosen.note === undefined ? [] : [chosen.note];
  if (wish.list === undefined) {
    const rest = held.map((address) => (isPrimarySmtp(address) ? { ...address, primary: false } : address));
    return { kind: 'addresses', addresses: compose(chosen.address, rest), notes };
  }
  const named = new Set(['SMTP', ...wish.list.map(({ type }) => type)]);
  const stay = held.filter(({ type }) => !named.has(type));
  return { kind: 'addresses', addresses: compose(chosen.address, [...wish.list, ...stay]), notes };
}
