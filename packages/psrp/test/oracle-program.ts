/*
 * Builds and runs the judge in ./oracle: a small C# program on PowerShell's own engine (the NuGet package
 * System.Management.Automation). It is built once per content of its sources, into node_modules/.cache,
 * under a lock, so that test files running side by side do not build it twice.
 */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const sourceFolder = fileURLToPath(new URL('./oracle/', import.meta.url));
const cacheFolder = fileURLToPath(new URL('../../../node_modules/.cache/psrp-oracle/', import.meta.url));

/** A restore and a build together take some 10 seconds; a cold package cache a minute or two. */
const buildTimeLimitMs = 300_000;

export type Oracle =
  | { readonly kind: 'ready'; readonly program: string }
  | { readonly kind: 'absent'; readonly reason: string };

function sourceFiles(): string[] {
  return readdirSync(sourceFolder)
    .filter((name) => name.endsWith('.cs') || name.endsWith('.csproj'))
    .sort();
}

function sourceHash(): string {
  const hash = createHash('sha256');
  for (const name of sourceFiles()) hash.update(`${name}\0`).update(readFileSync(join(sourceFolder, name)));
  return hash.digest('hex').slice(0, 16);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The holder of the lock; `undefined` when it was left behind by a process that is gone. */
function holderOf(lock: string): number | undefined {
  try {
    const text = readFileSync(join(lock, 'pid'), 'utf8');
    return isAlive(Number(text)) ? Number(text) : undefined;
  } catch {
    // Between mkdir and the writing of the pid: young locks are taken as held.
    const age = existsSync(lock) ? Date.now() - statSync(lock).mtimeMs : 0;
    return age > 10_000 ? undefined : -1;
  }
}

async function withLock<T>(lock: string, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + buildTimeLimitMs;
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if ((error as { code?: string }).code !== 'EEXIST') throw error;
    }
    if (holderOf(lock) === undefined) rmSync(lock, { recursive: true, force: true });
    else if (Date.now() > deadline) throw new Error(`the lock ${lock} was held for ${buildTimeLimitMs} ms`);
    else await delay(100); // another process builds: there is no event to wait for across processes
  }
  try {
    writeFileSync(join(lock, 'pid'), String(process.pid));
    return await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function build(target: string): Promise<void> {
  const building = `${target}.building`;
  rmSync(building, { recursive: true, force: true });
  mkdirSync(join(building, 'source'), { recursive: true });
  for (const name of sourceFiles()) cpSync(join(sourceFolder, name), join(building, 'source', name));
  const parameters = [
    'build',
    '-c',
    'Release',
    '-nologo',
    '-v',
    'quiet',
    '-o',
    join(building, 'out'),
    join(building, 'source'),
  ];
  return new Promise((resolve, reject) => {
    execFile('dotnet', parameters, { timeout: buildTimeLimitMs, env: dotnetEnvironment() }, (error, stdout, stderr) => {
      if (error) return reject(new Error(`building the oracle failed: ${error.message}\n${stdout}${stderr}`));
      renameSync(building, target);
      removeOlderThan(3_600_000, target);
      resolve();
    });
  });
}

/** Earlier builds are 20 MB each; one that was made within the hour may still be running. */
function removeOlderThan(ageMs: number, kept: string): void {
  for (const name of readdirSync(cacheFolder)) {
    const folder = join(cacheFolder, name);
    const modified = statSync(folder, { throwIfNoEntry: false })?.mtimeMs;
    if (folder !== kept && modified !== undefined && Date.now() - modified > ageMs) {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** No build server is left behind after the tests. */
function dotnetEnvironment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    DOTNET_CLI_TELEMETRY_OPTOUT: '1',
    DOTNET_NOLOGO: '1',
    MSBUILDDISABLENODEREUSE: '1',
    UseSharedCompilation: 'false',
  };
}

let opened: Promise<Oracle> | undefined;

/** The program, built if need be; `absent` with the reason where there is no .NET SDK 10. */
export function openOracle(): Promise<Oracle> {
  opened ??= open();
  return opened;
}

async function open(): Promise<Oracle> {
  const target = join(cacheFolder, sourceHash());
  const program = join(target, 'out', 'oracle');
  if (existsSync(program)) return { kind: 'ready', program };
  const sdk = spawnSync('dotnet', ['--list-sdks'], { encoding: 'utf8' });
  if (sdk.error !== undefined || !/^(1\d|[2-9]\d)\./m.test(sdk.stdout)) {
    return { kind: 'absent', reason: 'no .NET SDK 10 or later: PowerShell’s own engine cannot be built here' };
  }
  mkdirSync(cacheFolder, { recursive: true });
  await withLock(`${target}.lock`, async () => {
    if (!existsSync(program)) await build(target);
  });
  return { kind: 'ready', program };
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
