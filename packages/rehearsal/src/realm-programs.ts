import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const NEEDED = ['krb5kdc', 'kdb5_util', 'kadmin.local', 'kinit'] as const;
export type RealmProgram = (typeof NEEDED)[number];

export type RealmPrograms =
  | { readonly kind: 'found'; readonly paths: Readonly<Record<RealmProgram, string>> }
  /** `mend` says how to get what is missing. */
  | { readonly kind: 'missing'; readonly programs: readonly string[]; readonly mend: string };

/** Where the programs of a KDC are; Debian keeps them in /usr/sbin, which is not on everyone's path. */
export function findRealmPrograms(): RealmPrograms {
  const paths: Partial<Record<RealmProgram, string>> = {};
  for (const program of NEEDED) {
    const path = findProgram(program);
    if (path !== undefined) paths[program] = path;
  }
  const programs = NEEDED.filter((program) => paths[program] === undefined);
  if (programs.length === 0) return { kind: 'found', paths: paths as Record<RealmProgram, string> };
  const mend =
    'apt-get install krb5-kdc krb5-admin-server krb5-user (on Red Hat: dnf install krb5-server krb5-workstation)';
  return { kind: 'missing', programs, mend };
}

/** The path of a program, or undefined where it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    '/usr/local/sbin',
    '/opt/homebrew/opt/krb5/sbin',
  ];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
