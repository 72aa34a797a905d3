import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { readJsonDocument } from './json-document.ts';
import { quote, type Remarks } from './remarks.ts';
import { nounOf } from './section-reader.ts';
import type { SettingSection, SourceKind } from './setting-value.ts';

/** A settings file of a thousand connections has some 300 KB. */
const mostBytes = 4 << 20;

type FileBytes =
  | { readonly kind: 'read'; readonly bytes: Uint8Array }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreadable'; readonly reason: string };

function readBytes(file: string): FileBytes {
  let descriptor: number | undefined;
  try {
    // Without blocking: a named pipe by that name must not hold the program.
    descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const facts = fstatSync(descriptor);
    if (!facts.isFile()) return { kind: 'unreadable', reason: 'it is no file' };
    if (facts.size > mostBytes)
      return { kind: 'unreadable', reason: `it has ${facts.size} bytes; at most ${mostBytes} are read` };
    const bytes = new Uint8Array(facts.size);
    let length = 0;
    for (let count = -1; length < bytes.length && count !== 0; length += count)
      count = readSync(descriptor, bytes, length, bytes.length - length, null);
    return { kind: 'read', bytes: bytes.subarray(0, length) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { kind: 'absent' };
    return { kind: 'unreadable', reason: code === 'EACCES' ? 'this account may not read it' : message };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Reads a settings file whose top is an object; `absent` where there is no such file. */
export function readSettingsFile(
  file: string,
  remarks: Remarks,
  kind: SourceKind = 'file',
): SettingSection | 'absent' | undefined {
  const origin = { source: file, path: '', position: undefined };
  const read = readBytes(file);
  if (read.kind === 'absent') return 'absent';
  if (read.kind === 'unreadable') {
    remarks.error(origin, `cannot be read: ${read.reason}`);
    return undefined;
  }
  const value = readJsonDocument(file, read.bytes, remarks, kind);
  if (value === undefined) return undefined;
  if (value.kind === 'section') return value;
  remarks.error(
    value.origin,
    `holds ${value.kind === 'text' ? quote(value.value) : `a JSON ${nounOf(value)}`}; allowed is an object, { … }`,
  );
  return undefined;
}
