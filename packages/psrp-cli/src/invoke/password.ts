/* Where the password comes from: never from the arguments, which every account of the machine can read. */
import { usageError } from '../errors.ts';

/** The environment variable that holds the password. */
export const passwordVariable = 'EXCHANGE_PASSWORD';
const maxPasswordBytes = 4096;

export interface PasswordSources {
  readonly fromStandardInput: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly input: NodeJS.ReadStream;
  /** Writes the prompt. */
  readonly prompt: (text: string) => void;
  /** For whom, as the prompt says. */
  readonly login: string;
  readonly signal: AbortSignal;
}

/**
 * The password, from the first line of standard input where that is asked for, else from the environment,
 * else from the terminal.
 *
 * @throws PsrpCliError PSRP_CLI_USAGE where none is to be had; the signal's reason when it is aborted
 */
export async function readPassword(sources: PasswordSources): Promise<string> {
  if (sources.fromStandardInput)
    return nonEmpty(
      await firstLine(sources.input, sources.signal),
      '--password-stdin: standard input held no password',
    );
  const variable = sources.environment[passwordVariable];
  if (variable !== undefined) return nonEmpty(variable, `the environment variable ${passwordVariable} is empty`);
  if (!sources.input.isTTY) {
    throw usageError(
      `a password for ${sources.login} is needed, and there is no terminal to ask on; set the environment variable ${passwordVariable}, or give it with --password-stdin`,
    );
  }
  return nonEmpty(await typedLine(sources), 'no password was typed');
}

function nonEmpty(password: string, otherwise: string): string {
  if (password === '') throw usageError(otherwise);
  return password;
}

async function firstLine(input: NodeJS.ReadStream, signal: AbortSignal): Promise<string> {
  const bytes: Buffer[] = [];
  let size = 0;
  const cancel = (): void => void input.destroy(signal.reason as Error);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    for await (const chunk of input) {
      bytes.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if ((chunk as Buffer).includes(0x0a)) break;
      if (size > maxPasswordBytes)
        throw usageError(`--password-stdin: the first line is longer than ${maxPasswordBytes} bytes`);
    }
  } finally {
    signal.removeEventListener('abort', cancel);
  }
  signal.throwIfAborted();
  return (
    Buffer.concat(bytes)
      .toString('utf8')
      .replace(/^\ufeff/, '')
      .split(/\r?\n/, 1)[0] ?? ''
  );
}

/**
 * A line typed without echo, which ends before the prompt is seen. Ctrl-C arrives as a character here, as the
 * terminal is in raw mode.
 */
function typedLine({ input, signal, prompt, login }: PasswordSources): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = '';
    const finish = (settle: () => void): void => {
      input.off('data', onData);
      input.off('end', onEnd);
      signal.removeEventListener('abort', onAbort);
      input.setRawMode(false);
      input.pause();
      prompt('\n');
      settle();
    };
    const onAbort = (): void => finish(() => reject(signal.reason as Error));
    const onEnd = (): void => finish(() => resolve(line));
    const onData = (text: string): void => {
      for (const character of text) {
        if (character === '\r' || character === '\n' || character === '\u0004') {
          finish(() => resolve(line));
          return;
        }
        if (character === '\u0003') process.kill(process.pid, 'SIGINT');
        else if (character === '\u0008' || character === '\u007f') line = [...line].slice(0, -1).join('');
        else if (character === '\u0015') line = '';
        else line += character;
      }
    };
    signal.throwIfAborted();
    input.setRawMode(true);
    input.setEncoding('utf8');
    signal.addEventListener('abort', onAbort, { once: true });
    input.on('end', onEnd);
    input.on('data', onData);
    input.resume();
    prompt(`Password for ${login}: `);
  });
}
