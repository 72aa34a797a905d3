/*
 * A property's value as .NET holds it on the server, before a serializer decides how much of it to write.
 * Partial serialization flattens most objects to their text; full serialization and, at times, projected
 * objects write them out.
 */
import { byteSizeText } from '../organization/byte-size.ts';
import type { Moment } from '../organization/moment.ts';

/** A chain of type names, most derived first. One instance per chain, so that `TNRef` can be decided by identity. */
export interface TypeChain {
  readonly names: readonly string[];
  /** `<T>…</T>` of all names. */
  readonly xml: string;
}

export type ServerValue =
  | { readonly kind: 'null' }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: 'long'; readonly value: bigint }
  | { readonly kind: 'double'; readonly value: number }
  | { readonly kind: 'guid'; readonly text: string }
  | { readonly kind: 'dateTime'; readonly moment: Moment; readonly zone: 'utc' | 'local' }
  | { readonly kind: 'version'; readonly text: string }
  | ObjectValue
  | {
      readonly kind: 'dictionary';
      readonly types: TypeChain;
      readonly entries: readonly (readonly [string, ServerValue])[];
    }
  | { readonly kind: 'list'; readonly types: TypeChain; readonly items: readonly ServerValue[] };

/** A .NET object with a text. */
export interface ObjectValue {
  readonly kind: 'object';
  readonly types: TypeChain;
  readonly text: string;
  /** Partial serialization writes `<S>` of the text; false: it writes the object (CultureInfo). */
  readonly flat: boolean;
  /** An enumeration's number. */
  readonly base?: number | bigint;
  readonly properties?: () => readonly (readonly [string, ServerValue | 'self'])[];
  /** Full serialization adds `SerializationData`, BinaryFormatter's bytes. */
  readonly blob?: boolean;
  /** Two values with one key are the same instance: full serialization writes the second as a reference. */
  readonly key?: string;
  /** What comparisons go by, where it is not the text. */
  readonly order?: number;
}

export const chain = (...names: readonly string[]): TypeChain => ({
  names,
  xml: names.map((name) => `<T>${name}</T>`).join(''),
});

export const nullValue: ServerValue = { kind: 'null' };
export const trueValue: ServerValue = { kind: 'boolean', value: true };
export const falseValue: ServerValue = { kind: 'boolean', value: false };
export const stringValue = (text: string): ServerValue => ({ kind: 'string', text });
export const booleanValue = (value: boolean): ServerValue => (value ? trueValue : falseValue);
export const integerValue = (value: number): ServerValue => ({ kind: 'integer', value });
export const guidValue = (text: string): ServerValue => ({ kind: 'guid', text });
export const emptyGuidValue = guidValue('00000000-0000-0000-0000-000000000000');
export const utc = (moment: Moment): ServerValue => ({ kind: 'dateTime', moment, zone: 'utc' });
export const local = (moment: Moment): ServerValue => ({ kind: 'dateTime', moment, zone: 'local' });
export const listValue = (types: TypeChain, items: readonly ServerValue[]): ServerValue => ({
  kind: 'list',
  types,
  items,
});

const enumTails = ['System.Enum', 'System.ValueType', 'System.Object'] as const;
const chains = new Map<string, TypeChain>();
const enums = new Map<string, ObjectValue>();

/** One chain per set of names. */
export function chainOf(...names: readonly string[]): TypeChain {
  const key = names.join('\n');
  let found = chains.get(key);
  if (found === undefined) {
    found = chain(...names);
    chains.set(key, found);
  }
  return found;
}

/** An enumeration's value. */
export function enumValue(type: string, text: string, base: number | bigint): ObjectValue {
  const key = `${type}:${text}`;
  let value = enums.get(key);
  if (value === undefined) {
    value = { kind: 'object', types: chainOf(type, ...enumTails), text, flat: true, base };
    enums.set(key, value);
  }
  return value;
}

const assembly = 'Version=15.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35';
const sizeChain = chainOf('Microsoft.Exchange.Data.ByteQuantifiedSize', 'System.ValueType', 'System.Object');
const unlimitedChains = {
  size: chainOf(
    `Microsoft.Exchange.Data.Unlimited\`1[[Microsoft.Exchange.Data.ByteQuantifiedSize, Microsoft.Exchange.Data, ${assembly}]]`,
    'System.ValueType',
    'System.Object',
  ),
  integer: chainOf(
    'Microsoft.Exchange.Data.Unlimited`1[[System.Int32, mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089]]',
    'System.ValueType',
    'System.Object',
  ),
  timeSpan: chainOf(
    `Microsoft.Exchange.Data.Unlimited\`1[[Microsoft.Exchange.Data.EnhancedTimeSpan, Microsoft.Exchange.Data, ${assembly}]]`,
    'System.ValueType',
    'System.Object',
  ),
} as const;

/** `Unlimited<T>` without a value. */
export function unlimited(of: keyof typeof unlimitedChains): ObjectValue {
  return {
    kind: 'object',
    types: unlimitedChains[of],
    text: 'Unlimited',
    flat: true,
    blob: true,
    order: Number.POSITIVE_INFINITY,
    properties: () => [['IsUnlimited', trueValue]],
  };
}
const unlimitedBytes = unlimited('size');

/** A quota: bytes, or unlimited. */
export function quotaValue(bytes: number | undefined): ObjectValue {
  if (bytes === undefined) return unlimitedBytes;
  const text = byteSizeText(bytes);
  return {
    kind: 'object',
    types: unlimitedChains.size,
    text,
    flat: true,
    blob: true,
    order: bytes,
    properties: () => [
      ['IsUnlimited', falseValue],
      ['Value', stringValue(text)],
    ],
  };
}

/** A size that cannot be unlimited. */
export function sizeValue(bytes: number): ObjectValue {
  return { kind: 'object', types: sizeChain, text: byteSizeText(bytes), flat: true, blob: true, order: bytes };
}

const idChain = chainOf(
  'Microsoft.Exchange.Data.Directory.ADObjectId',
  'Microsoft.Exchange.Data.ObjectId',
  'System.Object',
);
const partitionGuid = guidValue('59ce2f71-eaa2-4ddf-a4fa-f25069d0b324');

/** An ADObjectId: its text is a canonical name (recipients, schema) or a short name (configuration objects). */
export function directoryId(
  text: string,
  where: { dn: string; guid: string; domain: string; name?: string },
): ObjectValue {
  return {
    kind: 'object',
    types: idChain,
    text,
    flat: true,
    blob: true,
    key: where.dn,
    properties: () => {
      const isDomain = where.dn.startsWith('DC=');
      const rdn = /^(?:[^,\\]|\\.)*/.exec(where.dn)?.[0] ?? where.dn;
      return [
        ['OrgHierarchyToIgnore', nullValue],
        ['IsDeleted', falseValue],
        ['Rdn', stringValue(rdn)],
        [
          'Parent',
          isDomain ? nullValue : stringValue(text.includes('/') ? text.slice(0, text.lastIndexOf('/')) : where.domain),
        ],
        ['Depth', integerValue(where.dn.split(/(?<!\\),/).filter((part) => !part.startsWith('DC=')).length + 1)],
        ['DistinguishedName', stringValue(where.dn)],
        ['IsRelativeDn', falseValue],
        // The identifier of a domain is its own domain: the cycle that real objects have.
        ['DomainId', isDomain ? 'self' : stringValue(where.domain)],
        ['PartitionGuid', partitionGuid],
        ['PartitionFQDN', stringValue('example.test')],
        ['ObjectGuid', guidValue(where.guid)],
        ['Name', stringValue(where.name ?? rdn.replace(/^[A-Z]+=/, ''))],
      ];
    },
  };
}

const addressChain = chainOf('Microsoft.Exchange.Data.SmtpAddress', 'System.ValueType', 'System.Object');

/** An SmtpAddress; empty text for none. */
export function smtpAddress(address: string): ObjectValue {
  const at = address.lastIndexOf('@');
  return {
    kind: 'object',
    types: addressChain,
    text: address,
    flat: true,
    blob: true,
    properties: () => [
      ['Length', integerValue(address.length)],
      ['Local', stringValue(address.slice(0, Math.max(0, at)))],
      ['Domain', stringValue(address.slice(at + 1))],
      ['Address', stringValue(address)],
      ['IsUTF8', booleanValue(/[^\x20-\x7e]/.test(address))],
      ['IsValidAddress', booleanValue(at > 0)],
    ],
  };
}

const smtpProxyChain = chainOf(
  'Microsoft.Exchange.Data.SmtpProxyAddress',
  'Microsoft.Exchange.Data.ProxyAddress',
  'Microsoft.Exchange.Data.ProxyAddressBase',
  'System.Object',
);
const customProxyChain = chainOf(
  'Microsoft.Exchange.Data.CustomProxyAddress',
  'Microsoft.Exchange.Data.ProxyAddress',
  'Microsoft.Exchange.Data.ProxyAddressBase',
  'System.Object',
);

/** One of EmailAddresses, `prefix:address`; an upper-case prefix is the primary of its kind. */
export function proxyAddress(text: string): ObjectValue {
  const colon = text.indexOf(':');
  const prefix = text.slice(0, colon);
  const address = text.slice(colon + 1);
  const isSmtp = prefix.toUpperCase() === 'SMTP';
  return {
    kind: 'object',
    types: isSmtp ? smtpProxyChain : customProxyChain,
    text,
    flat: true,
    blob: true,
    properties: () => [
      ...(isSmtp ? [['SmtpAddress', stringValue(address)] as const] : []),
      ['AddressString', stringValue(address)],
      ['ProxyAddressString', stringValue(text)],
      ['Prefix', stringValue(prefix.toUpperCase())],
      ['IsPrimaryAddress', booleanValue(prefix === prefix.toUpperCase())],
      ['PrefixString', stringValue(prefix.toUpperCase())],
    ],
  };
}

const timeSpanChain = chainOf('Microsoft.Exchange.Data.EnhancedTimeSpan', 'System.ValueType', 'System.Object');

/** `14.00:00:00`, as .NET writes a TimeSpan. */
function spanText(days: number): string {
  const seconds = Math.round(days * 86_400);
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = `${two(Math.floor(seconds / 3_600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  const whole = Math.floor(seconds / 86_400);
  return whole === 0 ? clock : `${whole}.${clock}`;
}

/** A span of days. */
export function daysValue(days: number): ObjectValue {
  return {
    kind: 'object',
    types: timeSpanChain,
    text: spanText(days),
    flat: true,
    blob: true,
    order: days,
    properties: () => [
      ['Days', integerValue(days)],
      ['Hours', integerValue(0)],
      ['Minutes', integerValue(0)],
      ['Seconds', integerValue(0)],
      ['TotalDays', { kind: 'double', value: days }],
      ['Sign', integerValue(days < 0 ? -1 : 1)],
    ],
  };
}

/** Any other object of which only the text matters. */
export function opaque(type: string, text: string, blob = true): ObjectValue {
  return { kind: 'object', types: chainOf(type, 'System.Object'), text, flat: true, blob };
}

const cultureChain = chainOf('System.Globalization.CultureInfo', 'System.Object');
const cultures: Readonly<Record<string, readonly [number, string, string, string, string]>> = {
  'en-US': [1033, 'English (United States)', 'eng', 'ENU', 'en'],
  'fr-FR': [1036, 'French (France)', 'fra', 'FRA', 'fr'],
};

/** A CultureInfo: the one object that partial serialization writes out, its `Name` and `DisplayName` before the mailbox's own. */
export function cultureValue(name: string): ObjectValue {
  const [lcid, display, iso, windows, two] = cultures[name] ?? [127, name, 'ivl', 'IVL', 'iv'];
  return {
    kind: 'object',
    types: cultureChain,
    text: name,
    flat: false,
    properties: () => [
      ['LCID', integerValue(lcid)],
      ['Name', stringValue(name)],
      ['DisplayName', stringValue(display)],
      ['IetfLanguageTag', stringValue(name)],
      ['ThreeLetterISOLanguageName', stringValue(iso)],
      ['ThreeLetterWindowsLanguageName', stringValue(windows)],
      ['TwoLetterISOLanguageName', stringValue(two)],
    ],
  };
}
