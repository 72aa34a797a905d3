/**
 * Whether a text matches a pattern in which `*` stands for any text, without regard to case. The parts between
 * the stars are searched for in order, so that no pattern costs more than a walk through the text.
 */
export function matchesWildcard(text: string, pattern: string): boolean {
  const parts = pattern.toLowerCase().split('*');
  const lower = text.toLowerCase();
  const first = parts[0] as string;
  if (parts.length === 1) return lower === first;
  const last = parts.at(-1) as string;
  if (!lower.startsWith(first) || !lower.endsWith(last) || lower.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = lower.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= lower.length - last.length;
}
