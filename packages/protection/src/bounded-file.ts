import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { ProtectionError } from './errors.ts';

const causes: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is not there',
  EACCES: 'may not be read by this account',
  EPERM: 'may not be read by this account',
  EISDIR: 'is a folder',
};

/**
 * Reads a small file whole.
 * @param what for messages: `the certificate file`
 * @throws ProtectionError where it cannot be read, is no file, or is larger than `mostBytes`
 */
export function readBoundedFile(path: string, what: string, mostBytes: number): Buffer {
  let fd: number;
  try {
    // A pipe without a writer would hold an ordinary open for ever.
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw unreadable(path, what, cause);
  }
  try {
    const { size } = checkKind(fd, path, what);
    if (size > mostBytes) throw tooLarge(path, what, `${size} bytes`, mostBytes);
    // One byte more than the limit shows a file that grows, or whose size the system does not tell.
    const buffer = Buffer.alloc(mostBytes + 1);
    let filled = 0;
    for (let count = -1; count !== 0 && filled < buffer.length; filled += count)
      count = readSync(fd, buffer, filled, buffer.length - filled, null);
    if (filled > mostBytes) throw tooLarge(path, what, `more than ${mostBytes} bytes`, mostBytes);
    return buffer.subarray(0, filled);
  } catch (cause) {
    throw cause instanceof ProtectionError ? cause : unreadable(path, what, cause);
  } finally {
    closeSync(fd);
  }
}

function checkKind(fd: number, path: string, what: string): { readonly size: number } {
  const facts = fstatSync(fd);
  if (!facts.isFile())
    throw new ProtectionError(
      'PROTECTION_FILE_FAILED',
      `reading ${what} ${path}: it is ${facts.isDirectory() ? 'a folder' : 'no ordinary file'}`,
      { mend: 'name an ordinary file' },
    );
  return facts;
}

function tooLarge(path: string, what: string, seen: string, mostBytes: number): ProtectionError {
  return new ProtectionError(
    'PROTECTION_LIMIT_EXCEEDED',
    `reading ${what} ${path}: it has ${seen}; at most ${mostBytes} are read`,
    { mend: 'check that the right file was named' },
  );
}

function unreadable(path: string, what: string, cause: unknown): ProtectionError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const seen = causes[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new ProtectionError('PROTECTION_FILE_FAILED', `reading ${what} ${path}: it ${seen}`, {
    mend: 'check the path, and the rights of the account that runs this program',
    cause,
  });
}
