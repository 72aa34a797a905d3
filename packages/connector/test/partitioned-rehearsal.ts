import {
  openInProcessSession,
  type OrganizationChange,
  type TestOrganization,
} from '@exchange-connector/exchange-simulator';
import type { PipelineEvent, PipelineRequest, RemoteSession } from '@exchange-connector/psrp';
import {
  type ExportPlan,
  type OpenPart,
  type OrganisationReading,
  type Part,
  type PartFacts,
  type PartLedger,
  partId,
  readOrganisation,
  type RowSink,
  type SessionSource,
} from '@exchange-connector/connector';
import { wholePlan, wholeScope } from './whole-plan.ts';

/*
 * The reading in parts with everything in memory: the organisation, the sessions and the ledger. What is
 * changed is changed at an exact request, so that nothing here depends on time.
 */
export const shape = { mailboxes: 1300, databases: 4, seed: 5 };

interface KeptRow {
  readonly line: string;
  readonly group: string;
}

export class MemoryRows implements RowSink {
  rows = new Map<string, KeptRow>();
  #isWanted: (key: string) => boolean = () => true;
  put(key: string, line: string, group: string): void {
    this.rows.set(key, { line, group });
  }
  restart(): void {
    this.rows.clear();
  }
  keepOnly(isWanted: (key: string) => boolean): void {
    this.#isWanted = isWanted;
  }
  get wanted(): Map<string, string> {
    return new Map([...this.rows].filter(([key]) => this.#isWanted(key)).map(([key, { group }]) => [key, group]));
  }
}

export class MemoryLedger implements PartLedger {
  readonly into: MemoryRows;
  readonly finished = new Map<string, { readonly part: Part; readonly facts: PartFacts; readonly rows: MemoryRows }>();
  parts: readonly Part[] = [];
  #conditions = '';
  constructor(into: MemoryRows) {
    this.into = into;
  }
  async resume(conditions: string, onKey: (guid: string) => void): ReturnType<PartLedger['resume']> {
    if (this.parts.length === 0 || conditions !== this.#conditions) return undefined;
    for (const { rows } of this.finished.values()) for (const key of rows.rows.keys()) onKey(key);
    return { parts: this.parts, finished: [...this.finished.values()].map(({ part, facts }) => ({ part, facts })) };
  }
  begin(conditions: string, parts: readonly Part[]): void {
    this.clear();
    this.#conditions = conditions;
    this.parts = parts;
  }
  open(part: Part): OpenPart {
    const rows = new MemoryRows();
    return {
      sink: rows,
      finish: async (facts) => void this.finished.set(partId(part), { part, facts, rows }),
      discard: () => {},
    };
  }
  async deliver(): Promise<void> {
    for (const { rows } of this.finished.values())
      for (const [key, { line, group }] of rows.rows) this.into.put(key, line, group);
  }
  clear(): void {
    this.finished.clear();
    this.parts = [];
  }
}

/** Looks at each request before it is run; what it throws is thrown in its place, what it gives is run instead. */
export type Look = (request: PipelineRequest, asked: readonly string[]) => void;

export function textOf(request: PipelineRequest): string {
  const commands = request.statements[0] ?? [];
  return commands
    .map(({ name, parameters }) =>
      [name, ...parameters.map(({ name: key, value }) => `-${key} ${value.kind === 'S' ? value.value : ''}`)].join(' '),
    )
    .join(' | ');
}

export class Lost extends Error {}

/** Sessions one after the other, replaced when lost. */
export function sessionsOn(organization: TestOrganization, look: Look, asked: string[]): SessionSource {
  let session: RemoteSession | undefined;
  const watched = async (): Promise<RemoteSession> => {
    const real = await openInProcessSession(organization);
    return {
      server: real.server,
      close: () => real.close(),
      async *invoke(request, options): AsyncGenerator<PipelineEvent> {
        asked.push(textOf(request));
        look(request, asked);
        yield* real.invoke(request, options);
      },
    };
  };
  return {
    most: 2,
    run: async (work) => {
      for (let attempt = 0; ; attempt += 1) {
        session ??= await watched();
        try {
          return await work(session);
        } catch (error) {
          if (!(error instanceof Lost) || attempt === 5) throw error;
          session = undefined;
        }
      }
    },
    stopper: (signal) => ({ signal, stop: () => {} }),
    progressed: () => {},
  };
}

export interface Read {
  readonly reading: OrganisationReading;
  readonly rows: MemoryRows;
  readonly databases: MemoryRows;
  readonly ledger: MemoryLedger;
  readonly asked: readonly string[];
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

export async function read(
  organization: TestOrganization,
  look: Look = () => {},
  more: Partial<ExportPlan['scope']> = {},
  kept?: MemoryLedger,
): Promise<Read> {
  const rows = kept?.into ?? new MemoryRows();
  const ledger = kept ?? new MemoryLedger(rows);
  const databases = new MemoryRows();
  const notes: string[] = [];
  const warnings: string[] = [];
  const asked: string[] = [];
  const reading = await readOrganisation(
    { ...wholePlan, scope: { ...wholeScope, ...more } },
    {
      // One session at a time: two would disturb each other, as in a pool they would not.
      sessions: { ...serial(sessionsOn(organization, look, asked)) },
      databases,
      mailboxes: rows,
      ledger,
      onProgress: () => {},
      onWarning: (message) => warnings.push(message),
      onNote: (message) => notes.push(message),
      signal: new AbortController().signal,
    },
  );
  return { reading, rows, databases, ledger, asked, notes, warnings };
}

/** The same sessions, for one piece of work after the other. */
export function serial(sessions: SessionSource): SessionSource {
  let last: Promise<unknown> = Promise.resolve();
  return {
    ...sessions,
    run: (work) => {
      const mine = last.then(() => sessions.run(work));
      last = mine.catch(() => undefined);
      return mine;
    },
  };
}

export function truth(organization: TestOrganization): Map<string, string> {
  const visible = [...organization.truth().mailboxes()].filter((each) => each.hiddenBehind === undefined);
  return new Map(visible.map(({ guid, properties }) => [guid, String(properties['Database'])]));
}

export const isPart = (text: string): boolean =>
  /^Get-Mailbox -ResultSize Unlimited .*(-Database |Name -lt ).*\| Select-Object/.test(text) &&
  !/WhenChangedUTC/.test(text);
export const sorted = (rows: Map<string, string>): [string, string][] =>
  [...rows].sort(([left], [right]) => (left < right ? -1 : 1));

/** One change before each of some requests for a part. */
export function changing(organization: TestOrganization, changes: readonly OrganizationChange[]): Look {
  let next = 0;
  return (request) => {
    const change = isPart(textOf(request)) ? changes[next] : undefined;
    if (change === undefined) return;
    next += 1;
    organization.change(change);
  };
}
