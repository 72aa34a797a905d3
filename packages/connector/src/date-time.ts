/*
 * XML Schema dateTime as .NET writes it (XmlDateTimeSerializationMode.RoundtripKind) → ISO 8601 in UTC:
 *
 *   2022-10-19T20:31:31-07:00            2022-10-20T03:31:31Z
 *   2022-10-31T01:01:36.1200000Z         2022-10-31T01:01:36.12Z
 *   2022-10-31T01:01:36                  2022-10-31T01:01:36Z      no zone is UTC
 *
 * The fraction has up to seven digits (ticks of 100 ns) and is carried as text: a JavaScript Date would
 * cut it to three. Zones are whole minutes, so the fraction never takes part in the arithmetic.
 */

const pattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?$/;

/** .NET's DateTime.MinValue and MaxValue: a conversion that would leave them stops there, as .NET's does. */
const earliest = { ms: Date.parse('0001-01-01T00:00:00Z'), text: '0001-01-01T00:00:00Z' };
const latest = { ms: Date.parse('9999-12-31T23:59:59Z'), text: '9999-12-31T23:59:59.9999999Z' };

function offsetMinutes(zone: string): number | undefined {
  if (zone === '' || zone === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 14 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

/** The date-time in UTC with `Z`, fractions kept without trailing zeros; `undefined` where the text is no date-time. */
export function dateTimeText(text: string): string | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const seconds = text.slice(0, 19);
  const ms = Date.parse(`${seconds}Z`);
  // Date.parse takes 24:00:00 and rolls days over: what does not read back the same is no date-time.
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== seconds || ms < earliest.ms) return undefined;
  const fraction = (match[7] ?? '').replace(/0+$/, '');
  const tail = fraction === '' ? 'Z' : `.${fraction}Z`;
  const minutes = offsetMinutes(match[8] ?? '');
  if (minutes === undefined) return undefined;
  if (minutes === 0) return `${seconds}${tail}`;
  const utc = ms - minutes * 60_000;
  if (utc < earliest.ms) return earliest.text;
  if (utc > latest.ms) return latest.text;
  return `${new Date(utc).toISOString().slice(0, 19)}${tail}`;
}
