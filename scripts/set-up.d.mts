/** The project's folder. */
export const root: string;
/** Why the installed packages are not those of the lock file; undefined when they are. */
export function findMissingPackages(folder?: string): string | undefined;
/** Runs a program to its end with this process's streams; gives its exit code, 128 + n for signal n. */
export function run(program: string, parameters: readonly string[], options?: object): Promise<number>;
/** Brings the packages of the lock file in with `npm ci`, unless they are there. */
export function installPackages(): Promise<void>;
