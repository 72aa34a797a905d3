/*
 * A service that speaks what Microsoft's clients speak: Key Vault's REST (7.x) with its authentication challenge, and
 * the token endpoint of a directory, over TLS with a certificate of a private authority.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeCertificate } from '@exchange-connector/rehearsal';

export interface ServiceSecret {
  readonly value: string;
  readonly enabled?: boolean;
}

export interface KeyVaultService {
  readonly url: string;
  readonly caFile: string;
  readonly secrets: Map<string, ServiceSecret>;
  /** Each request as `METHOD path`, with `anonymous` in front where it had no token. */
  readonly requests: string[];
  /** How the next requests for `/secrets` with a token are answered in place of the true answer. */
  readonly failures: { readonly status: number; readonly body: object; readonly headers?: Record<string, string> }[];
  /** What the challenge says the resource is. */
  resource: string;
  clientSecret: string;
  close(): Promise<void>;
}

const tenant = '11111111-2222-3333-4444-555555555555';
const clientId = '66666666-7777-8888-9999-000000000000';
const pageSize = 2;

/** Starts the service on a free port of the loopback. `folder` takes its certificates. */
export async function startKeyVaultService(folder: string): Promise<KeyVaultService> {
  // An address, as a name of two addresses would have a client race them, and a busy machine lose the race.
  const made = await makeCertificate({ hosts: ['127.0.0.1'], folder });
  const server = createServer({ key: made.keyPem, cert: made.certificatePem });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const service: KeyVaultService = {
    url,
    caFile: made.files?.ca ?? '',
    secrets: new Map(),
    requests: [],
    failures: [],
    resource: 'https://vault.azure.net',
    clientSecret: 'the-secret-of-the-client',
    close: () => new Promise((resolve) => server.close(() => resolve()) && server.closeAllConnections()),
  };
  server.on('request', (request, response) => void answer(service, request, response));
  return service;
}

/** The environment of a process that is to sign in here. */
export function signInEnvironment(service: KeyVaultService): Record<string, string> {
  return {
    AZURE_TENANT_ID: tenant,
    AZURE_CLIENT_ID: clientId,
    AZURE_CLIENT_SECRET: service.clientSecret,
    AZURE_AUTHORITY_HOST: service.url,
    NODE_EXTRA_CA_CERTS: service.caFile,
  };
}

function json(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

async function answer(service: KeyVaultService, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', service.url);
  const body: Buffer[] = [];
  for await (const chunk of request) body.push(chunk as Buffer);
  if (url.pathname.endsWith('/.well-known/openid-configuration'))
    return json(response, 200, {
      token_endpoint: `${service.url}/${tenant}/oauth2/v2.0/token`,
      authorization_endpoint: `${service.url}/${tenant}/oauth2/v2.0/authorize`,
      issuer: `${service.url}/${tenant}/v2.0`,
      jwks_uri: `${service.url}/${tenant}/discovery/v2.0/keys`,
    });
  if (url.pathname === `/${tenant}/oauth2/v2.0/token`) return answerToken(service, Buffer.concat(body), response);
  if (!url.pathname.startsWith('/secrets')) return json(response, 404, { error: { code: 'NotFound', message: 'no' } });
  const anonymous = request.headers.authorization !== 'Bearer the-token';
  service.requests.push(`${anonymous ? 'anonymous ' : ''}${request.method} ${url.pathname}`);
  if (anonymous)
    return json(
      response,
      401,
      { error: { code: 'Unauthorized', message: 'a token is missing' } },
      {
        'www-authenticate': `Bearer authorization="${service.url}/${tenant}", resource="${service.resource}"`,
      },
    );
  const failure = service.failures.shift();
  if (failure !== undefined) return json(response, failure.status, failure.body, failure.headers);
  return answerSecrets(service, url, response);
}

function answerToken(service: KeyVaultService, body: Buffer, response: ServerResponse): void {
  const form = new URLSearchParams(body.toString());
  service.requests.push(`token ${form.get('scope')}`);
  if (form.get('client_secret') !== service.clientSecret || form.get('client_id') !== clientId)
    json(response, 401, {
      error: 'invalid_client',
      error_description: 'AADSTS7000215: Invalid client secret provided.',
      error_codes: [7000215],
    });
  else json(response, 200, { token_type: 'Bearer', expires_in: 3600, access_token: 'the-token' });
}

function answerSecrets(service: KeyVaultService, url: URL, response: ServerResponse): void {
  const [, , name] = url.pathname.split('/');
  if (name === undefined || name === '') answerList(service, url, response);
  else answerSecret(service, name, response);
}

function answerList(service: KeyVaultService, url: URL, response: ServerResponse): void {
  const from = Number(url.searchParams.get('$skiptoken') ?? '0');
  const names = [...service.secrets.keys()];
  const value = names.slice(from, from + pageSize).map((each) => ({
    id: `${service.url}/secrets/${each}`,
    attributes: { enabled: service.secrets.get(each)?.enabled ?? true },
  }));
  const next = from + pageSize;
  const nextLink = next < names.length ? `${service.url}/secrets?api-version=7.5&$skiptoken=${next}` : null;
  json(response, 200, { value, nextLink });
}

function answerSecret(service: KeyVaultService, name: string, response: ServerResponse): void {
  const secret = service.secrets.get(name);
  if (secret === undefined)
    json(response, 404, { error: { code: 'SecretNotFound', message: `${name} was not found` } });
  else
    json(response, 200, {
      value: secret.value,
      id: `${service.url}/secrets/${name}/0123456789abcdef`,
      attributes: { enabled: true },
    });
}
