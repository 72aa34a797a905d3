import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExportRequest } from '@exchange-connector/agent';
import { type ConnectionSettings, Secret } from '@exchange-connector/config';
import {
  type OrganizationTruth,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
  type TruthValue,
} from '@exchange-connector/exchange-simulator';
import { documentedDefaults } from '../../config/test/documented-defaults.ts';

/** The settings of a connection to `url`, defaults elsewhere. */
export function connectionTo(url: string, more: Partial<ConnectionSettings> = {}): ConnectionSettings {
  const { protocol, hostname, port } = new URL(url);
  return {
    id: 'Main',
    servers: [{ url, protocol: protocol === 'https:' ? 'https' : 'http', host: hostname, port: Number(port) }],
    ...documentedDefaults,
    authType: 'Basic',
    login: 'reader',
    password: new Secret('correct horse'),
    allowUnencryptedBasic: true,
    operationTimeoutMs: 10_000,
    ...more,
  };
}

/** The account that {@link connectionTo} logs in with, for the simulator. */
export const account = { login: 'reader', password: 'correct horse' };

/** Runs with an empty folder that is gone afterwards. */
export async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'agent-'));
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A run whose files lie in the folder. */
export function requestIn(
  folder: string,
  connection: ConnectionSettings,
  more: Partial<ExportRequest> = {},
): ExportRequest {
  return {
    connection,
    folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
    settingsFolder: folder,
    signal: new AbortController().signal,
    ...more,
  };
}

/** Runs with a simulator of its own, which {@link account} may log in to. */
export async function withSimulator<T>(
  options: Partial<SimulatorOptions>,
  run: (simulator: Simulator) => Promise<T>,
): Promise<T> {
  const simulator = await startSimulator({ basic: account, ...options });
  try {
    return await run(simulator);
  } finally {
    await simulator.close();
  }
}

/** What one cell must hold, worked out from the truth by the words of the documentation, with none of the product's code. */
function expectedText(name: string, value: TruthValue): string {
  if (value === null) return '';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return value.toWellFormed();
  const texts = value.map((each) => each.toWellFormed());
  if (name !== 'EmailAddresses') return texts.map((each) => each.replaceAll(';', '%3B')).join(';');
  const byCodeUnits = [...texts].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
  const primaryFirst = [
    ...byCodeUnits.filter((each) => each.startsWith('SMTP:')),
    ...byCodeUnits.filter((each) => !each.startsWith('SMTP:')),
  ];
  return primaryFirst
    .map((each) => each.replace(/%(?=20|25)/g, '%25').replace(/ (?=[A-Za-z][A-Za-z0-9-]*:)/g, '%20'))
    .join(' ');
}

export interface ExpectedRow {
  readonly index: number;
  readonly domain: string;
  readonly hiddenBehind: string | undefined;
  /** By column, without Command. */
  readonly cells: Readonly<Record<string, string>>;
}

/** The rows that an export of the organisation must have, sorted by Guid; hidden mailboxes included, told by `hiddenBehind`. */
export function expectedRows(truth: OrganizationTruth, columns: readonly string[]): ExpectedRow[] {
  const rows: ExpectedRow[] = [];
  for (let index = 0; index < truth.mailboxCount; index += 1) {
    const mailbox = truth.mailbox(index);
    const cells: Record<string, string> = {};
    for (const column of columns) {
      cells[column] =
        column === 'AccountDisabledIsDirSynced'
          ? [mailbox['AccountDisabled'], mailbox['IsDirSynced']].map((each) => (each ? 'True' : 'False')).join(';')
          : expectedText(column, mailbox[column] ?? null);
    }
    rows.push({ index, ...truth.placeOf(index), cells });
  }
  return rows.sort((left, right) => ((left.cells['Guid'] ?? '') < (right.cells['Guid'] ?? '') ? -1 : 1));
}
