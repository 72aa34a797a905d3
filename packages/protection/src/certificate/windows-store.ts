/*
 * A certificate of the Windows store, whose key may never leave it: Windows PowerShell, which every Windows has, lists
 * the store and opens wrapped keys with the key where it lies. It is started once, asked line by line, and ends with
 * this process. Nothing secret stands in its arguments; what it opens comes back through a pipe.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ProtectionError } from '../errors.ts';
import { type Certificate, makeCertificate, oneLine, type UnwrapKey } from './certificate.ts';
import { sameName } from './names.ts';

/** Which certificate of which store. */
export interface StoreSearch {
  /** Hex, small letters. */
  readonly thumbprint: string | undefined;
  readonly distinguishedName: string | undefined;
  /** `LocalMachine` or `CurrentUser`. */
  readonly location: string | undefined;
  /** `My`, … */
  readonly store: string | undefined;
}

/** What PowerShell runs: a line of base64 JSON in, lines out, the last of them `END` or `FAIL <words>`. */
export const storeScript: string = String.raw`
$ErrorActionPreference = 'Stop'
while ($null -ne ($line = [Console]::In.ReadLine())) {
  try {
    $ask = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($line)) | ConvertFrom-Json
    $store = New-Object -TypeName System.Security.Cryptography.X509Certificates.X509Store -ArgumentList $ask.store, $ask.location
    $store.Open('ReadOnly, OpenExistingOnly')
    foreach ($certificate in $store.Certificates) {
      if ($null -eq $ask.thumbprint) {
        [Console]::Out.WriteLine('CERTIFICATE ' + [Convert]::ToBase64String($certificate.RawData) + ' ' + $certificate.HasPrivateKey)
      } elseif ($certificate.Thumbprint -eq $ask.thumbprint) {
        $key = [System.Security.Cryptography.X509Certificates.RSACertificateExtensions]::GetRSAPrivateKey($certificate)
        $padding = [System.Security.Cryptography.RSAEncryptionPadding]::CreateOaep($ask.hash)
        [Console]::Out.WriteLine('KEY ' + [Convert]::ToBase64String($key.Decrypt([Convert]::FromBase64String($ask.wrapped), $padding)))
      }
    }
    $store.Close()
    [Console]::Out.WriteLine('END')
  } catch {
    [Console]::Out.WriteLine('FAIL ' + ($_.Exception.GetBaseException().Message -replace '\s+', ' '))
  }
}
`;

/** Starts a program that runs {@link storeScript}. */
export type StartStoreProgram = () => ChildProcessWithoutNullStreams;

function startWindowsPowerShell(): ChildProcessWithoutNullStreams {
  const root = process.env['SystemRoot'] ?? 'C:\\Windows';
  const program = join(root, 'System32', 'WindowsPowerShell', 'v1.0', 'powershell.exe');
  const encoded = Buffer.from(storeScript, 'utf16le').toString('base64');
  const how = ['-NoLogo', '-NoProfile', '-NonInteractive', '-EncodedCommand', encoded];
  return spawn(program, how, { stdio: 'pipe', windowsHide: true });
}

const toPfx = 'export the certificate with its private key to a PFX file, and name that in EncryptionCertificate.File';
/** The start of PowerShell on a machine that is busy takes a while; a key that asks a person must not hold for ever. */
const answerWithinMs = 60_000;

class StoreProgram {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #failed: Promise<never>;
  readonly #name: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(start: StartStoreProgram, name: string) {
    this.#name = name;
    this.#child = start();
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#failed = new Promise((_, reject) => {
      this.#child.once('error', (cause) => reject(this.#error(`PowerShell did not start (${cause.message})`, cause)));
    });
    this.#failed.catch(() => {});
    this.#child.stdin.on('error', () => {});
    this.#child.stderr.resume();
    this.#hold(false);
  }

  /** Asks one thing after the other; gives the lines of the answer. */
  ask(question: object): Promise<string[]> {
    const answer = this.#last.then(() => this.#ask(question));
    this.#last = answer.catch(() => {});
    return answer;
  }

  end(): void {
    this.#child.kill();
  }

  async #ask(question: object): Promise<string[]> {
    this.#hold(true);
    const late = setTimeout(() => this.#child.kill(), answerWithinMs);
    try {
      this.#child.stdin.write(`${Buffer.from(JSON.stringify(question)).toString('base64')}\n`);
      const lines: string[] = [];
      for (;;) {
        const { done, value } = await Promise.race([this.#lines.next(), this.#failed]);
        if (done === true) throw this.#error(`PowerShell ended, or did not answer within ${answerWithinMs / 1000} s`);
        const line = value.trim();
        if (line === 'END') return lines;
        if (line.startsWith('FAIL ')) throw this.#error(line.slice(5, 500));
        lines.push(line);
      }
    } finally {
      clearTimeout(late);
      this.#hold(false);
    }
  }

  /** Only a question that waits for its answer keeps this process alive. */
  #hold(isWaiting: boolean): void {
    for (const part of [this.#child, this.#child.stdin, this.#child.stdout, this.#child.stderr] as unknown[]) {
      const { ref, unref } = part as { ref?: () => void; unref?: () => void };
      if (isWaiting) ref?.call(part);
      else unref?.call(part);
    }
  }

  #error(seen: string, cause?: unknown): ProtectionError {
    return new ProtectionError(
      'CERTIFICATE_STORE_UNAVAILABLE',
      `opening the certificate store ${this.#name}: ${seen}`,
      {
        mend: toPfx,
        cause,
      },
    );
  }
}

interface StoredCertificate {
  readonly x509: X509Certificate;
  readonly hasKey: boolean;
}

function readListing(lines: readonly string[]): StoredCertificate[] {
  return lines.flatMap((line) => {
    const [word, der = '', hasKey] = line.split(' ');
    if (word !== 'CERTIFICATE') return [];
    try {
      return [{ x509: new X509Certificate(Buffer.from(der, 'base64')), hasKey: hasKey === 'True' }];
    } catch {
      // A store may hold what no one can read; it is not the one that is looked for.
      return [];
    }
  });
}

function sha1Of({ x509 }: StoredCertificate): string {
  return x509.fingerprint.replaceAll(':', '');
}

function choose(all: readonly StoredCertificate[], search: StoreSearch, name: string): StoredCertificate {
  const wanted = search.thumbprint ?? search.distinguishedName ?? '';
  const found = all.filter(
    ({ x509 }) =>
      (search.thumbprint === undefined ||
        [x509.fingerprint, x509.fingerprint256].some(
          (text) => text.replaceAll(':', '').toLowerCase() === search.thumbprint,
        )) &&
      (search.distinguishedName === undefined || sameName(search.distinguishedName, x509.subject ?? '')),
  );
  const keyed = found.filter(({ hasKey }) => hasKey);
  const [only, ...others] = keyed.length > 0 ? keyed : found;
  const list = (some: readonly StoredCertificate[]): string =>
    some
      .slice(0, 10)
      .map((each) => `${oneLine(each.x509.subject ?? '')} (${sha1Of(each)})`)
      .join('; ') || 'none';
  if (only === undefined)
    throw new ProtectionError(
      'CERTIFICATE_NOT_FOUND',
      `opening the certificate store ${name}: ${wanted} is not there; there: ${list(all)}`,
      {
        mend: 'correct Thumbprint, DistinguishedName, StoreLocation or StoreName; the account that runs this program has a CurrentUser store of its own',
      },
    );
  if (others.length > 0)
    throw new ProtectionError(
      'CERTIFICATE_AMBIGUOUS',
      `opening the certificate store ${name}: several certificates are ${wanted}: ${list([only, ...others])}`,
      {
        mend: 'say which with Thumbprint',
      },
    );
  return only;
}

/**
 * Opens a certificate of the Windows store.
 * @param start for tests: what stands in for Windows PowerShell
 * @throws ProtectionError CERTIFICATE_…
 */
export async function openStoreCertificate(
  search: StoreSearch,
  now: Date,
  start?: StartStoreProgram,
): Promise<Certificate> {
  const place = { store: search.store ?? 'My', location: search.location ?? 'CurrentUser' };
  const name = `${place.location}\\${place.store}`;
  if (start === undefined && process.platform !== 'win32')
    throw new ProtectionError(
      'CERTIFICATE_STORE_UNAVAILABLE',
      `opening the certificate store ${name}: this system is no Windows, and has none`,
      { mend: toPfx },
    );
  const program = new StoreProgram(start ?? startWindowsPowerShell, name);
  let chosen: StoredCertificate;
  try {
    chosen = choose(readListing(await program.ask(place)), search, name);
  } catch (error) {
    program.end();
    throw error;
  }
  const { x509, hasKey } = chosen;
  const thumbprint = sha1Of(chosen);
  const unwrapKey: UnwrapKey = async (encryptedKey, hash) => {
    const wrapped = Buffer.from(encryptedKey).toString('base64');
    const [line = ''] = await program.ask({ ...place, thumbprint, wrapped, hash: hash.toUpperCase() });
    if (!line.startsWith('KEY ')) throw new Error('the store gave no key');
    return Buffer.from(line.slice(4), 'base64');
  };
  if (!hasKey) program.end();
  return makeCertificate({ x509, unwrapKey: hasKey ? unwrapKey : undefined, source: name, now });
}
