/*
 * What reading CLIXML may cost. Each limit has a name, a unit and a reason; passing one is a CliXmlError
 * with the code PSRP_LIMIT_EXCEEDED that says where, what was seen and what is allowed.
 */

/** Limits of one reading of CLIXML; every field may be given by itself. */
export interface CliXmlLimits {
  /** Bytes of the input. A text is held whole (as one or two bytes a character) while it is read. */
  readonly maxBytes: number;
  /**
   * Values inside one another, the outermost counted as 1. PowerShell itself writes and reads some 50;
   * the reader descends by calls, so that no more than 1,000 are possible.
   */
  readonly maxDepth: number;
  /**
   * Values of one top-level value, `<Nil/>` and references included: `<S/>` is 4 bytes on the wire and
   * about 40 in memory.
   */
  readonly maxValues: number;
}

/** The most that `maxDepth` can be. */
export const deepestPossible = 1000;

/**
 * The limits in force unless others are given: three times the largest message that a server lets pass
 * (75 MB), twice the depth that PowerShell writes, and about 200 MB of values.
 */
export const defaultCliXmlLimits: CliXmlLimits = {
  maxBytes: 268_435_456,
  maxDepth: 100,
  maxValues: 5_000_000,
};

/** Fills in the defaults. Throws a RangeError where the caller gives what is no limit. */
export function completeLimits(given: Partial<CliXmlLimits> | undefined): CliXmlLimits {
  if (given === undefined) return defaultCliXmlLimits;
  const limits = {
    maxBytes: given.maxBytes ?? defaultCliXmlLimits.maxBytes,
    maxDepth: given.maxDepth ?? defaultCliXmlLimits.maxDepth,
    maxValues: given.maxValues ?? defaultCliXmlLimits.maxValues,
  };
  for (const [name, value] of Object.entries(limits)) {
    const most = name === 'maxDepth' ? deepestPossible : Number.MAX_SAFE_INTEGER;
    if (!Number.isSafeInteger(value) || value < 1 || value > most) {
      throw new RangeError(`the limit ${name} must be a whole number from 1 to ${most}, not ${String(value)}`);
    }
  }
  return limits;
}
