// Brings in Debian packages that a rehearsal needs (the MIT KDC), where the system is a Debian
// and this account may. Never asks anything.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './set-up.mjs';

const listFile = join(root, 'packages', 'rehearsal', 'debian-packages.txt');
/** A mirror that does not answer must not hold the tests. */
const lockWaitSeconds = 120;

function readPackageNames() {
  if (!existsSync(listFile)) return [];
  const lines = readFileSync(listFile, 'utf8').split('\n');
  return lines.map((line) => line.replace(/#.*/, '').trim()).filter((name) => name !== '');
}

function isInstalled(name) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own placeholder
  const asked = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' });
  return asked.stdout === 'installed';
}

/**
 * Installs those of the named packages (default: all that the rehearsal lists) that are missing.
 * @returns {Promise<string | undefined>} why some are still missing; undefined when all are there
 */
export async function installDebianPackages(names = readPackageNames()) {
  if (process.platform !== 'linux' || spawnSync('dpkg-query', ['--version']).error !== undefined)
    return names.length === 0
      ? undefined
      : `${names.join(', ')}: this system is not a Debian, install the like of them yourself`;
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return undefined;
  if (process.getuid() !== 0)
    return `${missing.join(', ')}: not installed, and only root may install them; run "sudo apt-get install ${missing.join(' ')}"`;
  process.stderr.write(`Bringing in Debian packages: ${missing.join(', ')} …\n`);
  const options = { stdio: ['ignore', 'ignore', 2], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  const wait = ['-o', `DPkg::Lock::Timeout=${lockWaitSeconds}`, '-qq'];
  // A failed update (one source of several) still leaves lists that may do.
  await run('apt-get', [...wait, 'update'], options);
  const code = await run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', ...missing], options);
  const still = missing.filter((name) => !isInstalled(name));
  return still.length === 0 ? undefined : `${still.join(', ')}: "apt-get install" ended with ${code}`;
}

/**
 * Brings in what a realm runs on: a KDC and its tools. Says on standard error what could not be had; who starts the
 * realm says what it lacks, as another system may have a KDC under another name.
 */
export async function installRealmPackages() {
  const missing = await installDebianPackages(['krb5-kdc', 'krb5-admin-server', 'krb5-user', 'libgssapi-krb5-2']);
  if (missing !== undefined) process.stderr.write(`Not installed — ${missing}.\n`);
}
