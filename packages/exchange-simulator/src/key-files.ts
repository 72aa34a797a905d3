/* The files of keys that the command line names, looked into before anything is served with them. */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { SimulatorError } from './errors.ts';

function readFile(option: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw refusal(`${option} ${file}: it cannot be read (${(cause as Error).message})`, cause);
  }
}

function refusal(message: string, cause?: unknown): SimulatorError {
  return new SimulatorError('SIMULATOR_OPTION_INVALID', message, { cause });
}

/** OpenSSL's refusal of a certificate or key; undefined where it takes them. */
function refusedBy(options: { readonly cert?: string; readonly key?: string }): Error | undefined {
  try {
    createSecureContext(options);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/**
 * The certificate and its key, as they are to be served.
 *
 * @param files their names, as `--tls-cert` and `--tls-key` gave them
 * @throws SimulatorError SIMULATOR_OPTION_INVALID where one cannot be read, is not PEM, or does not belong to the other
 */
export function readTls(files: { readonly cert: string; readonly key: string }): {
  readonly cert: string;
  readonly key: string;
} {
  const cert = readFile('--tls-cert', files.cert).toString('utf8');
  const key = readFile('--tls-key', files.key).toString('utf8');
  const noCertificate = refusedBy({ cert });
  if (noCertificate !== undefined)
    throw refusal(
      `--tls-cert ${files.cert}: OpenSSL takes no certificate from it (${noCertificate.message}); it must be PEM, the server's certificate first`,
      noCertificate,
    );
  const noKey = refusedBy({ key });
  if (noKey !== undefined)
    throw refusal(
      `--tls-key ${files.key}: OpenSSL takes no key from it (${noKey.message}); it must be PEM, without a passphrase`,
      noKey,
    );
  const noPair = refusedBy({ cert, key });
  if (noPair === undefined) return { cert, key };
  throw refusal(
    `--tls-cert ${files.cert} and --tls-key ${files.key}: OpenSSL does not take them together (${noPair.message}); give the key that the certificate was made for`,
    noPair,
  );
}

/** The first two bytes of a keytab: the version that every Kerberos of today writes (MIT, "The Keytab Binary File Format"). */
const keytabVersion = 0x0502;

/**
 * Looks whether a file is a keytab with at least one entry; whose keys it holds, the first client shows.
 *
 * @throws SimulatorError SIMULATOR_OPTION_INVALID
 */
export function checkKeytab(file: string): void {
  const bytes = readFile('--keytab', file);
  const mend = 'make one with `ktadd -k` of kadmin or ktpass; `klist -kte` shows what is in it';
  if (bytes.length < 2 || bytes.readUInt16BE(0) !== keytabVersion)
    throw refusal(`--keytab ${file}: it is no keytab, since it does not begin with the bytes 05 02; ${mend}`);
  let at = 2;
  let entries = 0;
  while (at + 4 <= bytes.length) {
    const size = bytes.readInt32BE(at);
    // A negative size is a hole where an entry was deleted; zero ends the file.
    if (size === 0) break;
    at += 4 + Math.abs(size);
    if (size > 0) entries += 1;
    if (at > bytes.length)
      throw refusal(`--keytab ${file}: it is cut off: an entry reaches to byte ${at} of ${bytes.length}; ${mend}`);
  }
  if (entries === 0) throw refusal(`--keytab ${file}: it holds no key; ${mend}`);
}
