/*
 * A private certificate authority and a server certificate under it (RFC 5280), made for the occasion: P-256 keys,
 * names as subjectAltName (RFC 6125), valid from an hour ago, so that a clock slightly behind accepts it.
 */
import { webcrypto } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';

/** What is to be wrong with a certificate, for a client to refuse. */
export type CertificateFlaw =
  /** Its validity ended an hour ago. */
  | 'expired'
  /** Its validity begins in a day. */
  | 'not-yet-valid'
  /** It was signed by itself, not by the authority that is given beside it. */
  | 'self-signed'
  /** It was signed by another authority of the same name. */
  | 'wrong-authority';

export interface CertificateRequest {
  /** DNS names and IP addresses of the server; the first is the common name too. */
  readonly hosts: readonly string[];
  /** Where given, `ca.pem`, `server.pem` and `server.key` are written there. */
  readonly folder?: string;
  readonly flaw?: CertificateFlaw;
  /** Default 30 days. */
  readonly validDays?: number;
}

export interface MadeCertificate {
  /** PEM of the authority's certificate: what a client is to trust. */
  readonly caPem: string;
  /** PEM of the server's certificate. */
  readonly certificatePem: string;
  /** PEM (PKCS #8) of the server's private key. */
  readonly keyPem: string;
  /** The files, where a folder was given. */
  readonly files: { readonly ca: string; readonly certificate: string; readonly key: string } | undefined;
}

type X509 = typeof import('@peculiar/x509');
type KeyPair = Awaited<ReturnType<typeof newKeys>>;
interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;
const AUTHORITY_NAME = 'CN=Rehearsal Authority';
const SERVER_AUTHENTICATION = '1.3.6.1.5.5.7.3.1';

/** Makes an authority and a server certificate; with a `flaw`, one that a client must refuse. */
export async function makeCertificate(request: CertificateRequest): Promise<MadeCertificate> {
  const x509 = await loadX509();
  const now = Date.now();
  const lifeMs = (request.validDays ?? 30) * 24 * HOUR_MS;
  const ample = { notBefore: new Date(now - 48 * HOUR_MS), notAfter: new Date(now + lifeMs + 48 * HOUR_MS) };
  const [authorityKeys, otherKeys, serverKeys] = [await newKeys(), await newKeys(), await newKeys()];
  const authority = await makeAuthority(x509, authorityKeys, ample);
  const signingKeys =
    request.flaw === 'wrong-authority' ? otherKeys : request.flaw === 'self-signed' ? serverKeys : authorityKeys;
  const certificate = await makeServer(x509, request, serverKeys, signingKeys, validityOf(request.flaw, now, lifeMs));
  const exported = await webcrypto.subtle.exportKey('pkcs8', serverKeys.privateKey);
  const made = {
    caPem: `${authority.toString('pem')}\n`,
    certificatePem: `${certificate.toString('pem')}\n`,
    keyPem: `${x509.PemConverter.encode(exported, 'PRIVATE KEY')}\n`,
  };
  if (request.folder === undefined) return { ...made, files: undefined };
  return { ...made, files: await writeFiles(request.folder, made) };
}

async function loadX509(): Promise<X509> {
  // The package's decorators want this first.
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

function newKeys() {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function validityOf(flaw: CertificateFlaw | undefined, now: number, lifeMs: number): Validity {
  if (flaw === 'expired') return { notBefore: new Date(now - 25 * HOUR_MS), notAfter: new Date(now - HOUR_MS) };
  if (flaw === 'not-yet-valid')
    return { notBefore: new Date(now + 24 * HOUR_MS), notAfter: new Date(now + 24 * HOUR_MS + lifeMs) };
  return { notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + lifeMs) };
}

/** Positive, and never the same twice: clients refuse two certificates of one issuer with one number. */
function newSerialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(15));
  return `01${Buffer.from(bytes).toString('hex')}`;
}

async function makeAuthority(x509: X509, keys: KeyPair, validity: Validity) {
  return x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerialNumber(),
    name: AUTHORITY_NAME,
    ...validity,
    signingAlgorithm: ALGORITHM,
    keys: keys as unknown as Parameters<typeof x509.X509CertificateGenerator.createSelfSigned>[0]['keys'],
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
    ],
  });
}

async function makeServer(
  x509: X509,
  request: CertificateRequest,
  keys: KeyPair,
  signing: KeyPair,
  validity: Validity,
) {
  const subject = `CN=${request.hosts[0] ?? 'localhost'}`;
  const names = request.hosts.map((host) => ({
    type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const),
    value: host,
  }));
  return x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject,
    issuer: request.flaw === 'self-signed' ? subject : AUTHORITY_NAME,
    ...validity,
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey as never,
    signingKey: signing.privateKey as never,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([SERVER_AUTHENTICATION]),
      new x509.SubjectAlternativeNameExtension(names),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
      await x509.AuthorityKeyIdentifierExtension.create(signing.publicKey as never),
    ],
  });
}

async function writeFiles(folder: string, made: { caPem: string; certificatePem: string; keyPem: string }) {
  await mkdir(folder, { recursive: true });
  const files = {
    ca: join(folder, 'ca.pem'),
    certificate: join(folder, 'server.pem'),
    key: join(folder, 'server.key'),
  };
  await writeFile(files.ca, made.caPem);
  await writeFile(files.certificate, made.certificatePem);
  await writeFile(files.key, made.keyPem, { mode: 0o600 });
  return files;
}
