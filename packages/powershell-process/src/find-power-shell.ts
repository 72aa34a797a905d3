/* Where a PowerShell is on this machine. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

/** The environment variable that names the PowerShell to use, in place of the one found. */
export const powerShellVariable = 'EXCHANGE_CONNECTOR_POWERSHELL';

export type FoundPowerShell =
  | { readonly kind: 'found'; readonly program: string }
  | { readonly kind: 'missing'; readonly message: string };

const isWindows = process.platform === 'win32';

const howToGetIt = isWindows
  ? 'install PowerShell 7 (winget install Microsoft.PowerShell, or https://aka.ms/powershell)'
  : 'install PowerShell 7 (https://aka.ms/powershell: packages for Debian, Ubuntu, Red Hat, Alpine and macOS, or an archive to unpack)';

/** Where the packages put it, when the search path of a service lacks it. */
const usualPlaces = isWindows
  ? []
  : [
      '/usr/bin/pwsh',
      '/usr/local/bin/pwsh',
      '/opt/microsoft/powershell/7/pwsh',
      '/opt/homebrew/bin/pwsh',
      '/snap/bin/pwsh',
    ];

/**
 * Finds the program: the one named by `program`, else by the environment variable EXCHANGE_CONNECTOR_POWERSHELL,
 * else `pwsh`, on Windows then `powershell.exe`. A name without a folder is looked for on PATH. Nothing is
 * started.
 *
 * @returns `missing` with a message that says what was looked for and how to get it
 */
export function findPowerShell(
  options: { program?: string | undefined; environment?: Readonly<Record<string, string | undefined>> } = {},
): FoundPowerShell {
  const environment = options.environment ?? process.env;
  const fromVariable = environment[powerShellVariable] || undefined;
  const named = options.program ?? fromVariable;
  if (named !== undefined) {
    const program = locate(named, environment);
    if (program !== undefined) return { kind: 'found', program };
    const by = options.program === undefined ? `, which the environment variable ${powerShellVariable} names,` : '';
    const where =
      isAbsolute(resolve(named)) && /[\\/]/.test(named) ? 'is no program that can be run' : 'is not on PATH';
    return {
      kind: 'missing',
      message: `the PowerShell ${JSON.stringify(named)}${by} ${where}; name one that is, or ${howToGetIt}`,
    };
  }
  const names = isWindows ? ['pwsh.exe', windowsPowerShell(environment), 'powershell.exe'] : ['pwsh', ...usualPlaces];
  for (const name of names) {
    const program = locate(name, environment);
    if (program !== undefined) return { kind: 'found', program };
  }
  const message = `no PowerShell was found on this machine (${isWindows ? 'pwsh.exe, powershell.exe' : 'pwsh'} on PATH); ${howToGetIt}, or name the program in the environment variable ${powerShellVariable}`;
  return { kind: 'missing', message };
}

function windowsPowerShell(environment: Readonly<Record<string, string | undefined>>): string {
  const root = environment['SystemRoot'] ?? 'C:\\Windows';
  return join(root, 'System32', 'WindowsPowerShell', 'v1.0', 'powershell.exe');
}

function locate(name: string, environment: Readonly<Record<string, string | undefined>>): string | undefined {
  if (/[\\/]/.test(name)) return isProgram(resolve(name)) ? resolve(name) : undefined;
  if (name === '') return undefined;
  const path = environment['PATH'] ?? environment['Path'] ?? '';
  const suffixes = isWindows && !/\.[a-z]{3}$/i.test(name) ? ['.exe', '.com'] : [''];
  for (const folder of path.split(delimiter).filter((entry) => entry !== '')) {
    for (const suffix of suffixes) {
      const candidate = resolve(folder, name + suffix);
      if (isProgram(candidate)) return candidate;
    }
  }
  return undefined;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, isWindows ? constants.F_OK : constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
