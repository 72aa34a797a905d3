/*
 * Points in time as the server writes them: whole seconds with an optional fraction that is kept as digits
 * (.NET has seven), in UTC with `Z` or in the server's own time, Central European, with an offset.
 */

export interface Moment {
  /** Milliseconds since 1970 UTC, a whole number of seconds. */
  readonly ms: number;
  /** Digits after the second's point without trailing zeros; empty for none. */
  readonly fraction: string;
}

const hour = 3_600_000;

function lastSunday(year: number, month: number): number {
  const last = new Date(Date.UTC(year, month + 1, 0, 1));
  return last.getTime() - last.getUTCDay() * 24 * hour;
}

const summers = new Map<number, readonly [number, number]>();

function summerOf(year: number): readonly [number, number] {
  let summer = summers.get(year);
  if (summer === undefined) {
    summer = [lastSunday(year, 2), lastSunday(year, 9)];
    if (summers.size < 200) summers.set(year, summer);
  }
  return summer;
}

/** Minutes that the server's clock is ahead of UTC at a point in time (EU rule: last Sundays of March and October). */
export function serverOffsetMinutes(ms: number): number {
  const [begins, ends] = summerOf(new Date(ms).getUTCFullYear());
  return ms >= begins && ms < ends ? 120 : 60;
}

const two = (value: number): string => (value < 10 ? `0${value}` : String(value));

function body(ms: number, fraction: string): string {
  const d = new Date(ms);
  const date = `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`;
  const time = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
  return `${date}T${time}${fraction === '' ? '' : `.${fraction}`}`;
}

/** `2024-11-18T15:40:22Z` */
export function formatUtc(moment: Moment): string {
  return `${body(moment.ms, moment.fraction)}Z`;
}

/** `2024-11-18T16:40:22+01:00` */
export function formatLocal(moment: Moment): string {
  const offset = serverOffsetMinutes(moment.ms);
  return `${body(moment.ms + offset * 60_000, moment.fraction)}+${two(Math.floor(offset / 60))}:${two(offset % 60)}`;
}
