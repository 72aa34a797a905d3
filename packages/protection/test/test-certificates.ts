import { generateKeyPairSync } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/** Why OpenSSL's own program cannot be asked here, or false. */
export const noOpenSsl: string | false =
  spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed: apt-get install openssl';

/** A folder for the files of one test file; removed in the end. */
export const folder: string = mkdtempSync(join(tmpdir(), 'protection-'));
after(() => rmSync(folder, { recursive: true, force: true }));

export function fileIn(name: string): string {
  return join(folder, name);
}

/** Runs OpenSSL's own program, the judge of what is written here. */
export function openssl(...parameters: readonly string[]): { readonly status: number | null; readonly said: string } {
  const { status, stderr } = spawnSync('openssl', parameters, { encoding: 'utf8' });
  return { status, said: stderr };
}

export function mustOpenssl(...parameters: readonly string[]): void {
  const { status, said } = openssl(...parameters);
  if (status !== 0) throw new Error(`openssl ${parameters.join(' ')} ended with ${status}: ${said}`);
}

export interface TestPair {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** A key of the kind that is asked for, and a certificate for it that OpenSSL signed with it. */
export function makePair(name: string, kind: 'rsa' | 'rsa-1024' | 'ec' | 'rsa-pss' = 'rsa'): TestPair {
  const pem = {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  } as const;
  const { privateKey } =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256', ...pem })
      : kind === 'rsa-pss'
        ? generateKeyPairSync('rsa-pss', { modulusLength: 2048, ...pem })
        : generateKeyPairSync('rsa', { modulusLength: kind === 'rsa' ? 2048 : 1024, ...pem });
  const keyFile = fileIn(`${name}.key`);
  const certificateFile = fileIn(`${name}.pem`);
  writeFileSync(keyFile, privateKey);
  const subject = `/CN=${name}/O=Contoso`;
  mustOpenssl('req', '-x509', '-key', keyFile, '-out', certificateFile, '-days', '365', '-subj', subject);
  return { certificateFile, keyFile };
}

/** A PFX that OpenSSL writes from a pair. */
export function makePfx(pair: TestPair, password: string, ...options: readonly string[]): string {
  const path = fileIn(`${Math.random().toString(36).slice(2)}.pfx`);
  const files = ['-inkey', pair.keyFile, '-in', pair.certificateFile, '-out', path];
  mustOpenssl('pkcs12', '-export', ...files, '-passout', `pass:${password}`, ...options);
  return path;
}

export function secret(text: string): { reveal(): string } {
  return { reveal: () => text };
}

/** What Node's own reader finds in the pair, to compare with. */
export function keyPem(pair: TestPair): string {
  return readFileSync(pair.keyFile, 'utf8');
}
