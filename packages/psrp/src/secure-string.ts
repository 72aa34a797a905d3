import type { PsSecureString } from './clixml/value.ts';
import { PsrpError } from './errors.ts';

const plainTexts = new WeakMap<PsSecureString, string>();

/**
 * A SecureString to be sent: hand it over as (part of) a parameter, an input or an output, and the pool
 * protects it with the session key, or as the version in force has it, when it goes out. Written outside
 * of a pool it throws, so that the text cannot leave in the clear by mistake.
 */
export function psSecureString(plainText: string): PsSecureString {
  const value: PsSecureString = {
    kind: 'SS',
    protectedText: () => {
      throw new PsrpError('PSRP_SECURE_STRING_FAILED', 'a SecureString can be written only inside a runspace pool, which has the key');
    },
  };
  plainTexts.set(value, plainText);
  return value;
}

/** The text given to {@link psSecureString}; `undefined` for a value that came from the wire. */
export function plainTextOf(value: PsSecureString): string | undefined {
  return plainTexts.get(value);
}
