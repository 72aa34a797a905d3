import { readBoundedFile } from '../bounded-file.ts';
import type { Certificate } from '../certificate/certificate.ts';
import { nameOf, requireUnwrapKey, requireValid } from '../certificate/certificate.ts';
import { ProtectionError } from '../errors.ts';
import { modeOf, PendingFile, privateMode, replaceFile } from '../file-writing.ts';
import { parseCompact } from '../jwe/compact.ts';
import { decryptLeaf, encryptLeaf, foreignLeaf, isForCertificate, leafShapeOf } from '../jwe/leaf.ts';
import { limits } from '../limits.ts';
import { type JsonLeaf, readJsonLeaves } from './json-leaves.ts';

/** What was done to a file. */
export interface ProtectedFile {
  readonly path: string;
  /** Leaves that were encrypted now. */
  readonly encrypted: number;
  /** Leaves that were encrypted to this certificate before, and stay as they are. */
  readonly kept: number;
}

/** Names that say that a number, too, is a secret. */
const secretName = /pass|pwd|secret|token|credential|^pin$|^key$/i;

/** Every text below `Connections`; of numbers those that their name calls a secret. */
function isSensitive({ steps, kind }: JsonLeaf): boolean {
  if (String(steps[0]).toLowerCase() !== 'connections' || steps.length < 2) return false;
  return kind === 'text' || steps.some((step) => typeof step === 'string' && secretName.test(step));
}

function readLeaves(path: string) {
  return readJsonLeaves(readBoundedFile(path, 'the settings file', limits.jsonFileBytes), path);
}

/** Which file is protected to where. */
export interface ProtectJsonRequest {
  readonly input: string;
  /** Replaced in one step. Like the input it is for the owner and the group at most. */
  readonly output: string;
  readonly certificate: Certificate;
}

/**
 * Writes a settings file whose tree is that of a plain one, each text below `Connections` encrypted; numbers are,
 * where their name calls them a secret. Comments are left out. What is encrypted already stays; what is encrypted
 * to another certificate, or by another tool, is refused.
 * @throws ProtectionError PROTECT_FILE_INVALID, LEAF_…, CERTIFICATE_EXPIRED, PROTECTION_FILE_FAILED
 */
export function protectJsonFile({ input, output, certificate }: ProtectJsonRequest): ProtectedFile {
  requireValid(certificate);
  const document = readLeaves(input);
  const values = new Map<JsonLeaf, string>();
  let kept = 0;
  for (const leaf of document.leaves) {
    const shape = leaf.kind === 'text' ? leafShapeOf(leaf.value) : 'plain';
    if (shape === 'foreign') throw foreignLeaf(`encrypting ${leaf.path} of ${input}`);
    if (shape === 'encrypted') {
      refuseOther(leaf, certificate, input);
      kept += 1;
    } else if (isSensitive(leaf) && leaf.value !== '') values.set(leaf, encryptLeaf(leaf.value, certificate));
  }
  if (values.size === 0 && kept === 0)
    throw new ProtectionError(
      'PROTECT_FILE_INVALID',
      `encrypting ${input}: there is no text below "Connections" in it`,
      { mend: 'name a file like appsettings.agent.json, which has a section Connections' },
    );
  // The encrypted file is no reason to let more people read it than the plain one does.
  replaceFile(output, document.replace(values), modeOf(input, privateMode) & 0o640);
  return { path: output, encrypted: values.size, kept };
}

function kidOf(text: string): string | undefined {
  const reading = parseCompact(text.trim());
  return reading.kind === 'jwe' ? reading.jwe.header.kid : undefined;
}

function refuseOther(leaf: JsonLeaf, certificate: Certificate, input: string): void {
  if (isForCertificate(kidOf(leaf.value), certificate) === true) return;
  throw new ProtectionError(
    'LEAF_OTHER_CERTIFICATE',
    `encrypting ${leaf.path} of ${input}: it is encrypted already, and not to the certificate ${nameOf(certificate)}`,
    { mend: 'move the file to this certificate with exchange-connector protect rotate' },
  );
}

/** Which files move from one certificate to another. */
export interface RotateRequest {
  readonly files: readonly string[];
  readonly from: Certificate;
  readonly to: Certificate;
}

/**
 * Encrypts every encrypted leaf of files anew, to another certificate. Everything is decrypted, encrypted and
 * written under temporary names before the first file is replaced, so a fault in any leaf changes nothing. Leaves
 * that are for the new certificate already stay: where a rotation of several files was cut off between two
 * replacements, it is finished by running it again.
 * @throws ProtectionError LEAF_…, CERTIFICATE_…, PROTECT_FILE_INVALID, PROTECTION_FILE_FAILED
 */
export async function rotateFiles({ files, from, to }: RotateRequest): Promise<readonly ProtectedFile[]> {
  requireValid(to);
  requireUnwrapKey(from, 'opening the certificate that the files are encrypted to');
  const pending: { readonly file: PendingFile; readonly done: ProtectedFile }[] = [];
  try {
    for (const path of new Set(files)) {
      const { text, done } = await rotateText(path, from, to);
      const file = new PendingFile(path, modeOf(path, privateMode));
      pending.push({ file, done });
      file.write(Buffer.from(text, 'utf8'));
      file.finish();
    }
    for (const { file } of pending) file.publish();
    return pending.map(({ done }) => done);
  } finally {
    for (const { file } of pending) file.discard();
  }
}

async function rotateText(path: string, from: Certificate, to: Certificate) {
  const document = readLeaves(path);
  const values = new Map<JsonLeaf, string>();
  let kept = 0;
  for (const leaf of document.leaves) {
    if (leaf.kind === 'number' || leafShapeOf(leaf.value) === 'plain') continue;
    if (isForCertificate(kidOf(leaf.value), to) === true) {
      // It is not taken on trust: a leaf that does not open would be found on the day it is needed.
      if (to.unwrapKey !== undefined) await decryptLeaf(leaf.value, `${leaf.path} of ${path}`, to);
      kept += 1;
    } else values.set(leaf, encryptLeaf(await decryptLeaf(leaf.value, `${leaf.path} of ${path}`, from), to));
  }
  if (values.size === 0 && kept === 0)
    throw new ProtectionError('PROTECT_FILE_INVALID', `rotating ${path}: there is no encrypted value in it`, {
      mend: 'name a file that exchange-connector protect json-file wrote',
    });
  return { text: document.replace(values), done: { path, encrypted: values.size, kept } };
}
