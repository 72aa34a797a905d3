import { createReadStream, type Stats, statSync } from 'node:fs';
import type { Certificate } from '../certificate/certificate.ts';
import { ProtectionError } from '../errors.ts';
import { PendingFile, privateMode } from '../file-writing.ts';
import { openEnvelope } from './envelope-reader.ts';

/** Which file is decrypted to where. */
export interface DecryptFileRequest {
  readonly input: string;
  /** Replaced in one step, once all of it was verified; for the owner alone (0600). */
  readonly output: string;
  readonly certificate: Certificate;
  readonly signal?: AbortSignal | undefined;
}

function factsOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function checkPlaces(input: string, output: string): void {
  const source = factsOf(input);
  const refuse = (seen: string, mend: string) => {
    throw new ProtectionError('PROTECTION_FILE_FAILED', `decrypting ${input}: ${seen}`, { mend });
  };
  if (source === undefined) refuse('it is not there', 'check the path');
  else if (!source.isFile()) refuse(`it is ${source.isDirectory() ? 'a folder' : 'no ordinary file'}`, 'name a file');
  const target = factsOf(output);
  if (target !== undefined && !target.isFile())
    refuse(`${output} is no file that could be replaced`, 'name another output');
  if (target !== undefined && source !== undefined && target.ino === source.ino && target.dev === source.dev)
    refuse('the output is the input', 'name another output, so that the encrypted file stays');
}

/**
 * Decrypts a file that {@link createEnvelopeWriter} or another CMS program wrote. The plaintext stands under a
 * temporary name until the tag was verified: of a damaged file nothing is kept.
 * @returns the number of bytes of plaintext
 * @throws ProtectionError ENVELOPE_…, PROTECTION_FILE_FAILED, CERTIFICATE_KEY_MISSING; the signal's reason
 */
export async function decryptFile({ input, output, certificate, signal }: DecryptFileRequest): Promise<number> {
  checkPlaces(input, output);
  const source = createReadStream(input, { highWaterMark: 256 * 1024 });
  const file = new PendingFile(output, privateMode);
  let total = 0;
  try {
    for await (const plain of openEnvelope(source, certificate, input)) {
      signal?.throwIfAborted();
      file.write(plain);
      total += plain.length;
    }
    signal?.throwIfAborted();
    file.publish();
    return total;
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new ProtectionError('PROTECTION_FILE_FAILED', `reading ${input}: ${error.message}`, {
      mend: 'check the rights of the account that runs this program',
      cause: error,
    });
  } finally {
    file.discard();
    source.destroy();
  }
}
