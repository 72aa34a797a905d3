import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileFailed } from '../../errors.ts';
import { syncFolder } from '../../folder.ts';
import type { WriteWatch } from './chained-file.ts';

/** What a file that is replaced is written to first, for as long as a run writes it under its connection's lock. */
export function partialFile(path: string): string {
  return `${path}.partial`;
}

/**
 * Replaces a small file whole: who reads it finds the old text or the new one, also after a death.
 * @param temporary always of the same name where one run writes at a time: what a death leaves, the next one takes
 * @throws AgentError RUN_FILE_FAILED, RUN_DISK_FULL
 */
export function replaceFile(
  path: string,
  content: string | Uint8Array,
  watch?: WriteWatch,
  temporary = partialFile(path),
): void {
  const bytes = Buffer.from(content);
  watch?.({ when: 'before', path, bytes });
  try {
    const fd = openSync(temporary, 'w', 0o640);
    try {
      if (process.platform !== 'win32') fchmodSync(fd, 0o640);
      writeFileSync(fd, bytes);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw fileFailed(`writing ${path}`, cause);
  }
  watch?.({ when: 'after', path, bytes });
}
