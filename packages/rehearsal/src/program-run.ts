import { spawn } from 'node:child_process';
import { RehearsalError } from './errors.ts';

export interface ProgramWords {
  readonly output: string;
  readonly errors: string;
}

/** Runs a program to its end and gives what it wrote; a failure carries all it said. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly input?: string; readonly timeLimitMs?: number },
): Promise<ProgramWords> {
  const limitMs = options.timeLimitMs ?? 30_000;
  const child = spawn(program, args, { env: options.env, stdio: 'pipe', timeout: limitMs, killSignal: 'SIGKILL' });
  let output = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  // A program that ends without reading its input is no failure of its own.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const ending = await new Promise<number | string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve(status ?? signal ?? 'no status'));
  }).catch((error: unknown) => String(error));
  if (ending === 0) return { output, errors: said };
  const words = `${said}${output}`.trim() || 'it said nothing';
  throw new RehearsalError(
    'REHEARSAL_PROGRAM_FAILED',
    `running ${program} ${args.join(' ')}: ended with ${ending}: ${words}`,
  );
}
