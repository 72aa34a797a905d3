/*
 * Builds the C# programs of the tests (the judge in ./oracle, the test host of powershell-process) on PowerShell's
 * own engine, the NuGet package System.Management.Automation. Each is built once per content of its sources, into
 * node_modules/.cache, under a lock, so that test files running side by side do not build it twice.
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
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A restore and a build together take some 10 seconds; a cold package cache a minute or two. */
const buildTimeLimitMs = 300_000;

export interface DotnetProject {
  /** Name of the folder in node_modules/.cache. */
  readonly name: string;
  /** Folder of the project and its sources. */
  readonly sourceFolder: string;
  /** Name of the program it builds. */
  readonly programName: string;
}

export type DotnetProgram =
  | { readonly kind: 'ready'; readonly program: string }
  | { readonly kind: 'absent'; readonly reason: string };

/** Sources of C# and what is copied beside the program; what an editor builds in place is none of them. */
function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(cs|csproj|psd1|psm1|ps1)$/.test(name) && !/^(bin|obj)[\\/]/.test(name))
    .sort();
}

function sourceHash(folder: string): string {
  const hash = createHash('sha256');
  for (const name of sourceFiles(folder)) hash.update(`${name}\0`).update(readFileSync(join(folder, name)));
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

function build(project: DotnetProject, target: string): Promise<void> {
  const building = `${target}.building`;
  rmSync(building, { recursive: true, force: true });
  for (const name of sourceFiles(project.sourceFolder)) {
    const copy = join(building, 'source', name);
    mkdirSync(dirname(copy), { recursive: true });
    cpSync(join(project.sourceFolder, name), copy);
  }
  const output = ['-o', join(building, 'out'), join(building, 'source')];
  const parameters = ['build', '-c', 'Release', '-nologo', '-v', 'quiet', ...output];
  return new Promise((resolve, reject) => {
    execFile('dotnet', parameters, { timeout: buildTimeLimitMs, env: dotnetEnvironment() }, (error, stdout, stderr) => {
      if (error) return reject(new Error(`building ${project.name} failed: ${error.message}\n${stdout}${stderr}`));
      renameSync(building, target);
      removeOlderThan(3_600_000, target);
      resolve();
    });
  });
}

/** Earlier builds are 20 MB each; one that was made within the hour may still be running. */
function removeOlderThan(ageMs: number, kept: string): void {
  for (const name of readdirSync(dirname(kept))) {
    const folder = join(dirname(kept), name);
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

/** The program, built if need be; `absent` with the reason where there is no .NET SDK 10. */
export async function openDotnetProgram(project: DotnetProject): Promise<DotnetProgram> {
  const cache = fileURLToPath(new URL(`../../../node_modules/.cache/${project.name}/`, import.meta.url));
  const target = join(cache, sourceHash(project.sourceFolder));
  const program = join(
    target,
    'out',
    process.platform === 'win32' ? `${project.programName}.exe` : project.programName,
  );
  if (existsSync(program)) return { kind: 'ready', program };
  const sdk = spawnSync('dotnet', ['--list-sdks'], { encoding: 'utf8' });
  if (sdk.error !== undefined || !/^(1\d|[2-9]\d)\./m.test(sdk.stdout)) {
    return { kind: 'absent', reason: 'no .NET SDK 10 or later: PowerShell’s own engine cannot be built here' };
  }
  mkdirSync(cache, { recursive: true });
  await withLock(`${target}.lock`, async () => {
    if (!existsSync(program)) await build(project, target);
  });
  return { kind: 'ready', program };
}
