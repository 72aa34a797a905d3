export type { CommonOptions } from './command-options.ts';
export type { CommandLine, Invocation } from './invocation.ts';
export { exitCode, type ExitCode } from './exit-code.ts';
