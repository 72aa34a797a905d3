/*
 * `--local[=PROGRAM]`: commander would take the word after a bare `--local` as the program, so that the cmdlet
 * would be lost. With an empty value it takes none.
 */

/** An option as commander describes it. */
interface KnownOption {
  readonly long?: string | undefined;
  readonly short?: string | undefined;
  /** Whether a value must follow. */
  readonly required: boolean;
}

/**
 * @param words what stands after `invoke`
 * @param options those of the command: which take a value, that is
 * @returns the words, a bare `--local` among the options written as `--local=`
 */
export function withLocalSeparated(words: readonly string[], options: readonly KnownOption[]): string[] {
  const separated = [...words];
  for (let index = 0; index < separated.length; index += 1) {
    const word = separated[index] as string;
    if (!word.startsWith('-') || word === '--') break; // the options end here
    if (word === '--local') separated[index] = '--local=';
    else if (options.some((option) => option.required && (option.long === word || option.short === word))) index += 1;
  }
  return separated;
}
