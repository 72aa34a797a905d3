import type { ReadStream } from 'node:tty';

/** Longer than any password; standard input may be the wrong file. */
const mostBytes = 64 << 10;

export type PasswordRead =
  | { readonly kind: 'read'; readonly password: string }
  | { readonly kind: 'unusable'; readonly reason: string }
  | { readonly kind: 'cancelled' };

/** Reads standard input to its end; one line end after the password is not part of it. */
export async function readPasswordFrom(input: NodeJS.ReadStream, signal: AbortSignal): Promise<PasswordRead> {
  const chunks: Buffer[] = [];
  let length = 0;
  const stop = () => input.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of input) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > mostBytes)
        return { kind: 'unusable', reason: `standard input holds more than ${mostBytes} bytes, which is no password` };
    }
  } catch (error) {
    if (!signal.aborted)
      return { kind: 'unusable', reason: `standard input cannot be read: ${(error as Error).message}` };
  } finally {
    signal.removeEventListener('abort', stop);
  }
  if (signal.aborted) return { kind: 'cancelled' };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)).replace(/\r?\n$/, '');
    if (text === '') return { kind: 'unusable', reason: 'standard input holds no password (it is empty)' };
    return { kind: 'read', password: text };
  } catch {
    return { kind: 'unusable', reason: 'the password on standard input is not UTF-8' };
  }
}

const key = { ctrlC: '\u0003', ctrlD: '\u0004', ctrlU: '\u0015', backspace: '\u0008', delete: '\u007f' } as const;

/** What one key does to the text typed so far. */
function applyKey(typed: string, pressed: string): string | 'end' | 'cancel' {
  if (pressed === key.ctrlC) return 'cancel';
  if (pressed === '\r' || pressed === '\n' || pressed === key.ctrlD) return 'end';
  if (pressed === key.ctrlU) return '';
  if (pressed === key.backspace || pressed === key.delete) return [...typed].slice(0, -1).join('');
  return pressed < ' ' ? typed : typed + pressed;
}

/** Asks for a password on a terminal without showing what is typed. */
export function promptForPassword(
  input: ReadStream,
  say: (text: string) => void,
  question: string,
  signal: AbortSignal,
): Promise<PasswordRead> {
  return new Promise((resolve) => {
    let typed = '';
    const finish = (outcome: PasswordRead) => {
      input.off('data', onData);
      signal.removeEventListener('abort', onAbort);
      input.setRawMode(false);
      input.pause();
      say('\n');
      resolve(outcome);
    };
    const onAbort = () => finish({ kind: 'cancelled' });
    const onData = (text: string) => {
      for (const pressed of text) {
        const next = applyKey(typed, pressed);
        if (next === 'cancel') return finish({ kind: 'cancelled' });
        if (next === 'end')
          return finish(
            typed === '' ? { kind: 'unusable', reason: 'no password was typed' } : { kind: 'read', password: typed },
          );
        typed = next;
      }
    };
    signal.addEventListener('abort', onAbort, { once: true });
    input.setEncoding('utf8').on('data', onData);
    input.setRawMode(true);
    input.resume();
    say(question);
  });
}
