import { AcceptorContext } from './acceptor.ts';
import { InitiatorContext } from './initiator.ts';
import { callsUnderWay } from './call-limit.ts';
import { gssapiLibraryIfLoaded } from './gssapi-library.ts';
import type { SecurityMechanism } from './mechanism.ts';

/**
 * Kerberos of the system's GSSAPI library (MIT krb5; Heimdal as far as it goes). The library is loaded at the first
 * `step`, and reads KRB5_CONFIG, KRB5CCNAME and their kin from the process's environment then: set them before the
 * process starts. Contexts throw GssapiError.
 */
export function gssapiMechanism(): SecurityMechanism {
  return {
    name: 'GSSAPI',
    initiate: (options) => new InitiatorContext(options),
    accept: (options) => new AcceptorContext(options),
  };
}

/**
 * True while a call is under way that may wait for a KDC, be it one that was given up. The thread it holds would hold
 * up an ordinary exit.
 */
export function hasBlockedCall(): boolean {
  return callsUnderWay() > 0;
}

/**
 * Ends the process at once, without waiting for a thread that waits for a KDC (process.exit does wait for it).
 * Standard output and error must have been flushed. Where no call is blocked this is process.exit.
 */
export function exitImmediately(status: number): never {
  const library = gssapiLibraryIfLoaded();
  if (library !== undefined && hasBlockedCall()) library.exit(status);
  process.exit(status);
}
