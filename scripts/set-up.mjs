// What every entry script needs before the rest can run. It works on a machine with nothing
// installed but an older Node (20 or later) and npm: only Node's own modules here.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const root = fileURLToPath(new URL('..', import.meta.url));

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Why the installed packages are not those of the lock file; undefined when they are. */
export function findMissingPackages(folder = root) {
  const lock = readJson(join(folder, 'package-lock.json'));
  if (lock === undefined)
    throw new Error(`${join(folder, 'package-lock.json')} cannot be read: is this the whole project?`);
  const installed = readJson(join(folder, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return 'node_modules is not there yet';
  for (const [path, wanted] of Object.entries(lock.packages)) {
    if (path === '' || wanted.link === true) continue;
    const present = installed.packages[path];
    // Optional packages are for one system each: the other systems' stay away.
    if (present === undefined && wanted.optional !== true) return `${path} is not installed`;
    if (present !== undefined && present.version !== wanted.version)
      return `${path} is installed as ${present.version}, not ${wanted.version}`;
    if (!path.startsWith('packages/')) continue;
    for (const program of Object.keys(wanted.bin ?? {}))
      if (
        !existsSync(join(folder, 'node_modules', '.bin', program)) &&
        !existsSync(join(folder, 'node_modules', '.bin', `${program}.cmd`))
      )
        return `the program ${program} is not linked`;
  }
  return undefined;
}

/** Runs a program to its end with this process's streams; gives its exit code, 128 + n for signal n. */
export function run(program, parameters, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { stdio: ['ignore', 'inherit', 'inherit'], cwd: root, ...options });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

/** Brings the packages of the lock file in with `npm ci`, unless they are there. */
export async function installPackages() {
  const reason = findMissingPackages();
  if (reason === undefined) return;
  process.stderr.write(`Bringing in the packages from the npm registry (${reason}) …\n`);
  const started = Date.now();
  const parameters = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  // npm names its own program when it started this script; on Windows `npm` alone is a shell script.
  const npm = process.env.npm_execpath;
  const viaNode = npm !== undefined && /\.[cm]?js$/.test(npm);
  const code = viaNode
    ? await run(process.execPath, [npm, ...parameters], { stdio: ['ignore', 2, 2] })
    : await run(process.platform === 'win32' ? 'npm.cmd' : 'npm', parameters, {
        stdio: ['ignore', 2, 2],
        shell: process.platform === 'win32',
      });
  if (code !== 0) {
    process.stderr.write(`"npm ci" ended with ${code}: see its message above. Nothing else was done.\n`);
    process.exit(1);
  }
  process.stderr.write(`Packages ready after ${((Date.now() - started) / 1000).toFixed(1)} s.\n`);
}
