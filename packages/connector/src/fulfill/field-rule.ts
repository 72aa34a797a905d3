/*
 * What a field may hold, how its value is sent, and when two values are the same. Exchange shows many values in
 * another form than it takes them.
 */
import { assertNever } from '../errors.ts';
import { formatByteSize, parseByteSize, sameByteSize } from './byte-size.ts';
import type { FieldValue } from './field-value.ts';
import { isSmtpAddress, sameAddressLists } from './proxy-address.ts';
import { formatTimeSpan, parseTimeSpan } from './time-span.ts';

export type FieldKind =
  | 'flag'
  | 'size'
  | 'timeSpan'
  | 'count'
  | 'text'
  /** Text that Exchange compares without regard to case: names, identities. */
  | 'name'
  /** Whom it names is looked up, and the identity that Exchange shows is compared. */
  | 'recipient'
  /** An SMTP address, shown with its prefix: `smtp:a@b`. */
  | 'smtpAddress'
  /** A server, by its name or its full one. */
  | 'server'
  | 'addresses';

export interface FieldRule {
  /** In Exchange's spelling: the property's name and the parameter's. */
  readonly name: string;
  readonly kind: FieldKind;
  /** Whether an order may take the value away. */
  readonly nullable: boolean;
}

/** A value that an order gave, in the form it is sent and compared in; or what is wrong with it. */
export type ReadField =
  | { readonly kind: 'value'; readonly value: FieldValue }
  | { readonly kind: 'invalid'; readonly reason: string };

function invalid(rule: FieldRule, value: FieldValue, wanted: string): ReadField {
  return { kind: 'invalid', reason: `${rule.name} is ${showValue(value)}; ${wanted}` };
}

/** A value for a person. */
export function showValue(value: FieldValue | undefined): string {
  if (value === undefined) return 'not there';
  if (value === null) return 'empty';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return value === '' ? 'empty' : `"${value}"`;
  return value.length === 0 ? 'none' : value.join(' ');
}

function flagOf(value: FieldValue): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  const text = value.trim().toLowerCase();
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

function oneText(value: FieldValue): string | undefined {
  if (typeof value === 'string') return value.trim();
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) && value.length === 1 ? (value[0] as string) : undefined;
}

function withoutPrefix(address: string): string {
  return address.replace(/^smtp:/i, '');
}

const mostCharacters = 8_192;

/** Reads the value of an order; `null` never comes here. */
export function readField(rule: FieldRule, value: FieldValue): ReadField {
  const ok = (read: FieldValue): ReadField => ({ kind: 'value', value: read });
  if (rule.kind === 'flag') {
    const read = flagOf(value);
    return read === undefined ? invalid(rule, value, 'True or False is wanted') : ok(read);
  }
  const text = oneText(value);
  if (text === undefined) return invalid(rule, value, 'one text is wanted');
  switch (rule.kind) {
    case 'size': {
      const size = parseByteSize(text);
      return size === undefined
        ? invalid(rule, value, 'a size is wanted: 30 GB, a number of bytes, or Unlimited')
        : ok(formatByteSize(size));
    }
    case 'timeSpan': {
      const span = parseTimeSpan(text);
      return span === undefined
        ? invalid(rule, value, 'a span is wanted: 14.00:00:00, or days')
        : ok(formatTimeSpan(span));
    }
    case 'count':
      return /^[0-9]{1,9}$/.test(text) || /^unlimited$/i.test(text)
        ? ok(text)
        : invalid(rule, value, 'a number is wanted');
    case 'smtpAddress': {
      const address = withoutPrefix(text);
      return isSmtpAddress(address) ? ok(`smtp:${address}`) : invalid(rule, value, 'an SMTP address is wanted');
    }
    case 'text':
    case 'name':
    case 'server':
    case 'recipient':
      return text.length > mostCharacters || /[\p{Cc}\p{Cs}]/u.test(text)
        ? invalid(
            rule,
            text.slice(0, 60),
            'it is too long, or has control characters or half of a surrogate pair in it',
          )
        : ok(text);
    case 'addresses':
      return invalid(rule, value, 'addresses are read as a list');
    default:
      return assertNever(rule.kind);
  }
}

function isEmpty(value: FieldValue | undefined): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

/** Whether two values of a field are the same to Exchange. A field that is not there is empty. */
export function sameField(kind: FieldKind, left: FieldValue | undefined, right: FieldValue | undefined): boolean {
  if (kind === 'flag') return flagOf(left ?? false) === flagOf(right ?? false);
  if (isEmpty(left) || isEmpty(right)) return isEmpty(left) && isEmpty(right);
  if (kind === 'addresses') return sameAddressLists(listOf(left), listOf(right));
  const [one, other] = [oneText(left ?? '') ?? '', oneText(right ?? '') ?? ''];
  switch (kind) {
    case 'size': {
      const [a, b] = [parseByteSize(one), parseByteSize(other)];
      return a === undefined || b === undefined ? one === other : sameByteSize(a, b);
    }
    case 'timeSpan': {
      const [a, b] = [parseTimeSpan(one), parseTimeSpan(other)];
      return a === undefined || b === undefined ? one === other : a === b;
    }
    case 'smtpAddress':
      return withoutPrefix(one).toLowerCase() === withoutPrefix(other).toLowerCase();
    case 'server':
      return one.split('.')[0]?.toLowerCase() === other.split('.')[0]?.toLowerCase();
    case 'count':
    case 'name':
    case 'recipient':
      return one.toLowerCase() === other.toLowerCase();
    case 'text':
      return one === other;
    default:
      return assertNever(kind);
  }
}

/** A value as a list of texts. */
export function listOf(value: FieldValue | undefined): readonly string[] {
  if (value === undefined || value === null) return [];
  return typeof value === 'object' ? value : [String(value)];
}
