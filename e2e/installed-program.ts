import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The Node that a person's shell finds: on a machine that has an older one, that one. */
export function usualNode(): string {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const candidate = join(folder, 'node');
    if (!folder.includes('node_modules') && existsSync(candidate)) return candidate;
  }
  return process.execPath;
}

export interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

export interface InstalledProgram {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with the match once what was said (both streams by themselves) has the pattern; rejects at the end. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts a file on the Node that the shell finds, in a process group of its own as a shell does. */
export function startFile(
  file: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): InstalledProgram {
  const child = spawn(usualNode(), [file, ...parameters], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...environment },
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    child.emit('said');
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
    child.emit('said');
  });
  let isOver = false;
  const ended = once(child, 'close').then(([code]) => {
    isOver = true;
    child.emit('said');
    return { code: code as number | null, output, errors };
  });
  const said = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const match = pattern.exec(errors) ?? pattern.exec(output);
      if (match !== null) return match;
      if (isOver) throw new Error(`it ended without saying ${pattern}: ${errors}${output}`);
      await once(child, 'said');
    }
  };
  return { process: child, ended, said };
}

/** Starts a program that `npm ci` links into node_modules/.bin. */
export function startInstalled(
  name: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): InstalledProgram {
  return startFile(fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url)), parameters, environment);
}
