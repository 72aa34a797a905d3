/* Exports of one connection, one after the other, while its organisation changes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ExportOutcome, type ExportRequest, type Manifest, runExport } from '@exchange-connector/agent';
import type { ConnectionSettings } from '@exchange-connector/config';
import {
  createTestOrganization,
  type Simulator,
  startSimulator,
  type TestOrganization,
} from '@exchange-connector/exchange-simulator';
import { parse } from 'csv-parse/sync';
import { account, connectionTo, inFolder } from './rehearsed-connection.ts';

export const minute = 60_000;
export const hour = 60 * minute;
/** A row of a file, by column. */
export type Row = Readonly<Record<string, string>>;
type Published = Extract<ExportOutcome, { kind: 'done' | 'partial' }>;

/** A connection, its organisation, and what a product has loaded from its files so far. */
export class Stand {
  readonly folder: string;
  readonly organization: TestOrganization;
  readonly simulator: Simulator;
  readonly loaded = new Map<string, Row>();
  readonly warnings: string[] = [];
  settings: Partial<ConnectionSettings> = {};

  constructor(folder: string, organization: TestOrganization, simulator: Simulator) {
    this.folder = folder;
    this.organization = organization;
    this.simulator = simulator;
  }

  get connection(): ConnectionSettings {
    return connectionTo(this.simulator.url, this.settings);
  }
  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }
  get output(): string {
    return this.path('Temp', 'ExportOutput');
  }
  get cookie(): string {
    return this.path('Work', 'ExportCookies', 'Main_cookie.bin');
  }
  get state(): string {
    return this.path('Work', 'ExportState', 'Main');
  }
  get folders(): ExportRequest['folders'] {
    return { temp: this.path('Temp'), work: this.path('Work') };
  }

  export(more: Partial<ExportRequest> = {}): Promise<ExportOutcome> {
    this.warnings.length = 0;
    return runExport({
      connection: this.connection,
      folders: this.folders,
      settingsFolder: this.folder,
      signal: new AbortController().signal,
      now: () => this.organization.clock.now().getTime(),
      onWarning: (message) => this.warnings.push(message),
      ...more,
    });
  }

  /** An export that is published; its rows. */
  async publish(more: Partial<ExportRequest> = {}): Promise<{ manifest: Manifest; rows: Row[]; databases: Row[] }> {
    const outcome = await this.export(more);
    assert.ok(outcome.kind === 'done' || outcome.kind === 'partial', JSON.stringify(outcome).slice(0, 800));
    return this.read(outcome);
  }

  read(outcome: Published): { manifest: Manifest; rows: Row[]; databases: Row[] } {
    const of = (name: string): Row[] => parse(readFileSync(join(this.output, name)), { columns: true }) as Row[];
    return { manifest: outcome.manifest, rows: of('Main_mailboxes.csv'), databases: of('Main_databases.csv') };
  }

  load(rows: readonly Row[]): void {
    for (const { Command, ...row } of rows) {
      if (Command === 'Delete') this.loaded.delete(row['Guid'] ?? '');
      else this.loaded.set(row['Guid'] ?? '', row);
    }
  }

  advance(ms: number): void {
    this.organization.clock.advance(ms);
  }

  mailboxes(count: number): string[] {
    return [...this.organization.truth().mailboxes()]
      .filter(({ hiddenBehind }) => hiddenBehind === undefined)
      .slice(0, count)
      .map(({ guid }) => guid);
  }
}

/** Runs with a connection to an organisation of its own, on a clock that stands. */
export async function onStand(
  run: (stand: Stand) => Promise<void>,
  options: { readonly mailboxes?: number; readonly without?: readonly string[] } = {},
): Promise<void> {
  const organization = createTestOrganization({
    mailboxes: options.mailboxes ?? 240,
    databases: 4,
    seed: 7,
    clock: 'virtual',
  });
  const simulator = await startSimulator({ organization, basic: account, without: options.without ?? [] });
  try {
    await inFolder((folder) => run(new Stand(folder, organization, simulator)));
  } finally {
    await simulator.close();
  }
}

export const commands = (rows: readonly Row[]): string[] => rows.map(({ Command = '' }) => Command);
