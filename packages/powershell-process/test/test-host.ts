/*
 * The program that stands in for `pwsh` in the tests (./host): PowerShell's own engine, started as `pwsh` starts
 * it, with stand-ins for the cmdlets that the engine alone lacks.
 */
import { fileURLToPath } from 'node:url';
import { openDotnetProgram } from '../../psrp/test/dotnet-program.ts';
import type { DotnetProgram } from '../../psrp/test/dotnet-program.ts';

export type TestHost = DotnetProgram;

let opened: Promise<TestHost> | undefined;

/** The program, usable wherever `pwsh` is named; `absent` with the reason where there is no .NET SDK 10. */
export function openTestHost(): Promise<TestHost> {
  opened ??= openDotnetProgram({
    name: 'powershell-test-host',
    sourceFolder: fileURLToPath(new URL('./host/', import.meta.url)),
    programName: 'pwsh',
  });
  return opened;
}
