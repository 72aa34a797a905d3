/*
 * The key of what an agent keeps for itself between runs: 32 bytes, encrypted to the certificate as a leaf of a JSON
 * file, so that one private-key operation opens any number of state files, and `protect rotate` moves all of them to
 * another certificate by moving this one.
 *
 *   state-key.json   { "StateKey": "<compact JWE, RSA-OAEP-256 with A256GCM>" }
 *
 * What is sealed with it uses keys derived from it (HKDF-SHA-256, RFC 5869), one for each purpose and file.
 */
import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { closeSync, constants, copyFileSync, fsyncSync, linkSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { readBoundedFile } from '../bounded-file.ts';
import type { Certificate } from '../certificate/certificate.ts';
import { ProtectionError } from '../errors.ts';
import { syncFolder } from '../file-writing.ts';
import { formatCompact, openCompact, parseCompact } from '../jwe/compact.ts';
import { decryptLeaf, encryptLeaf } from '../jwe/leaf.ts';
import { readJsonLeaves } from '../json/json-leaves.ts';
import { limits } from '../limits.ts';

const keyBytes = 32;
const keyName = 'StateKey';

/** Seals what an agent keeps for itself. */
export class StateKey {
  readonly #key: Uint8Array;
  readonly #lineKey: Uint8Array;
  readonly #lineKeyId: string;

  constructor(key: Uint8Array) {
    this.#key = key;
    this.#lineKey = this.derive('lines', new Uint8Array());
    this.#lineKeyId = createHash('sha256').update(this.#lineKey).digest('hex').slice(0, 16);
  }

  /** A key of 32 bytes for one purpose and one salt. */
  derive(purpose: string, salt: Uint8Array): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', this.#key, salt, `exchange-connector ${purpose}`, keyBytes));
  }

  /** One text, as for a line of a journal: a compact JWE (alg "dir", enc A256GCM), no white space in it. */
  sealText(text: string): string {
    return formatCompact({ alg: 'dir', kid: this.#lineKeyId }, new Uint8Array(), this.#lineKey, Buffer.from(text));
  }

  /** The text that {@link sealText} sealed; undefined where it was changed, or sealed with another key. */
  openText(sealed: string): string | undefined {
    const reading = parseCompact(sealed);
    if (reading.kind !== 'jwe' || reading.jwe.header.alg !== 'dir') return undefined;
    return openCompact(reading.jwe, this.#lineKey)?.toString('utf8');
  }
}

/**
 * Opens the key of a folder of state; makes it where there is none yet.
 * @param path of its file; the folder must be there
 * @throws ProtectionError LEAF_…, CERTIFICATE_KEY_MISSING, PROTECTION_FILE_FAILED
 */
export async function openStateKey(path: string, certificate: Certificate): Promise<StateKey> {
  return (await readStateKey(path, certificate)) ?? makeStateKey(path, certificate);
}

async function readStateKey(path: string, certificate: Certificate): Promise<StateKey | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = readBoundedFile(path, 'the key of the state', limits.keyFileBytes);
  } catch (error) {
    const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
    if (cause?.code === 'ENOENT') return undefined;
    throw error;
  }
  const key = Buffer.from(await decryptKey(bytes, path, certificate), 'base64url');
  if (key.length === keyBytes) return new StateKey(key);
  throw new ProtectionError('LEAF_DAMAGED', `reading ${path}: what it holds is no key`, { mend: mendOfDamage });
}

const mendOfDamage =
  'put the file back from a backup of the work folder; where there is none, remove it: the next export is a complete one, and a fulfilment that died before its end cannot be finished or taken back';
const damages: ReadonlySet<string> = new Set(['LEAF_DAMAGED', 'LEAF_FOREIGN', 'PROTECT_FILE_INVALID']);

async function decryptKey(bytes: Uint8Array, path: string, certificate: Certificate): Promise<string> {
  try {
    const leaf = readJsonLeaves(bytes, path).leaves.find(({ steps }) => steps.length === 1 && steps[0] === keyName);
    return await decryptLeaf(leaf?.value ?? '', `${keyName} of ${path}`, certificate);
  } catch (error) {
    if (!(error instanceof ProtectionError) || !damages.has(error.code)) throw error;
    // Nobody knows the value to encrypt it again.
    throw new ProtectionError(error.code, error.message, { mend: mendOfDamage, cause: error });
  }
}

/** Some network file systems have no links: there, the file is made in two steps, and still only where none is. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes(String((error as NodeJS.ErrnoException).code))) throw error;
    copyFileSync(from, to, constants.COPYFILE_EXCL);
    const file = openSync(to, 'r+');
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}

/** Two processes may make it at once: the one whose link is there first wins. */
async function makeStateKey(path: string, certificate: Certificate): Promise<StateKey> {
  const leaf = encryptLeaf(randomBytes(keyBytes).toString('base64url'), certificate);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.partial`;
  try {
    writeFileSync(temporary, `${JSON.stringify({ [keyName]: leaf })}\n`, { flag: 'wx', mode: 0o640, flush: true });
    linkOrCopy(temporary, path);
    // Journals are sealed with it from now on: a machine that dies may not lose it and keep them.
    syncFolder(dirname(path));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST')
      throw new ProtectionError('PROTECTION_FILE_FAILED', `making ${path}: ${(cause as Error).message}`, {
        mend: 'check that this account may write there, and that the disk has room',
        cause,
      });
  } finally {
    rmSync(temporary, { force: true });
  }
  const key = await readStateKey(path, certificate);
  if (key !== undefined) return key;
  throw new ProtectionError('PROTECTION_FILE_FAILED', `reading ${path}: it was made and is gone again`);
}
