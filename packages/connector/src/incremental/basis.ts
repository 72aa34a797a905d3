/* Whether a run may start from a cookie, and in words for a person why not. */
import type { CookieFacts } from './cookie-facts.ts';

/** What a run is, as far as its cookie has to fit it. */
export interface RunConditions {
  readonly connection: string;
  readonly engine: CookieFacts['engine'];
  /** Digest of the settings that shape the rows. */
  readonly settings: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Clocks are set right now and then; a cookie further in the future was written by a clock that was wrong. */
const tolerated = 5 * 60_000;

/** Why the next run has to be a complete one although there is a cookie; undefined where it need not. */
export function whyComplete(facts: CookieFacts, run: RunConditions): string | undefined {
  if (facts.connection !== run.connection) return `the cookie is of the connection ${facts.connection}`;
  if (facts.engine !== run.engine)
    return `the last export was read by ${facts.engine === 'script' ? 'a script' : 'the native engine'}, and this one is not`;
  if (facts.settings !== run.settings)
    return 'the settings that shape the rows (scope, columns, separator) are others than in the last export';
  if (facts.needsComplete !== null) return facts.needsComplete;
  if (Date.parse(facts.time) > run.now + tolerated)
    return `the last export is of ${facts.time}, which is in the future: the clock of this machine was or is wrong`;
  return undefined;
}
