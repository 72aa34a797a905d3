/** What became of one order. */
export interface OrderOutcome {
  readonly state: 'Executed' | 'Errored';
  /** Why it is errored; empty where it was executed. Never holds a secret. */
  readonly message: string;
}

const mostMessageCharacters = 4_000;

/** One line for a table: no control characters, and an end. */
export function inOneLine(text: string): string {
  const line = text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .toWellFormed();
  return line.length <= mostMessageCharacters ? line : `${line.slice(0, mostMessageCharacters - 1).toWellFormed()}…`;
}

export function errored(message: string): OrderOutcome {
  return { state: 'Errored', message };
}
