/*
 * CyberArk's Central Credential Provider: GET /AIMWebService/api/Accounts?AppID=…&Safe=…&Object=… over TLS with a
 * client certificate; 200 with { "Content", "UserName", "Address", … } or an error (service-faults.ts).
 */
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { TcpSocketConnectOpts } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { CyberArkError } from './errors.ts';
import { faultOf } from './service-faults.ts';

/** What TLS proves the client with: a PFX, or a certificate and its key in PEM. */
export type ClientIdentity =
  | { readonly kind: 'pfx'; readonly pfx: Uint8Array; readonly passphrase: string | undefined }
  | {
      readonly kind: 'pem';
      readonly certificate: string;
      readonly key: string;
      readonly passphrase: string | undefined;
    };

export interface ProviderOptions {
  /** `https://<host>`; a path before `AIMWebService` is kept. */
  readonly server: string;
  readonly applicationId: string;
  readonly safeName: string;
  readonly identity: ClientIdentity | undefined;
  /** PEM of a private CA; undefined: the system's. */
  readonly ca: string | undefined;
  readonly limits?: Partial<ProviderLimits>;
}

export interface ProviderLimits {
  /** Tries of one request, the first included. */
  readonly tries: number;
  /** Before the second try; twice as long before each further one. */
  readonly firstDelayMs: number;
  /** Without a byte from the service. */
  readonly silenceMs: number;
}

/** What an account holds. A property that the answer lacks is undefined. */
export interface Account {
  readonly content: string | undefined;
  readonly userName: string | undefined;
  readonly address: string | undefined;
}

export interface CentralCredentialProvider {
  /**
   * Asks for one account by its object name.
   * @throws CyberArkError
   */
  readAccount(name: string, signal: AbortSignal): Promise<Account>;
}

const usualLimits: ProviderLimits = { tries: 4, firstDelayMs: 1000, silenceMs: 15_000 };
/** One of several addresses: Node's own half second is less than a lost packet takes to be sent again. */
const addressTimeMs = 5_000;
/** An account has some 2 KB. */
const mostAnswerBytes = 256 << 10;

/** Node's codes of a handshake that this side or the other one refused. */
const tlsCodes =
  /^(?:ERR_SSL|ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|EPROTO|HOSTNAME_MISMATCH|INVALID_CA|ERR_OSSL)/;

/**
 * Makes ready to ask a Central Credential Provider; nothing is contacted yet.
 * @throws CyberArkError CYBERARK_CERTIFICATE_UNUSABLE
 */
export function openCentralCredentialProvider(options: ProviderOptions): CentralCredentialProvider {
  const limits = { ...usualLimits, ...options.limits };
  const base = options.server.endsWith('/') ? options.server : `${options.server}/`;
  const service = new URL(/\/AIMWebService\/$/i.test(base) ? 'api/Accounts' : 'AIMWebService/api/Accounts', base);
  const context = secureContextOf(options);
  return {
    readAccount: async (name, signal) => {
      const url = new URL(service);
      // Encoded by hand: the service reads "+" as a plus sign in some releases.
      const query = { AppID: options.applicationId, Safe: options.safeName, Object: name };
      url.search = Object.entries(query)
        .map(([key, value]) => `${key}=${encodeURIComponent(value.toWellFormed())}`)
        .join('&');
      const doing = `asking CyberArk at ${service.host} for the account ${JSON.stringify(name)} of the safe ${JSON.stringify(options.safeName)}`;
      return tryAgain(limits, signal, doing, async () =>
        readAnswer(doing, await get(url, context, limits, signal, doing)),
      );
    },
  };
}

function secureContextOf({ identity, ca }: ProviderOptions): SecureContext {
  const trust = ca === undefined ? {} : { ca };
  try {
    switch (identity?.kind) {
      case undefined:
        return createSecureContext(trust);
      case 'pfx':
        return createSecureContext({
          ...trust,
          pfx: Buffer.from(identity.pfx),
          ...(identity.passphrase === undefined ? {} : { passphrase: identity.passphrase }),
        });
      case 'pem':
        return createSecureContext({
          ...trust,
          cert: identity.certificate,
          key: identity.key,
          ...(identity.passphrase === undefined ? {} : { passphrase: identity.passphrase }),
        });
    }
  } catch (error) {
    throw new CyberArkError(
      'CYBERARK_CERTIFICATE_UNUSABLE',
      `preparing TLS to CyberArk: the client certificate cannot be used (${(error as Error).message})`,
      { cause: error, mend: 'see that CyberArk.File, KeyFile, Password and CaFile belong together' },
    );
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function get(
  url: URL,
  secureContext: SecureContext,
  limits: ProviderLimits,
  signal: AbortSignal,
  doing: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let secured = false;
    const fail = (error: unknown) =>
      reject(error instanceof CyberArkError ? error : connectionError(doing, error, signal, secured));
    const options: RequestOptions & Partial<TcpSocketConnectOpts> & { readonly secureContext: SecureContext } = {
      secureContext,
      agent: false,
      signal,
      timeout: limits.silenceMs,
      autoSelectFamilyAttemptTimeout: addressTimeMs,
      headers: { accept: 'application/json' },
    };
    const request = httpsRequest(url, options, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length <= mostAnswerBytes) return void chunks.push(chunk);
        fail(invalid(doing, `it is longer than ${mostAnswerBytes} bytes`));
        request.destroy();
      });
      response.on('error', fail);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    request.on('socket', (socket) =>
      socket.once('secureConnect', () => {
        secured = true;
      }),
    );
    request.on('timeout', () => request.destroy(new Error(`nothing came for ${limits.silenceMs / 1000} seconds`)));
    request.on('error', fail);
    request.end();
  });
}

const tlsMend =
  "a certificate that is not trusted here wants CyberArk.CaFile; an alert or a hang-up of the other side means that it does not take this agent's client certificate (CyberArk.File)";

/** @param secured the handshake was over for this side: a server that does not take the client's certificate hangs up only then (TLS 1.3) */
function connectionError(doing: string, error: unknown, signal: AbortSignal, secured: boolean): CyberArkError {
  const { code = '', message } = error as { code?: string; message: string };
  if (signal.aborted) return new CyberArkError('CYBERARK_CANCELLED', `${doing}: it was cancelled`);
  if (tlsCodes.test(code) || /\balert\b/.test(message))
    return new CyberArkError('CYBERARK_TLS_REFUSED', `${doing}: TLS failed (${message})`, {
      cause: error,
      mend: tlsMend,
    });
  if (secured && (code === 'ECONNRESET' || code === 'EPIPE'))
    return new CyberArkError(
      'CYBERARK_TLS_REFUSED',
      `${doing}: the service hung up after the TLS handshake (${message})`,
      {
        cause: error,
        recovery: 'retry-after-delay',
        mend: tlsMend,
      },
    );
  return new CyberArkError('CYBERARK_UNREACHABLE', `${doing}: ${message === '' ? code : message}`, {
    cause: error,
    recovery: 'retry-after-delay',
    mend: 'see that CyberArk.Server names the provider, and that its port can be reached from here',
  });
}

function invalid(doing: string, reason: string): CyberArkError {
  return new CyberArkError(
    'CYBERARK_ANSWER_INVALID',
    `${doing}: the answer is not what the service promises: ${reason}`,
    {
      mend: 'see that CyberArk.Server names the Central Credential Provider, not another service in front of it',
    },
  );
}

function readAnswer(doing: string, { status, body }: Answer): Account {
  if (status !== 200) throw faultOf(doing, status, body);
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    // The parser's own message would repeat a part of the text.
    throw invalid(doing, 'it is no JSON');
  }
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer))
    throw invalid(doing, 'it is no JSON object');
  const members = new Map(Object.entries(answer).map(([name, value]) => [name.toLowerCase(), value as unknown]));
  const text = (name: string): string | undefined => {
    const value = members.get(name.toLowerCase());
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    throw invalid(doing, `its ${name} is no text`);
  };
  return { content: text('Content'), userName: text('UserName'), address: text('Address') };
}

async function tryAgain<Value>(
  { tries, firstDelayMs }: ProviderLimits,
  signal: AbortSignal,
  doing: string,
  ask: () => Promise<Value>,
): Promise<Value> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      const mayPass = error instanceof CyberArkError && error.recovery === 'retry-after-delay';
      if (!mayPass || attempt >= tries) throw attempt === 1 ? error : withTries(error as CyberArkError, attempt);
      await pause(firstDelayMs * 2 ** (attempt - 1), signal, doing);
    }
  }
}

function withTries(error: CyberArkError, tries: number): CyberArkError {
  return new CyberArkError(error.code, `${error.message} (tried ${tries} times)`, {
    recovery: error.recovery,
    cause: error.cause,
    ...(error.mend === undefined ? {} : { mend: error.mend }),
  });
}

function pause(delayMs: number, signal: AbortSignal, doing: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancelled = () => {
      clearTimeout(timer);
      reject(new CyberArkError('CYBERARK_CANCELLED', `${doing}: it was cancelled`));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', cancelled);
      resolve();
    }, delayMs);
    if (signal.aborted) cancelled();
    else signal.addEventListener('abort', cancelled, { once: true });
  });
}
