/* A service that answers as the Central Credential Provider does, over TLS that asks for a client certificate. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { makeCertificate } from '@exchange-connector/rehearsal';

export interface Reply {
  readonly status: number;
  readonly body: string | object;
}

export interface CredentialService {
  readonly url: string;
  readonly caPem: string;
  /** Answers by account name; `default` for any other. */
  readonly replies: Map<string, Reply | readonly Reply[]>;
  /** Each request: path, query and the common name of the client's certificate. */
  readonly requests: { readonly path: string; readonly query: Record<string, string>; readonly client: string }[];
  close(): Promise<void>;
}

/** A client certificate and its key, made by OpenSSL: PEM files and a PFX with a password. */
export interface ClientFiles {
  readonly certificate: string;
  readonly key: string;
  readonly pfx: string;
  readonly pfxPassword: string;
}

export const pfxPassword = 'Pfx-pässword';

export function makeClientFiles(
  folder: string,
  name: string,
  options: { readonly legacy?: boolean } = {},
): ClientFiles {
  const file = (suffix: string) => join(folder, `${name}${suffix}`);
  const run = (...parameters: string[]) => execFileSync('openssl', parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
  run(
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', `/CN=${name}`],
    ...['-addext', 'extendedKeyUsage=clientAuth', '-keyout', file('.key'), '-out', file('.pem')],
  );
  const algorithms = options.legacy
    ? ['-legacy', '-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-RC2-40', '-macalg', 'sha1']
    : [];
  run(
    ...['pkcs12', '-export', ...algorithms, '-inkey', file('.key'), '-in', file('.pem')],
    ...['-out', file('.pfx'), '-passout', `pass:${pfxPassword}`],
  );
  return { certificate: file('.pem'), key: file('.key'), pfx: file('.pfx'), pfxPassword };
}

/** Starts the service on a free port of the loopback; it takes the certificates of `clients` alone. */
export async function startCredentialService(clients: readonly ClientFiles[]): Promise<CredentialService> {
  // An address, as a name of two addresses would have a client race them, and a busy machine lose the race.
  const made = await makeCertificate({ hosts: ['127.0.0.1'] });
  const server = createServer({
    key: made.keyPem,
    cert: made.certificatePem,
    ca: clients.map(({ certificate }) => readFileSync(certificate)),
    requestCert: true,
    rejectUnauthorized: true,
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const service: CredentialService = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    caPem: made.caPem,
    replies: new Map(),
    requests: [],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  server.on('request', (request, response) => answer(service, request, response));
  return service;
}

function answer(service: CredentialService, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', service.url);
  const query = Object.fromEntries(url.searchParams);
  const { subject } = (request.socket as TLSSocket).getPeerCertificate();
  service.requests.push({ path: `${request.method} ${url.pathname}`, query, client: String(subject.CN) });
  const { status, body } = nextReply(service, query['Object'] ?? '');
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

const unknownAccount: Reply = {
  status: 404,
  body: { ErrorCode: 'APPAP004E', ErrorMsg: 'Password object matching query was not found.' },
};

/** The next of several answers; the last one stays. */
function nextReply(service: CredentialService, name: string): Reply {
  const reply = service.replies.get(name) ?? unknownAccount;
  if (!Array.isArray(reply)) return reply as Reply;
  const [first, ...others] = reply as readonly Reply[];
  if (others.length > 0) service.replies.set(name, others);
  return first ?? unknownAccount;
}
