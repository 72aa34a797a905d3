/*
 * Cookies of runs that died while they put their files in place. Nobody can tell whether those files were loaded:
 * what started from the older cookie would not take back what only they had, and what started from the newer one
 * would not tell again what only they told. So the next export is a complete one, and what either cookie had and is
 * gone is a `Delete` in it.
 *
 *   ExportState/<id>/uncertain/<uuid>.bin     until an export is in place
 */
import { randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareGuids, type SnapshotEntry } from '@exchange-connector/connector';
import type { AtRest } from './at-rest.ts';
import { openCookie, type OpenCookie } from './cookie-file.ts';
import { fileFailed } from './errors.ts';
import { makeFolder, removeFolder } from './folder.ts';

function folderOf(state: string): string {
  return join(state, 'uncertain');
}

/**
 * Keeps the cookie of a run that died.
 * @param temporary where it was waiting; where that is not known, or nothing lies there, only the death is noted
 */
export function keepUncertain(state: string, temporary?: string): void {
  const path = join(folderOf(state), `${randomUUID()}.bin`);
  const making = `${path}.partial`;
  try {
    makeFolder(folderOf(state));
    // Not renamed: the cookies may lie on another disk.
    if (temporary !== undefined && existsSync(temporary)) copyFileSync(temporary, making);
    else writeFileSync(making, '', { mode: 0o640 });
    renameSync(making, path);
    if (temporary !== undefined) rmSync(temporary, { force: true });
  } catch (cause) {
    rmSync(making, { force: true });
    throw fileFailed(`keeping ${temporary ?? 'a note'}, the cookie of a run that died, as ${path}`, cause);
  }
}

/** Forgets them: an export that took them into account is in place. */
export function forgetUncertain(state: string): void {
  removeFolder(folderOf(state));
}

/** Those that are kept; undefined where there is none. Of one that cannot be read only its being there counts. */
export function openUncertain(state: string, atRest: AtRest | undefined): readonly OpenCookie[] | undefined {
  const folder = folderOf(state);
  if (!existsSync(folder)) return undefined;
  const names = readdirSync(folder).filter((name) => name.endsWith('.bin'));
  if (names.length === 0) return undefined;
  return names.flatMap((name) => {
    const found = openCookie(join(folder, name), atRest);
    return found.kind === 'found' ? [found.cookie] : [];
  });
}

/** One cookie with the mailboxes and databases of all of them; what is known of each is of the first that has it. */
export function joinCookies(first: OpenCookie, others: readonly OpenCookie[]): OpenCookie {
  const all = [first, ...others];
  const databases = new Map(
    all.toReversed().flatMap(({ facts }) => facts.databases.map((database) => [database.guid, database] as const)),
  );
  return {
    facts: { ...first.facts, databases: [...databases.values()] },
    entries: () => joinEntries(all),
    close: () => {
      for (const cookie of all) cookie.close();
    },
  };
}

function* joinEntries(cookies: readonly OpenCookie[]): Generator<SnapshotEntry, void, void> {
  const heads = cookies.map((cookie) => {
    const iterator = cookie.entries()[Symbol.iterator]();
    return { iterator, next: iterator.next() };
  });
  try {
    for (;;) {
      let least: SnapshotEntry | undefined;
      for (const { next } of heads) {
        if (next.done !== true && (least === undefined || compareGuids(next.value.guid, least.guid) < 0))
          least = next.value;
      }
      if (least === undefined) return;
      const guid = least.guid.slice();
      yield least;
      for (const head of heads) {
        if (head.next.done !== true && compareGuids(head.next.value.guid, guid) === 0) head.next = head.iterator.next();
      }
    }
  } finally {
    for (const { iterator } of heads) iterator.return?.();
  }
}
