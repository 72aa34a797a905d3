/* Spans of time as Exchange shows and takes them: `14.00:00:00`, `00:15:00`; a bare number is days; `Unlimited`. */

const pattern = /^(?:([0-9]{1,8})\.)?([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]{1,7})?)?$/;

/** The seconds of a span, `unlimited`, or `undefined` where the text is none. */
export function parseTimeSpan(text: string): number | 'unlimited' | undefined {
  const trimmed = text.trim();
  if (/^unlimited$/i.test(trimmed)) return 'unlimited';
  if (/^[0-9]{1,8}$/.test(trimmed)) return Number(trimmed) * 86_400;
  const match = pattern.exec(trimmed);
  if (match === null) return undefined;
  const [days, hours, minutes, seconds] = match.slice(1, 5).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
  ];
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  return ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
}

/** `14.00:00:00`. */
export function formatTimeSpan(seconds: number | 'unlimited'): string {
  if (seconds === 'unlimited') return 'Unlimited';
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const clock = `${two((seconds / 3600) % 24)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
  return seconds >= 86_400 ? `${Math.floor(seconds / 86_400)}.${clock}` : clock;
}
