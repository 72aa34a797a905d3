/* Why a connection did not come about, said so that a person can mend it. */
import type { Endpoint } from './endpoint.ts';

interface NodeError extends Error {
  readonly code?: string;
  readonly errors?: readonly NodeError[];
  readonly reason?: string;
}

/** A name that does not resolve, a closed port, no route. */
export function explainConnectError(error: NodeError, endpoint: Endpoint): string {
  const where = `${endpoint.dialHost} port ${endpoint.dialPort}`;
  const code = error.code ?? error.errors?.find((inner) => inner.code !== undefined)?.code ?? '';
  switch (code) {
    case 'ENOTFOUND':
      return `the name ${endpoint.dialHost} does not exist: check its spelling and this host's DNS`;
    case 'EAI_AGAIN':
      return `the name ${endpoint.dialHost} could not be looked up just now: this host's DNS does not answer`;
    case 'ECONNREFUSED':
      return `${where} refused the connection: nothing listens there, or a firewall rejects it`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `there is no route to ${where} (${code})`;
    case 'ETIMEDOUT':
      return `${where} did not answer (${code}): a firewall may drop the packets`;
    case 'ECONNRESET':
    case 'EPIPE':
      return `${where} closed the connection while it was being made (${code})`;
    default:
      return `no connection to ${where}: ${error.message || code}`;
  }
}

const certificateFaults: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed: name it, or the CA that signed it, as the private CA',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from a CA that is not trusted here: name that CA as the private CA',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate was signed by a CA that is not trusted here, or the server leaves out an intermediate certificate',
  UNABLE_TO_GET_ISSUER_CERT: 'the issuer of its certificate is not known here: name its CA as the private CA',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the issuer of its certificate is not known here: name its CA as the private CA',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: "its certificate is not valid yet: check this host's clock",
  CERT_SIGNATURE_FAILURE:
    'the signature of its certificate does not match: the private CA named is another one of the same name',
  CERT_REVOKED: 'its certificate was revoked',
  CERT_UNTRUSTED: 'its certificate is not trusted',
  CERT_REJECTED: 'its certificate is not meant for servers',
  INVALID_PURPOSE: 'its certificate is not meant for servers',
  INVALID_CA: 'a CA certificate in its chain may not sign others',
  CERT_CHAIN_TOO_LONG: 'its chain of certificates is too long',
};

/** A certificate that does not pass or a failed handshake; `undefined` where the error is none of TLS. */
export function explainTlsError(error: NodeError, endpoint: Endpoint, tlsBegun: boolean): string | undefined {
  const code = error.code ?? '';
  const known = certificateFaults[code];
  if (known !== undefined) return `the server was refused: ${known} (${code})`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `the server was refused: its certificate is not for "${endpoint.host}" (${error.reason ?? error.message}); use the name that stands in it`;
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    const plain = /wrong version number|packet length too long|http request/i.test(error.message)
      ? ': the port speaks no TLS (an http port?)'
      : '';
    return `TLS did not come about (${error.message.trim()})${plain}`;
  }
  if (/^(?:CERT|UNABLE|CRL|ERROR_IN)_/.test(code))
    return `the server was refused: its certificate does not pass (${code}: ${error.message})`;
  if (tlsBegun && (code === 'ECONNRESET' || code === 'EPIPE'))
    return `the server closed the connection during the TLS handshake (${code}): the port may speak no TLS`;
  return undefined;
}
