/* xs:duration as WS-Management uses it: `PT60.000S`, `PT7200.000S`, `P0DT0H0M0S`. */

/** Formats milliseconds as `PT60.000S`. */
export function formatDuration(milliseconds: number): string {
  return `PT${(milliseconds / 1000).toFixed(3)}S`;
}

/** Milliseconds of a duration without years and months; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,12}(?:\.\d{0,9})?)S)?)?$/.exec(
    text.trim(),
  );
  if (match === null || match.slice(1).every((part) => part === undefined)) return undefined;
  const [days, hours, minutes, seconds] = match
    .slice(1)
    .map((part) => (part === undefined ? 0 : Number.parseFloat(part))) as [number, number, number, number];
  return Math.round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000);
}
