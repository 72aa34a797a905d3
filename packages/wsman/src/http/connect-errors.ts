/* Why a connection did not come about, said so that a person can mend it. */
import type { Endpoint } from './endpoint.ts';

interface NodeError extends Error {
  readonly code?: string;
  readonly errors?: readonly NodeError[];
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
