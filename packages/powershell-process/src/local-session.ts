/* A session with a PowerShell process of its own, over the standard streams. */
import { basename } from 'node:path';
import { PowerShellProcessError } from './errors.ts';
import { findPowerShell } from './find-power-shell.ts';
import { defaultPowerShellSessionLimits } from './limits.ts';
import { describeEnd, ProcessTree } from './process/process-tree.ts';
import { TextTail } from './process/text-tail.ts';
import { OutOfProcessSession, type PowerShellSession, type PowerShellSessionOptions } from './session/session.ts';
import type { Transport } from './session/transport.ts';
import { settledWithin } from './waiting.ts';

/** How to start a local PowerShell. */
export interface LocalSessionOptions extends PowerShellSessionOptions {
  /** The program; default as {@link findPowerShell} finds it. */
  readonly program?: string | undefined;
  readonly workingFolder?: string | undefined;
  /** The whole environment of the process; default that of this one. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

/** A session whose PowerShell ends with it. */
export interface LocalSession extends PowerShellSession {
  readonly processId: number;
}

/** Server mode: packets over standard input and output, no banner and no profiles between. */
const serverArguments = ['-s', '-NoLogo', '-NoProfile'];

/** How long the process may live on when this one was killed: its standard input has ended then. */
const graceMs = 2_000;

/**
 * Starts a PowerShell in server mode and opens a session with it. The process, with all it started, ends with
 * the session, with a failure, and with this process, however that ends.
 *
 * @throws PowerShellProcessError POWERSHELL_NOT_FOUND, POWERSHELL_NOT_OPENED, POWERSHELL_RESPONSE_INVALID,
 *   POWERSHELL_TIMED_OUT; the signal's reason
 */
export async function openLocalSession(options: LocalSessionOptions = {}): Promise<LocalSession> {
  options.signal?.throwIfAborted();
  const found = findPowerShell({ program: options.program });
  if (found.kind === 'missing')
    throw new PowerShellProcessError('POWERSHELL_NOT_FOUND', found.message, { phase: 'open' });
  const tree = await startPowerShell(found.program, options);
  const limits = { ...defaultPowerShellSessionLimits, ...options.limits };
  const session = await OutOfProcessSession.open(transportOf(tree, found.program), limits, options);
  return Object.assign(session, { processId: tree.pid });
}

async function startPowerShell(program: string, options: LocalSessionOptions): Promise<ProcessTree> {
  try {
    const { workingFolder, environment } = options;
    return await ProcessTree.start(program, serverArguments, { workingFolder, environment, graceMs });
  } catch (error) {
    const folder = options.workingFolder === undefined ? '' : ` in the folder ${options.workingFolder}`;
    const message = `starting ${program}${folder}: ${(error as Error).message}`;
    throw new PowerShellProcessError('POWERSHELL_NOT_FOUND', message, { phase: 'open', cause: error });
  }
}

function transportOf(tree: ProcessTree, program: string): Transport {
  const { child } = tree;
  const errors = new TextTail(child.stderr);
  return {
    name: `the PowerShell ${basename(program)} (process ${tree.pid})`,
    incoming: child.stdout,
    outgoing: child.stdin,
    ended: tree.ended.then(async (end) => {
      // The last words of a dying process are the most telling.
      await settledWithin(errors.ended, 500);
      return describeEnd(end);
    }),
    said: () => (errors.text === '' ? '' : `; its standard error says: ${errors.text}`),
    end: async (limitMs) => {
      child.stdin.end();
      await tree.end(limitMs);
      child.stdout.destroy();
      child.stderr.destroy();
    },
    destroy: () => tree.kill(),
  };
}
