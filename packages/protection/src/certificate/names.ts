/** Names compare without regard to order, case and blanks: programs write them in either direction. */
export function sameName(left: string, right: string): boolean {
  const parts = (name: string): string =>
    name
      .split(/[,\n]/)
      .map((part) =>
        part
          .trim()
          .toLowerCase()
          .replace(/\s*=\s*/, '='),
      )
      .filter((part) => part !== '')
      .sort()
      .join('\n');
  return parts(left) === parts(right);
}
