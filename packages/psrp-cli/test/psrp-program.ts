/* The program as its users start it: a child process. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The file that node runs. */
export const psrpProgram = fileURLToPath(new URL('../bin/psrp.mjs', import.meta.url));

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  readonly input?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
}

/** The program, running. */
export function startPsrp(parameters: readonly string[], options: StartOptions = {}): ChildProcessWithoutNullStreams {
  const env = { ...process.env, ...options.environment };
  if (options.environment?.['EXCHANGE_PASSWORD'] === undefined) delete env['EXCHANGE_PASSWORD'];
  return spawn(process.execPath, [psrpProgram, ...parameters], { env });
}

/** Runs the program to its end. */
export async function runPsrp(parameters: readonly string[], options: StartOptions = {}): Promise<Ended> {
  const child = startPsrp(parameters, options);
  child.stdin.on('error', () => undefined); // it may end without reading
  child.stdin.end(options.input ?? '');
  return await ended(child);
}

/** What a program that runs has written once it ends. */
export async function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { exitCode, stdout, stderr };
}
