/* The simulator as a program of its own, for one test file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../exchange-simulator/bin/exchange-simulator.mjs', import.meta.url));

export interface RunningSimulator {
  readonly url: string;
  /** Ends it; rejects where it does not end with exit code 0. */
  stop(): Promise<void>;
}

/** Starts it and waits for its address. */
export async function startSimulator(
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningSimulator> {
  const child = spawn(process.execPath, [program, ...parameters], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const line = once(createInterface(child.stdout), 'line') as Promise<[string]>;
  const failed = exited.then(([code]): never => {
    throw new Error(`the simulator ended with ${code} before it had an address`);
  });
  failed.catch(() => undefined);
  const [url] = await Promise.race([line, failed]);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const [code] = await exited;
    if (code !== 0) throw new Error(`the simulator ended with ${code}`);
  };
  return { url, stop };
}
