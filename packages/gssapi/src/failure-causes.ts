/*
 * What a GSSAPI status means to an administrator. MIT's and Heimdal's minor status of Kerberos is the error table
 * of RFC 4120 7.5.9 from -1765328384 upward; under SPNEGO the number may be remapped, so the library's words decide
 * where the number does not.
 */
import type { GssapiErrorCode, GssapiRecovery } from './errors.ts';

/** What is known about the call that failed, for the message. */
export interface FailureScene {
  /** 'initiate' speaks of the client's account, 'accept' of the service's keytab. */
  readonly side: 'initiate' | 'accept';
  /** The service principal (initiator). */
  readonly target?: string | undefined;
  /** Whose credential, in words: `the ticket cache FILE:/tmp/krb5cc_0`, `the keytab /etc/x.keytab`. */
  readonly credential: string;
  readonly credentialKind: 'ticket-cache' | 'keytab' | 'password';
  /** The client's principal, where known. */
  readonly principal?: string | undefined;
  /** The principal is a user principal name, whose suffix is no realm. */
  readonly enterprise?: boolean;
  /** The peer's clock, from its KRB-ERROR (RFC 4120 5.9.1). */
  readonly peerTime?: Date | undefined;
  readonly now: Date;
}

export interface Cause {
  readonly code: GssapiErrorCode;
  readonly recovery: GssapiRecovery;
  /** Added to the library's words. */
  readonly seen?: string;
  readonly mend: string;
}

interface Rule {
  readonly code: GssapiErrorCode;
  /** Offsets in the Kerberos error table. */
  readonly offsets: readonly number[];
  readonly words: RegExp;
  readonly recovery?: GssapiRecovery;
}

const KERBEROS_ERROR_BASE = -1765328384;
const KERBEROS_ERROR_COUNT = 256;

const KERBEROS_RULES: readonly Rule[] = [
  { code: 'GSSAPI_CLOCK_SKEW', offsets: [37, 148, 33], words: /clock skew|ticket not yet valid/i },
  {
    code: 'GSSAPI_TICKET_EXPIRED',
    offsets: [32, 23, 11],
    words: /ticket expired|credentials? (?:cache )?(?:have |has )?expired|password has expired/i,
  },
  {
    code: 'GSSAPI_REALM_UNKNOWN',
    offsets: [154, 220, 68],
    words: /cannot find kdc|cannot resolve .*(?:realm|kdc)|realm not local to kdc|wrong realm|default realm/i,
  },
  {
    code: 'GSSAPI_KDC_UNREACHABLE',
    // The second half: what answers is no KDC (KRB_AP_ERR_BADVERSION, MSG_TYPE, KDCREP_MODIFIED, ASN.1 errors).
    offsets: [156, 29, 39, 40, 138, 147],
    words:
      /cannot contact any kdc|service is not available|message type|asn\.1|kdc reply did not match|protocol version/i,
    recovery: 'retry-after-delay',
  },
  { code: 'GSSAPI_SERVICE_UNKNOWN', offsets: [7, 155], words: /server (?:\S+ )?not found in kerberos database/i },
  { code: 'GSSAPI_CLIENT_UNKNOWN', offsets: [6], words: /client (?:'?\S+'? )?not found in kerberos database/i },
  {
    code: 'GSSAPI_CLIENT_REFUSED',
    offsets: [1, 18, 12],
    words: /client'?s? (?:credentials|entry).*(?:revoked|expired)|kdc policy rejects|account.*locked/i,
  },
  {
    code: 'GSSAPI_PASSWORD_WRONG',
    offsets: [24, 31, 2 ** 20],
    words: /preauthentication failed|password incorrect|decrypt integrity check failed/i,
  },
  {
    code: 'GSSAPI_ENCRYPTION_TYPE_REFUSED',
    offsets: [14, 15, 150, 152],
    words: /encryption type|no support for checksum/i,
  },
  { code: 'GSSAPI_TOKEN_REPLAYED', offsets: [34], words: /request is a replay/i },
  {
    code: 'GSSAPI_KEYTAB_KEY_MISSING',
    offsets: [35, 44, 45, 144, 181],
    words:
      /key table entry not found|not found in keytab|ticket isn't for us|key version .*not available|no keys? .*keytab|wrong principal in request|no (?:suitable )?keys? in keytab|keytab is out of date/i,
  },
  {
    code: 'GSSAPI_KEYTAB_UNREADABLE',
    offsets: [],
    words:
      /key ?tab.*(?:not found|nonexistent|empty|no such file|permission denied)|(?:no such file|permission denied).*key ?tab|unsupported key table format|bad (?:format in )?key ?tab/i,
  },
  {
    code: 'GSSAPI_CONFIGURATION_INVALID',
    offsets: [135, 136],
    words: /krb5\.conf|kerberos configuration file|can't open\/find|improper format of kerberos/i,
  },
  {
    code: 'GSSAPI_NAME_INVALID',
    offsets: [133, 134],
    words: /malformed representation of principal|illegal character in component/i,
  },
  {
    code: 'GSSAPI_NO_TICKET',
    offsets: [141, 142, 143, 195],
    words:
      /no (?:kerberos )?credentials|credentials cache .*(?:empty|not found)|no credentials cache|matching credential not found/i,
  },
];

/** RFC 2744 3.9.1: routine errors in bits 16 to 23, supplementary bits 0 to 4. */
const ROUTINE_RULES: Readonly<Record<number, GssapiErrorCode>> = {
  1: 'GSSAPI_MECHANISM_MISSING', // GSS_S_BAD_MECH
  2: 'GSSAPI_NAME_INVALID', // GSS_S_BAD_NAME
  3: 'GSSAPI_NAME_INVALID', // GSS_S_BAD_NAMETYPE
  6: 'GSSAPI_MESSAGE_DAMAGED', // GSS_S_BAD_SIG
  7: 'GSSAPI_NO_TICKET', // GSS_S_NO_CRED
  8: 'GSSAPI_CONTEXT_ENDED', // GSS_S_NO_CONTEXT
  9: 'GSSAPI_TOKEN_INVALID', // GSS_S_DEFECTIVE_TOKEN
  11: 'GSSAPI_TICKET_EXPIRED', // GSS_S_CREDENTIALS_EXPIRED
  12: 'GSSAPI_TICKET_EXPIRED', // GSS_S_CONTEXT_EXPIRED
};
const SUPPLEMENTARY_DUPLICATE = 2;
export const SUPPLEMENTARY_SEQUENCE = 0x1e;

/** True for a status whose routine or calling error bits are set. */
export function failed(majorStatus: number): boolean {
  return (majorStatus & 0xffff0000) !== 0;
}

/** Says what failed, why, and what to do, from a status and the library's words for it. */
export function causeOf(majorStatus: number, minorStatus: number, words: string, scene: FailureScene): Cause {
  const code = codeOf(majorStatus, minorStatus, words, scene);
  const rule = KERBEROS_RULES.find((candidate) => candidate.code === code);
  const seen = seenOf(code, scene);
  return {
    code,
    recovery: rule?.recovery ?? 'none',
    mend: mendOf(code, scene),
    ...(seen === undefined ? {} : { seen }),
  };
}

function codeOf(majorStatus: number, minorStatus: number, words: string, scene: FailureScene): GssapiErrorCode {
  const offset = (minorStatus | 0) - KERBEROS_ERROR_BASE;
  const inTable = offset >= 0 && offset < KERBEROS_ERROR_COUNT;
  const routine = (majorStatus >>> 16) & 0xff;
  const rule =
    (inTable ? KERBEROS_RULES.find((candidate) => candidate.offsets.includes(offset)) : undefined) ??
    KERBEROS_RULES.find((candidate) => candidate.words.test(words));
  if (rule !== undefined) return refine(rule.code, scene);
  const known = ROUTINE_RULES[routine];
  if (known === 'GSSAPI_NO_TICKET' && scene.credentialKind !== 'ticket-cache') return 'GSSAPI_FAILED';
  if (known !== undefined) return known;
  if (!failed(majorStatus) && (majorStatus & SUPPLEMENTARY_SEQUENCE) !== 0) return 'GSSAPI_MESSAGE_OUT_OF_SEQUENCE';
  if ((majorStatus & SUPPLEMENTARY_DUPLICATE) !== 0) return 'GSSAPI_TOKEN_REPLAYED';
  return 'GSSAPI_FAILED';
}

/** One Kerberos error means different things on the two sides and with different credentials. */
function refine(code: GssapiErrorCode, scene: FailureScene): GssapiErrorCode {
  if (code === 'GSSAPI_PASSWORD_WRONG' && scene.credentialKind !== 'password') return 'GSSAPI_KEY_WRONG';
  if (code === 'GSSAPI_NO_TICKET' && scene.credentialKind === 'keytab') return 'GSSAPI_KEYTAB_KEY_MISSING';
  if (code === 'GSSAPI_KEYTAB_UNREADABLE' && scene.credentialKind === 'ticket-cache') return 'GSSAPI_NO_TICKET';
  return code;
}

function seenOf(code: GssapiErrorCode, scene: FailureScene): string | undefined {
  if (code === 'GSSAPI_CLOCK_SKEW') return clocks(scene);
  if (code === 'GSSAPI_NO_TICKET')
    return scene.principal === undefined ? `there is no ticket in ${scene.credential}` : undefined;
  if (code === 'GSSAPI_SERVICE_UNKNOWN') return `the KDC knows no service ${scene.target ?? ''}`.trimEnd();
  if (code === 'GSSAPI_CLIENT_UNKNOWN') return `the KDC knows no account ${scene.principal ?? ''}`.trimEnd();
  return undefined;
}

function clocks(scene: FailureScene): string {
  const here = `this machine's clock says ${scene.now.toISOString()}`;
  if (scene.peerTime === undefined) return here;
  const seconds = Math.round((scene.now.getTime() - scene.peerTime.getTime()) / 1000);
  const side = seconds >= 0 ? 'ahead' : 'behind';
  return `${here}, the peer's ${scene.peerTime.toISOString()}: ${Math.abs(seconds)} seconds ${side}`;
}

function configurationFile(): string {
  return process.env['KRB5_CONFIG'] ?? '/etc/krb5.conf';
}

function realmOf(principal: string | undefined): string | undefined {
  const at = principal?.lastIndexOf('@') ?? -1;
  return at > 0 ? principal?.slice(at + 1) : undefined;
}

function mendOf(code: GssapiErrorCode, scene: FailureScene): string {
  const realm = (scene.enterprise ? undefined : realmOf(scene.principal)) ?? realmOf(scene.target);
  const ofRealm = realm === undefined ? 'the realm' : `the realm ${realm}`;
  const target = scene.target ?? 'HTTP/<name of the server>';
  const host = target.replace(/^[^/]*\//, '').replace(/@.*$/, '');
  switch (code) {
    case 'GSSAPI_NO_TICKET':
      return 'Get a ticket as the account that runs this (`kinit user@REALM`; `klist` shows what is there; KRB5CCNAME names another cache), or set Keytab and Principal, or Login and Password.';
    case 'GSSAPI_TICKET_EXPIRED':
      return scene.credentialKind === 'ticket-cache'
        ? 'Get a new ticket (`kinit`), or set Keytab and Principal, with which tickets are renewed without a person.'
        : "The account's password or validity has run out: have it renewed in the directory, then set the new password or make a new keytab.";
    case 'GSSAPI_REALM_UNKNOWN':
      return `Check the spelling of ${ofRealm} (capital letters; in Active Directory the domain's DNS name), and that krb5.conf (${configurationFile()}) has it under [realms] with a kdc, or that DNS has _kerberos._tcp.${realm ?? '<realm>'} (\`dig SRV\`).`;
    case 'GSSAPI_KDC_UNREACHABLE':
      return `Check that a KDC (domain controller), and nothing else, answers for ${ofRealm} and that port 88, TCP and UDP, is open from here to it; krb5.conf ([realms], kdc) or DNS (_kerberos._tcp.${realm ?? '<realm>'}) says which one is asked.`;
    case 'GSSAPI_SERVICE_UNKNOWN':
      return `Give the server by the name it is registered under (no alias, no IP address). If ${host} is right, an administrator registers it: \`setspn -S ${target.replace(/@.*$/, '')} <computer account>\`; for a name that several servers share (a load balancer), on the alternate service account (RollAlternateServiceAccountPassword.ps1). \`setspn -Q HTTP/${host}\` shows who holds it.`;
    case 'GSSAPI_CLIENT_UNKNOWN':
      return 'Check Login or Principal: `user@REALM` with the realm in capital letters. A user principal name whose suffix is no realm needs the directory to know it as an alias (enterprise name).';
    case 'GSSAPI_CLIENT_REFUSED':
      return 'The account is locked, disabled or expired, or may not log on from here or now: have the directory administrator look at it.';
    case 'GSSAPI_PASSWORD_WRONG':
      return 'Set the right Password. It is not tried again by itself, because failures count towards locking the account.';
    case 'GSSAPI_KEY_WRONG':
      return scene.side === 'accept'
        ? "The service's key in the keytab is not the one the KDC uses: export the keytab anew."
        : "The key in the keytab is not the account's any more: its password was changed after the keytab was made. Make a new keytab.";
    case 'GSSAPI_CLOCK_SKEW':
      return 'Kerberos allows five minutes. Set this machine, the server and the domain controllers by one time source (`timedatectl`, `chronyc tracking`, `w32tm /query /status`).';
    case 'GSSAPI_KEYTAB_UNREADABLE':
      return 'Check the path, and that the account that runs this may read the file (`klist -kt <file>` shows what is in it).';
    case 'GSSAPI_KEYTAB_KEY_MISSING':
      return scene.side === 'accept'
        ? 'Export a keytab with the current key of the service principal (`klist -kte <file>` shows principals, versions and encryption types).'
        : 'Set Principal to one that is in the keytab, spelled the same (`klist -kte <file>` shows them), or make a keytab for it.';
    case 'GSSAPI_ENCRYPTION_TYPE_REFUSED':
      return `AES (aes256-cts-hmac-sha1-96, aes256-cts-hmac-sha384-192) must be allowed for the account and for the service ${target}: in Active Directory msDS-SupportedEncryptionTypes, and a password set after AES came; in krb5.conf permitted_enctypes. RC4 and DES are not used.`;
    case 'GSSAPI_TOKEN_REPLAYED':
      return 'The same authentication was sent twice; connect anew. If it goes on, something on the way repeats requests.';
    case 'GSSAPI_CONFIGURATION_INVALID':
      return `Check ${configurationFile()} (the environment variable KRB5_CONFIG names another file).`;
    case 'GSSAPI_NAME_INVALID':
      return 'A principal reads `user@REALM` or `service/host@REALM`; an @ or / inside a part is written with a backslash before it.';
    case 'GSSAPI_TOKEN_INVALID':
      return 'What came is not a Kerberos token: check that the address is that of the server itself and that no proxy stands between.';
    case 'GSSAPI_MESSAGE_DAMAGED':
    case 'GSSAPI_MESSAGE_OUT_OF_SEQUENCE':
      return 'The connection cannot be trusted any more: connect anew. If it goes on, something on the way changes or repeats messages.';
    case 'GSSAPI_MECHANISM_MISSING':
      return 'The library must have the Kerberos mechanism: install MIT Kerberos (libgssapi-krb5-2, krb5-libs).';
    case 'GSSAPI_CONTEXT_ENDED':
      return 'Connect anew.';
    case 'GSSAPI_PROTECTION_REFUSED':
    case 'GSSAPI_LIBRARY_MISSING':
    case 'GSSAPI_TIMED_OUT':
    case 'GSSAPI_FAILED':
      return 'Run again with KRB5_TRACE=/dev/stderr in the environment to see each step.';
    default:
      return assertNever(code);
  }
}

function assertNever(value: never): never {
  throw new TypeError(`unexpected code ${String(value)}`);
}

/** The time in a peer's KRB-ERROR token (stime, a GeneralizedTime), or undefined for any other token. */
export function peerTimeOf(token: Uint8Array | undefined): Date | undefined {
  if (token === undefined || token.byteLength > 4096) return undefined;
  const text = Buffer.from(token.buffer, token.byteOffset, token.byteLength).toString('latin1');
  // RFC 4121 4.1: token id 03 00 before a KRB-ERROR, [APPLICATION 30]; stime is field [4], a GeneralizedTime of 15.
  const start = text.indexOf('\x03\x00\x7e');
  const field = start < 0 ? -1 : text.indexOf('\xa4\x11\x18\x0f', start);
  if (field < 0) return undefined;
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text.slice(field + 4, field + 19));
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
  return new Date(Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second));
}
