import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { PlacedFinding } from './scan-text.ts';
import { scanText } from './scan-text.ts';

/** What came of one path. */
export type ScanEvent =
  | { readonly kind: 'finding'; readonly file: string; readonly finding: PlacedFinding }
  /** The file was read to its end. */
  | { readonly kind: 'scanned'; readonly file: string }
  /** Nobody knows what stands in it. */
  | { readonly kind: 'unread'; readonly file: string; readonly reason: string }
  /** It holds no text: pictures, programs, archives, encrypted files. */
  | { readonly kind: 'passed-over'; readonly file: string; readonly reason: string };

/** Larger files are data, not settings; their size is told, so that nobody takes them for clean. */
const mostBytes = 16 << 20;
const deepestFolder = 100;
/** Folders of programs of others and of version control. */
const foreignFolders = new Set(['.git', '.hg', '.svn', 'node_modules']);

/**
 * Looks for credentials that stand readable in files and folders. A path that is given may be a link; inside folders
 * links are not followed, so that no loop is possible and nothing outside is read.
 */
export async function* scanPaths(paths: readonly string[], signal: AbortSignal): AsyncGenerator<ScanEvent> {
  for (const path of paths) yield* scanPath(path, 0, signal);
}

async function* scanPath(path: string, depth: number, signal: AbortSignal): AsyncGenerator<ScanEvent> {
  signal.throwIfAborted();
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (error) {
    yield { kind: 'unread', file: path, reason: reasonOf(error) };
    return;
  }
  if (!isFolder) yield* scanFile(path);
  else if (depth > deepestFolder)
    yield { kind: 'unread', file: path, reason: `it lies deeper than ${deepestFolder} folders` };
  else yield* scanFolder(path, depth, signal);
}

async function* scanFolder(folder: string, depth: number, signal: AbortSignal): AsyncGenerator<ScanEvent> {
  const files: string[] = [];
  const folders: string[] = [];
  try {
    for await (const entry of await opendir(folder)) {
      if (entry.isDirectory() && !foreignFolders.has(entry.name)) folders.push(entry.name);
      else if (entry.isFile()) files.push(entry.name);
    }
  } catch (error) {
    yield { kind: 'unread', file: folder, reason: reasonOf(error) };
    return;
  }
  for (const name of files.sort()) {
    signal.throwIfAborted();
    yield* scanFile(join(folder, name));
  }
  for (const name of folders.sort()) yield* scanPath(join(folder, name), depth + 1, signal);
}

function* scanFile(file: string): Generator<ScanEvent> {
  const read = readText(file);
  if (read.kind !== 'text') {
    yield { ...read, file };
    return;
  }
  for (const finding of scanText(file, read.text)) yield { kind: 'finding', file, finding };
  yield { kind: 'scanned', file };
}

type ReadText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unread' | 'passed-over'; readonly reason: string };

function readText(file: string): ReadText {
  let descriptor: number | undefined;
  try {
    // Without blocking: a named pipe must not hold the scan.
    descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const facts = fstatSync(descriptor);
    if (!facts.isFile()) return { kind: 'passed-over', reason: 'it is no file' };
    const start = Buffer.alloc(Math.min(facts.size, 8192));
    const text = decoderOf(start.subarray(0, readSync(descriptor, start, 0, start.length, 0)));
    if (text === undefined) return { kind: 'passed-over', reason: 'it holds no text' };
    if (facts.size > mostBytes)
      return { kind: 'unread', reason: `it has ${facts.size} bytes; at most ${mostBytes} are scanned` };
    const bytes = Buffer.alloc(facts.size);
    let length = 0;
    for (let count = -1; length < bytes.length && count !== 0; length += count)
      count = readSync(descriptor, bytes, length, bytes.length - length, length);
    return { kind: 'text', text: text(bytes.subarray(0, length)) };
  } catch (error) {
    return { kind: 'unread', reason: reasonOf(error) };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** How these first bytes are to be read; undefined where they are no text. */
function decoderOf(start: Uint8Array): ((bytes: Uint8Array) => string) | undefined {
  if (start[0] === 0xff && start[1] === 0xfe) return (bytes) => new TextDecoder('utf-16le').decode(bytes);
  if (start[0] === 0xfe && start[1] === 0xff) return (bytes) => new TextDecoder('utf-16be').decode(bytes);
  if (!start.includes(0)) return (bytes) => new TextDecoder('utf-8', { ignoreBOM: false }).decode(bytes);
  // UTF-16 without a mark: every other byte of ASCII text is 0.
  const zeros = [0, 1].map((parity) => start.filter((byte, index) => index % 2 === parity && byte === 0).length);
  const half = start.length / 2;
  if ((zeros[1] ?? 0) > half * 0.8 && zeros[0] === 0) return (bytes) => new TextDecoder('utf-16le').decode(bytes);
  if ((zeros[0] ?? 0) > half * 0.8 && zeros[1] === 0) return (bytes) => new TextDecoder('utf-16be').decode(bytes);
  return undefined;
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'it is not there';
  return code === 'EACCES' || code === 'EPERM' ? 'this account may not read it' : message;
}
