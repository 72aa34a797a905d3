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

const pattern = /^.{19}(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?$/;

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

const daysInMonth = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isDay(year: number, month: number, day: number): boolean {
  const isLeap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day >= 1 && day <= (daysInMonth[month] ?? 0) + (isLeap ? 1 : 0);
}

/** The two digits at an index; NaN where they are none. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** True where the first 19 characters are a date and time: `2022-10-19T20:31:31`. */
function hasDateAndTime(text: string): boolean {
  return (
    text[4] === '-' &&
    text[7] === '-' &&
    text[10] === 'T' &&
    text[13] === ':' &&
    text[16] === ':' &&
    twoDigits(text, 0) * 100 + twoDigits(text, 2) >= 1 &&
    isDay(twoDigits(text, 0) * 100 + twoDigits(text, 2), twoDigits(text, 5), twoDigits(text, 8)) &&
    twoDigits(text, 11) < 24 &&
    twoDigits(text, 14) < 60 &&
    twoDigits(text, 17) < 60
  );
}

/** The date-time in UTC with `Z`, fractions kept without trailing zeros; `undefined` where the text is no date-time. */
export function dateTimeText(text: string): string | undefined {
  if (!hasDateAndTime(text)) return undefined;
  // Nearly all are in this form already.
  if (text.length === 20 && text.endsWith('Z')) return text;
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const fraction = (match[1] ?? '').replace(/0+$/, '');
  const tail = fraction === '' ? 'Z' : `.${fraction}Z`;
  const minutes = offsetMinutes(match[2] ?? '');
  if (minutes === undefined) return undefined;
  const seconds = text.slice(0, 19);
  if (minutes === 0) return `${seconds}${tail}`;
  const utc = Date.parse(`${seconds}Z`) - minutes * 60_000;
  if (utc < earliest.ms) return earliest.text;
  if (utc > latest.ms) return latest.text;
  return `${new Date(utc).toISOString().slice(0, 19)}${tail}`;
}
