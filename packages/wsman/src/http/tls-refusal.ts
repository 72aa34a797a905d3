/*
 * Why TLS did not come about, told apart by what mends it. OpenSSL's own words carry source lines of its
 * build, and Node's carry advice on how to start Node: neither helps the person who reads.
 */
import { isIP } from 'node:net';
import type { PeerCertificate } from 'node:tls';

/** What was wrong; each has another mend. */
export type TlsFault =
  /** The port answers, but not with TLS. */
  | 'no-tls'
  /** The certificate's issuer is not among the public CAs, and no private CA was named. */
  | 'issuer-unknown'
  /** A private CA was named, and it did not sign the certificate. */
  | 'issuer-not-the-private-ca'
  | 'expired'
  | 'not-yet-valid'
  /** The certificate holds other names than the one asked for. */
  | 'wrong-name'
  /** Any other fault of the certificate, or no TLS version or cipher in common. */
  | 'other';

/** What a refusal says. */
export interface TlsRefusal {
  readonly fault: TlsFault;
  /** What was seen, with what there is to know of the certificate. */
  readonly seen: string;
  /** The certificate's issuer, where the certificate was seen. */
  readonly issuer: string | undefined;
}

/** What was being reached, and how. */
export interface TlsAttempt {
  /** The name that the certificate must hold. */
  readonly host: string;
  /** Whether a private CA was named. */
  readonly hasPrivateCa: boolean;
  /** Whether the TCP connection stood. */
  readonly begun: boolean;
  /** The server's certificate, where it came so far. */
  readonly certificate: PeerCertificate | undefined;
}

interface TlsError extends Error {
  readonly code?: string;
  readonly reason?: string;
  readonly cert?: PeerCertificate;
}

const issuerCodes = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
]);

const otherFaults: Readonly<Record<string, string>> = {
  CERT_REVOKED: 'its certificate was revoked',
  CERT_REJECTED: 'its certificate is not meant for servers',
  INVALID_PURPOSE: 'its certificate is not meant for servers',
  INVALID_CA: 'a CA certificate in its chain may not sign others',
  CERT_CHAIN_TOO_LONG: 'its chain of certificates is too long',
};

const mostText = 300;

/** Text of a certificate: of the server's choosing, so only so long, and of printing characters. */
function printable(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd');
  return plain.length > mostText ? `${plain.slice(0, mostText)}…` : plain;
}

function formatName(name: PeerCertificate['issuer'] | undefined): string | undefined {
  if (name === undefined) return undefined;
  const parts = Object.entries(name).map(([key, value]) => `${key}=${[value].flat().join(' + ')}`);
  return parts.length === 0 ? undefined : printable(parts.join(', '));
}

/** The names that a certificate is good for: its alternative names, else its common name. */
function namesIn(certificate: PeerCertificate | undefined): string {
  const alternatives = (certificate?.subjectaltname ?? '').replace(/\b(?:DNS|IP Address):/g, '').trim();
  const names = alternatives === '' ? [certificate?.subject?.CN ?? ''].flat().join(', ') : alternatives;
  return names === '' ? 'no name at all' : printable(names);
}

function seenOfIssuer(code: string, attempt: TlsAttempt, issuer: string | undefined): string {
  const isSelfSigned = code === 'DEPTH_ZERO_SELF_SIGNED_CERT';
  const by = issuer === undefined ? '' : ` by "${issuer}"`;
  const signed = isSelfSigned ? `is self-signed${by}` : `was issued${by === '' ? ' by a CA' : by}`;
  return attempt.hasPrivateCa
    ? `its certificate ${signed}, which the private CA that was named did not sign (${code})`
    : `its certificate ${signed}, which is not trusted here: no private CA was named (${code})`;
}

/** What OpenSSL says, without its address and source line. */
function reasonOf(error: TlsError): string {
  return error.reason ?? /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(error.message)?.[1] ?? error.message.trim();
}

/** A handshake that failed before any certificate was judged. */
function explainHandshake(error: TlsError, code: string, begun: boolean): [TlsFault, string] | undefined {
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return /wrong version number|packet length too long|http request|record layer failure/i.test(error.message)
      ? ['no-tls', 'the port speaks no TLS: it answered something else (an http port?)']
      : ['other', `TLS did not come about: ${reasonOf(error)}`];
  }
  if (begun && (code === 'ECONNRESET' || code === 'EPIPE'))
    return ['no-tls', `the server closed the connection during the TLS handshake (${code}): the port may speak no TLS`];
  return undefined;
}

/**
 * Tells a failure of TLS apart.
 * @returns `undefined` where the error is none of TLS
 */
export function explainTlsError(error: TlsError, attempt: TlsAttempt): TlsRefusal | undefined {
  const code = error.code ?? '';
  const certificate = error.cert ?? attempt.certificate;
  const issuer = formatName(certificate?.issuer);
  const refused = (fault: TlsFault, seen: string): TlsRefusal => ({
    fault,
    seen: `the server was refused: ${seen}`,
    issuer,
  });
  if (issuerCodes.has(code)) {
    const fault = attempt.hasPrivateCa ? 'issuer-not-the-private-ca' : 'issuer-unknown';
    return refused(fault, seenOfIssuer(code, attempt, issuer));
  }
  const date = (text: string | undefined): string => (text === undefined || text === '' ? '' : ` (${printable(text)})`);
  if (code === 'CERT_HAS_EXPIRED')
    return refused('expired', `its certificate has expired${date(certificate?.valid_to)}`);
  if (code === 'CERT_NOT_YET_VALID')
    return refused(
      'not-yet-valid',
      `its certificate is not valid yet${date(certificate?.valid_from)}: check this host's clock`,
    );
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const kind = isIP(attempt.host) === 0 ? '' : 'the address ';
    return refused(
      'wrong-name',
      `its certificate is not for ${kind}"${attempt.host}"; it is for ${namesIn(certificate)}`,
    );
  }
  const other = otherFaults[code];
  if (other !== undefined) return refused('other', `${other} (${code})`);
  const handshake = explainHandshake(error, code, attempt.begun);
  if (handshake !== undefined) return { fault: handshake[0], seen: handshake[1], issuer };
  if (/^(?:CERT|UNABLE|CRL|ERROR_IN)_/.test(code))
    return refused('other', `its certificate does not pass (${code}: ${reasonOf(error)})`);
  return undefined;
}
