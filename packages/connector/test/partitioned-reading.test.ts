import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createTestOrganization,
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

/*
 * The reading in parts with everything in memory: the organisation, the sessions and the ledger. What is
 * changed is changed at an exact request, so that nothing here depends on time.
 */
const shape = { mailboxes: 1300, databases: 4, seed: 5 };

interface KeptRow {
  readonly line: string;
  readonly group: string;
}

class MemoryRows implements RowSink {
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

class MemoryLedger implements PartLedger {
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
type Look = (request: PipelineRequest, asked: readonly string[]) => void;

function textOf(request: PipelineRequest): string {
  const commands = request.statements[0] ?? [];
  return commands
    .map(({ name, parameters }) =>
      [name, ...parameters.map(({ name: key, value }) => `-${key} ${value.kind === 'S' ? value.value : ''}`)].join(' '),
    )
    .join(' | ');
}

class Lost extends Error {}

/** Sessions one after the other, replaced when lost. */
function sessionsOn(organization: TestOrganization, look: Look, asked: string[]): SessionSource {
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

interface Read {
  readonly reading: OrganisationReading;
  readonly rows: MemoryRows;
  readonly ledger: MemoryLedger;
  readonly asked: readonly string[];
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

async function read(
  organization: TestOrganization,
  look: Look = () => {},
  more: Partial<ExportPlan['scope']> = {},
  kept?: MemoryLedger,
): Promise<Read> {
  const rows = kept?.into ?? new MemoryRows();
  const ledger = kept ?? new MemoryLedger(rows);
  const notes: string[] = [];
  const warnings: string[] = [];
  const asked: string[] = [];
  const reading = await readOrganisation(
    {
      additionalColumns: [],
      valueSeparator: ' ',
      scope: {
        organizationalUnits: [],
        databases: [],
        recipientTypeDetails: [],
        filter: undefined,
        includeArbitration: false,
        includePublicFolder: false,
        includeAuditLog: false,
        includeMonitoring: false,
        ...more,
      },
      pins: { domainController: undefined, globalCatalog: undefined },
    },
    {
      // One session at a time: two would disturb each other, as in a pool they would not.
      sessions: { ...serial(sessionsOn(organization, look, asked)) },
      databases: new MemoryRows(),
      mailboxes: rows,
      ledger,
      onProgress: () => {},
      onWarning: (message) => warnings.push(message),
      onNote: (message) => notes.push(message),
      signal: new AbortController().signal,
    },
  );
  return { reading, rows, ledger, asked, notes, warnings };
}

/** The same sessions, for one piece of work after the other. */
function serial(sessions: SessionSource): SessionSource {
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

function truth(organization: TestOrganization): Map<string, string> {
  const visible = [...organization.truth().mailboxes()].filter((each) => each.hiddenBehind === undefined);
  return new Map(visible.map(({ guid, properties }) => [guid, String(properties['Database'])]));
}

const isPart = (text: string): boolean =>
  /^Get-Mailbox -ResultSize Unlimited .*(-Database |Name -lt ).*\| Select-Object/.test(text) &&
  !/WhenChangedUTC/.test(text);
const sorted = (rows: Map<string, string>): [string, string][] =>
  [...rows].sort(([left], [right]) => (left < right ? -1 : 1));

test('parts of all databases together are the organisation, each mailbox once', async () => {
  const organization = createTestOrganization(shape);
  const { rows, ledger, reading, notes } = await read(organization);
  assert.ok(ledger.parts.length > 4, `${ledger.parts.length} parts`);
  assert.deepEqual(sorted(rows.wanted), sorted(truth(organization)));
  const visible = truth(organization).size;
  assert.equal(reading.received.mailboxes, visible, 'none was read twice');
  assert.match(notes.join('\n'), new RegExp(`the server counts ${visible} mailboxes, and each has its row`));
  assert.deepEqual(reading.errors, []);
});

test('mailboxes of a database that is not listed are read by their names', async () => {
  const organization = createTestOrganization(shape);
  const [hidden] = organization.databases;
  const real = sessionsOn(organization, () => {}, []);
  const lacking: SessionSource = {
    ...real,
    run: (work) =>
      real.run((session) =>
        work({
          ...session,
          server: session.server,
          close: () => session.close(),
          async *invoke(request, options) {
            const isOfDatabases = request.statements[0]?.[0]?.name === 'Get-MailboxDatabase';
            for await (const event of session.invoke(request, options)) {
              const isHidden =
                isOfDatabases && event.kind === 'output' && Buffer.from(event.body).includes(hidden?.guid ?? '?');
              if (!isHidden) yield event;
            }
          },
        }),
      ),
  };
  const rows = new MemoryRows();
  const ledger = new MemoryLedger(rows);
  const warnings: string[] = [];
  const plan: ExportPlan = {
    additionalColumns: [],
    valueSeparator: ' ',
    scope: {
      organizationalUnits: [],
      databases: [],
      recipientTypeDetails: [],
      filter: undefined,
      includeArbitration: false,
      includePublicFolder: false,
      includeAuditLog: false,
      includeMonitoring: false,
    },
    pins: { domainController: undefined, globalCatalog: undefined },
  };
  await readOrganisation(plan, {
    sessions: serial(lacking),
    databases: new MemoryRows(),
    mailboxes: rows,
    ledger,
    onProgress: () => {},
    onWarning: (message) => warnings.push(message),
    onNote: () => {},
    signal: new AbortController().signal,
  });
  assert.ok(
    ledger.parts.every(({ database }) => database === undefined),
    'a part is narrowed to a database',
  );
  assert.deepEqual(sorted(rows.wanted), sorted(truth(organization)));
  assert.match(warnings.join('\n'), /which Get-MailboxDatabase did not list/);
});

/** One change before each of some requests for a part. */
function changing(organization: TestOrganization, changes: readonly OrganizationChange[]): Look {
  let next = 0;
  return (request) => {
    const change = isPart(textOf(request)) ? changes[next] : undefined;
    if (change === undefined) return;
    next += 1;
    organization.change(change);
  };
}

test('a mailbox that moves behind the reading’s back is there, once, where it is in the end', async () => {
  const organization = createTestOrganization(shape);
  const names = organization.databases.map(({ name }) => name);
  const visible = [...organization.truth().mailboxes()].filter((each) => each.hiddenBehind === undefined);
  const changes = visible.slice(0, 200).map(
    ({ guid, properties }, index): OrganizationChange => ({
      kind: 'moveMailbox',
      mailbox: guid,
      database: names.filter((name) => name !== properties['Database'])[index % 3] ?? '',
    }),
  );
  const { rows, notes } = await read(organization, changing(organization, changes));
  assert.deepEqual(sorted(rows.wanted), sorted(truth(organization)));
  assert.match(notes.join('\n'), /and each has its row/);
});

test('a mailbox that goes while the others are read is left out, found by a sweep', async () => {
  const organization = createTestOrganization(shape);
  const visible = [...organization.truth().mailboxes()].filter((each) => each.hiddenBehind === undefined);
  const changes = visible.map(({ guid }): OrganizationChange => ({ kind: 'disableMailbox', mailbox: guid }));
  const { rows, notes, reading } = await read(organization, changing(organization, changes));
  assert.deepEqual(sorted(rows.wanted), sorted(truth(organization)));
  assert.match(
    notes.join('\n'),
    /a sweep found \d+ mailboxes: 0 were read after the others, [1-9]\d* had gone meanwhile/,
  );
  assert.deepEqual(reading.errors, []);
});

test('where the server does not filter by time, a sweep finds what moved away, and it is read', async () => {
  const organization = createTestOrganization(shape);
  const names = organization.databases.map(({ name }) => name);
  const visible = [...organization.truth().mailboxes()].filter((each) => each.hiddenBehind === undefined);
  let moved = 0;
  const { rows, asked } = await read(organization, (request) => {
    const text = textOf(request);
    const first = request.statements[0]?.[0];
    if (text.includes('WhenChangedUTC')) {
      const filter = first?.parameters.find(({ name }) => name === 'Filter');
      if (filter !== undefined) Object.assign(filter.value, { value: 'NoSuchProperty -gt 1' });
    }
    if (!isPart(text)) return;
    for (const { guid } of visible.slice(moved * 15, moved * 15 + 15))
      organization.change({ kind: 'moveMailbox', mailbox: guid, database: names[moved % names.length] ?? '' });
    moved += 1;
  });
  const guids = (map: Map<string, string>): string[] => [...map.keys()].sort();
  assert.deepEqual(guids(rows.wanted), guids(truth(organization)));
  assert.ok(
    asked.some((text) => /^Get-Mailbox -Identity .* \| Select-Object/.test(text)),
    'nothing was missing: the test is blind',
  );
});

test('a reading that ends in the middle is continued with what was kept, and asks for no part twice', async () => {
  const organization = createTestOrganization(shape);
  let left = 5;
  const rows = new MemoryRows();
  const ledger = new MemoryLedger(rows);
  await assert.rejects(
    read(
      organization,
      (request) => {
        if (!isPart(textOf(request))) return;
        if (left === 0) throw new RangeError('the end of this process');
        left -= 1;
      },
      {},
      ledger,
    ),
    /the end of this process/,
  );
  const kept = [...ledger.finished.values()];
  assert.equal(kept.length, 5);
  organization.change({ kind: 'removeMailbox', mailbox: [...(kept[0]?.rows.rows.keys() ?? [])][0] ?? '' });
  const oldest = kept.map(({ facts }) => facts.startedAt).sort()[0];
  const { asked, reading } = await read(organization, () => {}, {}, ledger);
  assert.equal(asked.filter(isPart).length, ledger.parts.length - 5);
  assert.deepEqual(sorted(rows.wanted), sorted(truth(organization)));
  assert.equal(reading.readFrom, oldest);
});

test('a lost session costs the part that it was reading, and no other', async () => {
  const organization = createTestOrganization(shape);
  let requests = 0;
  const { rows, ledger, asked, reading } = await read(organization, (request) => {
    if (!isPart(textOf(request))) return;
    requests += 1;
    if (requests % 4 === 0) throw new Lost('cut');
  });
  assert.deepEqual(sorted(rows.wanted), sorted(truth(organization)));
  assert.equal(reading.received.mailboxes, truth(organization).size);
  const lost = Math.floor(requests / 4);
  assert.equal(asked.filter(isPart).length, ledger.parts.length + lost);
  // Each session saw the forest, and later ones were pinned to where the first rows came from.
  const views = asked.filter((text) => text.startsWith('Set-ADServerSettings'));
  assert.equal(views.length, lost + 1);
});

test('the settings’ own filter and units hold in every part', async () => {
  const organization = createTestOrganization(shape);
  const { rows } = await read(organization, () => {}, { filter: "Name -notlike 'A*'" });
  const all = truth(organization);
  const wanted = new Set(
    [...organization.truth().mailboxes()]
      .filter((each) => each.hiddenBehind === undefined && !/^a/i.test(String(each.properties['Name'])))
      .map(({ guid }) => guid),
  );
  assert.ok(wanted.size < all.size, 'the filter leaves everything: the test is blind');
  assert.deepEqual([...rows.wanted.keys()].sort(), [...wanted].sort());
});
