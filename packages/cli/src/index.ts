export type { CommandLine, CommonOptions, ExportOptions, Invocation } from './command-options.ts';
export { exitCode, type ExitCode } from './exit-code.ts';
