/**
 * How many letters apart two names are: insertions, deletions, replacements and swaps of
 * neighbours (the optimal string alignment form of the Damerau–Levenshtein distance).
 * Names more than `most` letters apart in length are not compared: the result is `most + 1`.
 */
export function letterDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (beforePrevious[j - 2] ?? 0) + 1);
      current.push(best);
    }
    if (Math.min(...current) > most) return most + 1;
    beforePrevious = previous;
    previous = current;
  }
  return Math.min(previous[b.length] ?? 0, most + 1);
}

/** The known name one or two letters away from `name`, the nearest first; case does not count as a letter. */
export function findNearMiss(name: string, known: readonly string[]): string | undefined {
  const most = 2;
  let nearest: { readonly name: string; readonly distance: number } | undefined;
  for (const candidate of known) {
    const distance = letterDistance(name.toLowerCase(), candidate.toLowerCase(), most);
    if (distance <= most && distance < (nearest?.distance ?? most + 1)) nearest = { name: candidate, distance };
  }
  return nearest?.name;
}
