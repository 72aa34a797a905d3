/*
 * Bodies of whole mailboxes that differ as those of an organisation do: names (some not Latin), addresses,
 * GUIDs, dates, flags, and the number of objects inside, which moves every later RefId. The same for the
 * same seed.
 */
import { readFileSync } from 'node:fs';

const template = readFileSync(new URL('../test/fixtures/mailbox.clixml', import.meta.url), 'utf8').replace(
  /^\ufeff/,
  '',
);

/** The 44 columns of the file of mailboxes, in the order of the wire. */
export const mailboxColumns = (
  'Database EmailAddresses UseDatabaseRetentionDefaults RetainDeletedItemsUntilBackup DeliverToMailboxAndForward ' +
  'ExchangeGuid ExchangeUserAccountControl ForwardingAddress ForwardingSmtpAddress IsMailboxEnabled ProhibitSendQuota ' +
  'ProhibitSendReceiveQuota RecoverableItemsQuota RecoverableItemsWarningQuota CalendarLoggingQuota IsResource IsLinked ' +
  'IsShared SamAccountName AntispamBypassEnabled ServerName UseDatabaseQuotaDefaults UserPrincipalName ' +
  'WhenMailboxCreated IsInactiveMailbox AccountDisabled IsDirSynced Alias OrganizationalUnit DisplayName MaxSendSize ' +
  'MaxReceiveSize PrimarySmtpAddress RecipientType RecipientTypeDetails Identity IsValid Name DistinguishedName Guid ' +
  'ObjectCategory WhenChangedUTC WhenCreatedUTC ObjectState'
).split(' ');

/** xorshift32: numbers from 0 up to, not including, 1. */
function random(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}

const firstNames = ['Mira', 'Jörg', 'Anna', 'Søren', 'Łucja', '美咲', 'Ivan', 'Zoë', 'Carlos', 'Ann & Bo'];
const lastNames = ['Aaltonen', 'Müller', 'Smith', "O'Neil", 'García', '田中', 'Novak', 'Berg', 'Rossi', 'Wu'];

function withoutCulture(text: string): string {
  const culture = /<Obj RefId="5"><TN RefId="5"><T>System\.Globalization\.CultureInfo<.*?<\/Obj>/;
  return text
    .replace(culture, '')
    .replace(/ RefId="(\d+)"/g, (whole, id: string) => (Number(id) > 5 ? ` RefId="${Number(id) - 1}"` : whole));
}

function makeBody(next: () => number, index: number): string {
  const first = firstNames[Math.floor(next() * firstNames.length)] as string;
  const last = lastNames[Math.floor(next() * lastNames.length)] as string;
  const escaped = (text: string) => text.replaceAll('&', '&amp;');
  const hex = (digits: number) =>
    Math.floor(next() * 16 ** digits)
      .toString(16)
      .padStart(digits, '0');
  const text = next() < 0.3 ? withoutCulture(template) : template;
  const addresses = Array.from(
    { length: Math.floor(next() * 4) },
    (_, at) => `<S>smtp:alias${at}.user${index}@contoso.com</S>`,
  );
  return text
    .replaceAll('Mira', escaped(first))
    .replaceAll('Aaltonen', escaped(last))
    .replaceAll('aaltonen', `user${index}`)
    .replace(
      /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g,
      () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`,
    )
    .replace(
      /(<DT N="\w+">20)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d/g,
      (_, head: string) =>
        `${head}${10 + Math.floor(next() * 15)}-0${1 + Math.floor(next() * 9)}-${10 + Math.floor(next() * 18)}T1${Math.floor(next() * 10)}:22:33`,
    )
    .replace(/>(true|false)<\/B>/g, (whole, flag: string) =>
      next() < 0.02 ? `>${flag === 'true' ? 'false' : 'true'}</B>` : whole,
    )
    .replace(
      '</S></LST></Obj><Obj N="GrantSendOnBehalfTo"',
      `</S>${addresses.join('')}</LST></Obj><Obj N="GrantSendOnBehalfTo"`,
    )
    .replaceAll('<S N="Database">DB1', `<S N="Database">DB${1 + Math.floor(next() * 6)}`)
    .replace('<S N="Office"></S>', `<S N="Office">Floor ${Math.floor(next() * 40)}</S>`);
}

/** `count` bodies as text. */
export function makeMailboxBodies(count: number, seed = 1): string[] {
  const next = random(seed * 2_654_435_761);
  return Array.from({ length: count }, (_, index) => makeBody(next, index));
}
