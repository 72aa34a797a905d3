/* What an export starts from: the cookie of the last one, if it fits. */
import { createHash } from 'node:crypto';
import type { ConnectionSettings } from '@exchange-connector/config';
import { whyComplete } from '@exchange-connector/connector';
import { openCookie, type OpenCookie } from './cookie-file.ts';
import { openBaseCookie } from './cookie-store.ts';
import type { ExportRun } from './export-run.ts';
import { readPlainText } from './plain-file.ts';
import { joinCookies, openUncertain } from './uncertain-cookies.ts';

/** What an export starts from. Close it in the end. */
export interface ExportBasis {
  /** The last export, where its cookie can be read: deletions are told by it. */
  readonly before: OpenCookie | undefined;
  /** Why the run has to be a complete one; null where it can tell what changed. */
  readonly reason: string | null;
  /** A person knows without being told: there was no export before, or a complete one was asked for. */
  readonly isExpected: boolean;
  close(): void;
}

/** How rows look, beyond the settings: rows of another number are neither compared with these nor put beside them. */
export const rowForm = 1;

/** A digest of the settings that shape the rows: what differs makes another export of it. */
export function settingsDigest(connection: ConnectionSettings): string {
  const shaping = [
    rowForm,
    connection.exportScriptPath ?? null,
    connection.additionalColumns,
    connection.valueSeparator,
    [...connection.organizationalUnits].sort(),
    [...connection.databases].sort(),
    [...connection.recipientTypeDetails].sort(),
    connection.filter ?? null,
    connection.includeArbitration,
    connection.includePublicFolder,
    connection.includeAuditLog,
    connection.includeMonitoring,
  ];
  return createHash('sha256').update(JSON.stringify(shaping)).digest('hex');
}

function basis(before: OpenCookie | undefined, reason: string | null, isExpected = reason === null): ExportBasis {
  return { before, reason, isExpected, close: () => before?.close() };
}

/** Looks at the cookie, and decides how the run is to read. */
export function openBasis(run: ExportRun): ExportBasis {
  const found = basisOfCookie(run);
  const uncertain = openUncertain(run.state, run.atRest);
  if (uncertain === undefined) return found;
  const [first, ...others] = found.before === undefined ? uncertain : [found.before, ...uncertain];
  const reason =
    run.request.complete === true && found.reason !== null
      ? found.reason
      : 'an earlier run died while it put its files in place, and whether they were loaded cannot be told';
  return basis(first === undefined ? undefined : joinCookies(first, others), reason, run.request.complete === true);
}

function basisOfCookie(run: ExportRun): ExportBasis {
  const { connection, complete } = run.request;
  const found = openBaseCookie(run);
  if (complete === true) {
    return basis(found.kind === 'found' ? found.cookie : lastOf(run), 'a complete export was asked for', true);
  }
  if (found.kind !== 'found') {
    const before = lastOf(run);
    const isFirst = found.kind === 'none' && before === undefined && !lostItsCookie(run);
    return basis(before, whyNone(run, found), isFirst);
  }
  const { cookie } = found;
  const conditions = {
    connection: connection.id,
    engine: connection.exportScriptPath === undefined ? 'native' : 'script',
    settings: settingsDigest(connection),
    now: run.start.getTime(),
  } as const;
  const reason = whyComplete(cookie.facts, conditions);
  if (cookie.facts.connection === connection.id) return basis(cookie, reason ?? null);
  // Its mailboxes were never in the files of this connection.
  cookie.close();
  return basis(undefined, reason ?? null);
}

function whyNone(
  run: ExportRun,
  found: { readonly kind: 'none' } | { readonly kind: 'unusable'; readonly why: string },
): string {
  if (found.kind === 'unusable') return found.why;
  if (run.request.connection.requireAcknowledge) return 'no export was acknowledged yet';
  const none = 'there is no cookie of an earlier export';
  if (!lostItsCookie(run)) return none;
  return `${none}, although ${run.paths.manifest} says that it wrote one: what was deleted since cannot be told, so this export is to be loaded in place of all before it (${run.cookie} was expected)`;
}

/** Whether an export stands in the output folder that had a cookie. */
function lostItsCookie(run: ExportRun): boolean {
  try {
    const manifest: unknown = JSON.parse(readPlainText(run.paths.manifest));
    return typeof manifest === 'object' && manifest !== null && 'cookieOut' in manifest && manifest.cookieOut !== null;
  } catch {
    return false;
  }
}

/** The last export's cookie, where another one was to be started from and cannot be. */
function lastOf(run: ExportRun): OpenCookie | undefined {
  const last = openCookie(run.cookie, run.atRest);
  if (last.kind !== 'found') return undefined;
  if (last.cookie.facts.connection === run.request.connection.id) return last.cookie;
  last.cookie.close();
  return undefined;
}
