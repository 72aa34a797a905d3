/* Builds and runs the judge in ./oracle: a small C# program on PowerShell's own engine. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openDotnetProgram } from './dotnet-program.ts';
import type { DotnetProgram } from './dotnet-program.ts';

export type Oracle = DotnetProgram;

let opened: Promise<Oracle> | undefined;

/** The program, built if need be; `absent` with the reason where there is no .NET SDK 10. */
export function openOracle(): Promise<Oracle> {
  opened ??= openDotnetProgram({
    name: 'psrp-oracle',
    sourceFolder: fileURLToPath(new URL('./oracle/', import.meta.url)),
    programName: 'oracle',
  });
  return opened;
}

/** Runs one command of the oracle to its end and gives its standard output. */
export function runOracle(
  oracle: Oracle & { kind: 'ready' },
  parameters: readonly string[],
  input = '',
): Promise<string> {
  return new Promise((resolve, reject) => {
    const limits = { timeout: 120_000, maxBuffer: 1 << 28, encoding: 'utf8' as const };
    const child = execFile(oracle.program, parameters, limits, (error, stdout, stderr) => {
      if (error) reject(new Error(`oracle ${parameters.join(' ')} failed: ${error.message}\n${stderr}`));
      else resolve(stdout);
    });
    child.stdin?.on('error', () => undefined); // the exit code tells; a closed pipe does not
    child.stdin?.end(input);
  });
}
