/*
 * What a run that a threshold stopped is bound to: where it would have been published, and all that decided what it
 * read. A release publishes exactly that; under other options or settings a person means something else.
 */
import { realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ConnectionSettings } from '@exchange-connector/config';
import { AgentError } from './errors.ts';
import { settingsDigest } from './export-basis.ts';
import type { ExportRun } from './export-run.ts';

/** In words and values that a person can compare with the settings; no secret. */
export interface HeldTarget {
  /** Absolute folder of the files. */
  readonly output: string;
  /** True where `--output` named it; else it is `ExportOutput` of the settings. */
  readonly isOutputChosen: boolean;
  readonly servers: readonly string[];
  /** Values by the names of the settings. */
  readonly settings: Readonly<Record<string, string | boolean | null>>;
  /** Digest of the settings that shape the rows. */
  readonly shape: string;
}

/** What a run that is stopped now is bound to. */
export function targetOf({ request, paths }: ExportRun): HeldTarget {
  const { connection } = request;
  return {
    output: dirname(paths.manifest),
    isOutputChosen: request.outputFolder !== undefined,
    servers: connection.servers.map(({ url }) => url),
    settings: readingSettings(connection),
    shape: settingsDigest(connection),
  };
}

/** What decides what is read, besides the scope, and how it is written. */
function readingSettings(connection: ConnectionSettings): HeldTarget['settings'] {
  return {
    ConnectAddress: connection.connectAddress ?? null,
    AuthType: connection.authType,
    Login: connection.login ?? null,
    Principal: connection.principal ?? null,
    Realm: connection.realm ?? null,
    DomainController: connection.domainController ?? null,
    GlobalCatalog: connection.globalCatalog ?? null,
    Bom: connection.bom,
    EncryptOutput: connection.encryptOutput,
  };
}

/** Whether a value of a file has the shape of a target. */
export function isTarget(value: unknown): value is HeldTarget {
  const target = value as Partial<HeldTarget> | null | undefined;
  return (
    typeof target?.output === 'string' &&
    typeof target.isOutputChosen === 'boolean' &&
    typeof target.shape === 'string' &&
    typeof target.settings === 'object' &&
    target.settings !== null &&
    Array.isArray(target.servers) &&
    target.servers.every((server) => typeof server === 'string')
  );
}

/** The same folder, by whatever path. */
function isSameFolder(one: string, other: string): boolean {
  const real = (path: string): string => {
    try {
      return realpathSync(path);
    } catch {
      return resolve(path);
    }
  };
  return real(one) === real(other);
}

function shown(value: string | boolean | null): string {
  return value === null ? 'not set' : String(value);
}

/**
 * In words, how a run differs from what was kept; undefined where it fits.
 * @param server the address that the stopped run read from
 */
export function contradictionOf(target: HeldTarget, server: string, run: ExportRun): string | undefined {
  const now = targetOf(run);
  // A folder that is named with the release is what the person wants.
  if (!now.isOutputChosen && !isSameFolder(target.output, now.output))
    return `its files would have been published in ${target.output}, and ExportOutput is ${now.output} by now`;
  const isKnown = target.servers.includes(server);
  const hasServer = isKnown
    ? now.servers.includes(server)
    : [...now.servers].sort().join(' ') === [...target.servers].sort().join(' ');
  if (!hasServer)
    return `Server is ${now.servers.join(', ')}, and it was read from ${isKnown ? server : target.servers.join(', ')}`;
  for (const [name, value] of Object.entries(now.settings)) {
    const then = target.settings[name] ?? null;
    if (then !== value) return `${name} was ${shown(then)} and is ${shown(value)} now`;
  }
  if (target.shape !== now.shape)
    return 'the settings that shape the rows (scope, columns, separator, script) were changed since';
  return undefined;
}

/** The refusal of a release, which leaves everything as it is. */
export function releaseRefused(why: string): AgentError {
  return new AgentError(
    'RUN_RELEASE_REFUSED',
    `releasing what a threshold stopped: ${why}; nothing was published, and what was kept stays`,
    {
      mend: 'to publish exactly what was kept, give --release alone, with the settings of the stopped run; to read with these ones, export without --release: a threshold may stop that again',
    },
  );
}
