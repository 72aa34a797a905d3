function letterDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** The known name that a typed one begins, or else the nearest to it, however far; the first of several. */
export function nearestName(typed: string, known: readonly string[]): string {
  const begun = known.find((name) => /[a-z]/i.test(typed) && name.toLowerCase().startsWith(typed.toLowerCase()));
  if (begun !== undefined) return begun;
  const distances = known.map((name) => letterDistance(typed.toLowerCase().slice(0, 100), name.toLowerCase()));
  return known[distances.indexOf(Math.min(...distances))] ?? '';
}
