/*
 * The cookies of a connection that waits for acknowledgements. The last one stands where every connection has it;
 * those that may yet be acknowledged are kept beside the connection's state:
 *
 *   ExportState/<id>/cookies/<cookie>.bin     ExportState/<id>/acknowledged.json  { "cookie": … }
 */
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AtRest } from './at-rest.ts';
import type { ExportRun } from './export-run.ts';
import { type FoundCookie, openCookie } from './cookie-file.ts';
import { AgentError, fileFailed } from './errors.ts';
import { makeFolder } from './folder.ts';
import { readPlainText, refuseNoFiles } from './plain-file.ts';

/** Cookies that are kept beside the acknowledged one: nobody acknowledges one that is older. */
const mostKept = 10;

function storeFolder(state: string): string {
  return join(state, 'cookies');
}

/** Where a cookie is kept until it is acknowledged. */
export function keptCookiePath(state: string, cookie: string): string {
  return join(storeFolder(state), `${cookie}.bin`);
}

/** The file that names the cookie that was acknowledged last. */
export function acknowledgedPath(state: string): string {
  return join(state, 'acknowledged.json');
}

/** The cookie that was acknowledged last. */
export function acknowledgedCookie(state: string): string | undefined {
  try {
    const value = JSON.parse(readPlainText(acknowledgedPath(state))) as { cookie?: unknown } | null;
    return typeof value?.cookie === 'string' && isCookieName(value.cookie) ? value.cookie : undefined;
  } catch {
    return undefined;
  }
}

/** Cookies are named by UUIDs; anything else would be a path. */
function isCookieName(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** The cookie that an increment starts from. */
export function openBaseCookie(run: ExportRun): FoundCookie {
  if (!run.request.connection.requireAcknowledge) return openCookie(run.cookie, run.atRest);
  const acknowledged = acknowledgedCookie(run.state);
  if (acknowledged === undefined) return { kind: 'none' };
  const found = openCookie(keptCookiePath(run.state, acknowledged), run.atRest);
  if (found.kind !== 'none') return found;
  return { kind: 'unusable', why: `the acknowledged cookie ${acknowledged} is not there any more` };
}

/** Removes what nobody will acknowledge any more. */
export function pruneCookies(state: string): void {
  const folder = storeFolder(state);
  if (!existsSync(folder)) return;
  const acknowledged = acknowledgedCookie(state);
  try {
    const names = readdirSync(folder);
    // What a run that died was writing: the lock is held, and this run's own are in place.
    for (const name of names) if (name.endsWith('.partial')) rmSync(join(folder, name), { force: true });
    const files = names
      .filter((name) => name.endsWith('.bin') && name !== `${acknowledged}.bin`)
      .map((name) => ({ path: join(folder, name), time: statSync(join(folder, name)).mtimeMs }))
      .sort((left, right) => right.time - left.time);
    for (const { path } of files.slice(mostKept)) rmSync(path, { force: true });
  } catch {
    // What is left over costs room, and is removed the next time.
  }
}

/**
 * Makes a cookie the one that the next increment starts from.
 * @param last path of the cookie of the last export
 * @returns its name, and the time it stands for
 * @throws AgentError RUN_COOKIE_UNKNOWN; RUN_FILE_FAILED where something else stands in a file's place
 */
export function acknowledgeCookie(
  state: string,
  last: string,
  named: string | undefined,
  atRest?: AtRest,
): { readonly cookie: string; readonly time: string } {
  refuseNoFiles([last, acknowledgedPath(state)]);
  const newest = openCookie(last, atRest);
  const newestFacts = newest.kind === 'found' ? newest.cookie.facts : undefined;
  if (newest.kind === 'found') newest.cookie.close();
  const wanted = named?.toLowerCase() ?? newestFacts?.id;
  if (wanted === undefined) {
    throw new AgentError(
      'RUN_COOKIE_UNKNOWN',
      newest.kind === 'unusable' ? newest.why : `acknowledging the last export: there is no cookie ${last}`,
      { mend: 'run an export first' },
    );
  }
  const kept = keptCookiePath(state, wanted);
  if (isCookieName(wanted) && !existsSync(kept) && newestFacts?.id === wanted) copyCookie(last, kept);
  const found = isCookieName(wanted) ? openCookie(kept, atRest) : ({ kind: 'none' } as const);
  if (found.kind !== 'found') {
    throw new AgentError(
      'RUN_COOKIE_UNKNOWN',
      found.kind === 'unusable'
        ? found.why
        : `acknowledging the cookie ${named ?? wanted}: no such cookie is kept; the last one is ${newestFacts?.id ?? 'missing'}`,
      { mend: "name the cookieOut of a manifest of this connection's last exports, or none for the last one" },
    );
  }
  const { time } = found.cookie.facts;
  found.cookie.close();
  replaceText(acknowledgedPath(state), `${JSON.stringify({ cookie: wanted })}\n`);
  return { cookie: wanted, time };
}

function copyCookie(from: string, to: string): void {
  const temporary = `${to}.partial`;
  try {
    makeFolder(join(to, '..'));
    copyFileSync(from, temporary);
    renameSync(temporary, to);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw fileFailed(`copying ${from} to ${to}`, cause);
  }
}

function replaceText(path: string, text: string): void {
  const temporary = `${path}.partial`;
  try {
    writeFileSync(temporary, text, { mode: 0o640, flush: true });
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw fileFailed(`writing ${path}`, cause);
  }
}
