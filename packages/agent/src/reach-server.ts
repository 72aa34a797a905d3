/* The first steps to a server, one at a time, so that `check` can say which one fails. */
import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type TcpSocketConnectOpts } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type PeerCertificate } from 'node:tls';
import type { ConnectionSettings, ServerAddress } from '@exchange-connector/config';
import { explainTlsError } from '@exchange-connector/wsman';
import { tlsMend } from './failure-mends.ts';

/** What a step found. */
export type Finding =
  | { readonly ok: true; readonly detail: string; readonly warning?: string | undefined }
  | { readonly ok: false; readonly detail: string; readonly mend: string };

/** A port that does not answer in this time does not answer. */
const reachTimeMs = 10_000;
/** Of several addresses one that does not answer in this time is left for the next, as a session does it. */
const addressTimeMs = 5_000;
/** A certificate that ends sooner is worth a word. */
const certificateNoticeMs = 30 * 24 * 3600 * 1000;

function seen(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Where a connection is made to. */
export interface DialAddress {
  readonly host: string;
  readonly port: number;
}

/** `ConnectAddress` (`host`, `host:port`, `[v6]:port`, a bare IPv6 address) where it is set, else the server's own name. */
export function addressToDial(connection: ConnectionSettings, server: ServerAddress): DialAddress {
  const given = connection.connectAddress;
  if (given === undefined) return { host: server.host.replace(/^\[|\]$/g, ''), port: server.port };
  if (isIP(given) === 6) return { host: given, port: server.port };
  const match = /^(.*?)(?::(\d+))?$/.exec(given);
  return {
    host: (match?.[1] ?? given).replace(/^\[|\]$/g, ''),
    port: match?.[2] === undefined ? server.port : Number(match[2]),
  };
}

/** Resolves the name to dial. */
export async function resolveName(host: string): Promise<Finding> {
  if (isIP(host) !== 0) return { ok: true, detail: `${host} is an address: nothing to look up` };
  try {
    const addresses = await lookup(host, { all: true });
    return { ok: true, detail: `${host} is ${addresses.map(({ address }) => address).join(', ')}` };
  } catch (error) {
    return {
      ok: false,
      detail: `the name ${host} could not be looked up: ${seen(error)}`,
      mend: 'check the spelling in Server and the DNS servers of this machine, or set ConnectAddress to the address to dial',
    };
  }
}

/** Connects and hangs up. */
export function reachPort(host: string, port: number, signal: AbortSignal): Promise<Finding> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host, port, signal, autoSelectFamilyAttemptTimeout: addressTimeMs });
    const end = (finding: Finding): void => {
      socket.destroy();
      resolve(finding);
    };
    socket.setTimeout(reachTimeMs, () =>
      end({
        ok: false,
        detail: `port ${port} of ${host} did not answer within ${reachTimeMs / 1000} seconds`,
        mend: 'a firewall that drops packets is likely: let this machine reach that port (80 for http, 443 for https)',
      }),
    );
    socket.once('connect', () => end({ ok: true, detail: `port ${port} of ${host} answers` }));
    socket.once('error', (error) =>
      end({
        ok: false,
        detail: `port ${port} of ${host} could not be reached: ${seen(error)}`,
        mend:
          codeOf(error) === 'ECONNREFUSED'
            ? 'nothing listens there: check the port, and that IIS (the web site with the virtual directory PowerShell) runs on that server'
            : 'check the network between this machine and that server',
      }),
    );
  });
}

/** What a handshake that failed says, told apart as a session would tell it. */
function tlsFinding(
  error: Error,
  server: ServerAddress,
  caPem: string | undefined,
  stage: { readonly begun: boolean; readonly certificate: PeerCertificate | undefined },
): Finding {
  const host = server.host.replace(/^\[|\]$/g, '');
  const refusal = explainTlsError(error, { host, hasPrivateCa: caPem !== undefined, ...stage });
  return {
    ok: false,
    detail: `the TLS handshake with ${server.host}:${server.port} failed: ${refusal?.seen ?? seen(error)}`,
    mend: refusal === undefined ? 'check the network between this machine and that server' : tlsMend(refusal),
  };
}

/** Does the TLS handshake as a session would, and looks at the certificate. */
export function shakeTls(
  server: ServerAddress,
  dial: DialAddress,
  caPem: string | undefined,
  signal: AbortSignal,
): Promise<Finding> {
  return new Promise((resolve) => {
    const options: ConnectionOptions & TcpSocketConnectOpts = {
      host: dial.host,
      port: dial.port,
      autoSelectFamilyAttemptTimeout: addressTimeMs,
      ...(isIP(server.host) === 0 ? { servername: server.host } : {}),
      ...(caPem === undefined ? {} : { ca: caPem }),
    };
    const socket = connectTls(options);
    let begun = false;
    let certificate: PeerCertificate | undefined;
    socket.once('connect', () => {
      begun = true;
    });
    // Before Node's own listener, which destroys a socket whose certificate does not pass.
    socket.prependOnceListener('secure', () => {
      certificate = socket.getPeerCertificate();
    });
    const abort = (): void => void socket.destroy(new Error('cancelled'));
    signal.addEventListener('abort', abort, { once: true });
    const end = (finding: Finding): void => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve(finding);
    };
    socket.setTimeout(reachTimeMs, () =>
      end({
        ok: false,
        detail: `no TLS handshake within ${reachTimeMs / 1000} seconds`,
        mend: 'check that this port speaks TLS',
      }),
    );
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerCertificate();
      const until = new Date(certificate.valid_to);
      const endsSoon = until.getTime() - Date.now() < certificateNoticeMs;
      end({
        ok: true,
        detail: `${socket.getProtocol() ?? 'TLS'}, certificate of ${String(certificate.subject?.CN ?? server.host)}, valid until ${until.toISOString().slice(0, 10)}`,
        warning: endsSoon
          ? `the certificate of ${server.host} ends on ${until.toISOString().slice(0, 10)}: renew it`
          : undefined,
      });
    });
    socket.once('error', (error) => end(tlsFinding(error, server, caPem, { begun, certificate })));
  });
}
