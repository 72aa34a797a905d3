/* Clocks that are wrong: this machine's, and a domain controller's. No change is lost for the next increment. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ExportRequest, type Manifest, runExport } from '@exchange-connector/agent';
import {
  createTestOrganization,
  type SimulatorOptions,
  startSimulator,
  type TestOrganization,
} from '@exchange-connector/exchange-simulator';
import { parse } from 'csv-parse/sync';
import { account, connectionTo, inFolder } from './rehearsed-connection.ts';

const minute = 60_000;
const hour = 60 * minute;

interface Published {
  readonly manifest: Manifest;
  /** `Update Name`, sorted. */
  readonly rows: readonly string[];
}

interface Stand {
  readonly organization: TestOrganization;
  /** @param aheadMs by so much this machine's clock is ahead of everybody's */
  export(aheadMs: number, more?: Partial<ExportRequest>): Promise<Published>;
  change(name: string): string;
}

async function onStand(
  run: (stand: Stand) => Promise<void>,
  options: Partial<SimulatorOptions> & { readonly mailboxes?: number } = {},
): Promise<void> {
  const organization = createTestOrganization({ mailboxes: 60, databases: 2, seed: 7, clock: 'virtual', ...options });
  const simulator = await startSimulator({ basic: account, ...options, organization });
  const mailboxes = [...organization.truth().mailboxes()].filter(({ hiddenBehind }) => hiddenBehind === undefined);
  try {
    await inFolder((folder) =>
      run({
        organization,
        export: async (aheadMs, more) => {
          const outcome = await runExport({
            connection: connectionTo(simulator.url),
            folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
            settingsFolder: folder,
            signal: new AbortController().signal,
            now: () => organization.clock.now().getTime() + aheadMs,
            ...more,
          });
          assert.ok(outcome.kind === 'done', JSON.stringify(outcome).slice(0, 800));
          const file = readFileSync(join(folder, 'Temp', 'ExportOutput', 'Main_mailboxes.csv'));
          const rows = (parse(file, { columns: true }) as Record<string, string>[]).map(
            (row) => `${row['Command']} ${row['DisplayName']}`,
          );
          return { manifest: outcome.manifest, rows: rows.sort() };
        },
        change: (displayName) => {
          const mailbox = mailboxes.pop()?.guid ?? '';
          organization.change({ kind: 'setMailbox', mailbox, properties: { displayName } });
          return displayName;
        },
      }),
    );
  } finally {
    await simulator.close();
  }
}

const clocksDiffer =
  /the clock of this machine says (\S+), and the one of http:\S+ (\S+): it is .* (ahead of|behind) it/;

test('a clock that is hours ahead when the cookie is written, and is put right later, costs no change', () =>
  onStand(async ({ organization, export: run, change }) => {
    const first = await run(3 * hour);
    const told = first.manifest.warnings.map((text) => clocksDiffer.exec(text)).find((match) => match !== null);
    assert.match(told?.[1] ?? '', /^2025-07-01T11:00:00/);
    assert.match(told?.[2] ?? '', /^2025-07-01T08:/);
    assert.equal(told?.[3], 'ahead of');
    organization.clock.advance(hour);
    change('One hour later');
    organization.clock.advance(3 * hour);
    const second = await run(0);
    assert.deepEqual(
      { mode: second.manifest.mode, rows: second.rows, warnings: second.manifest.warnings },
      { mode: 'incremental', rows: ['Update One hour later'], warnings: [] },
    );
    // The increment's own cookie, too.
    organization.clock.advance(hour);
    assert.deepEqual((await run(5 * hour)).rows, []);
    organization.clock.advance(hour);
    change('After an increment');
    organization.clock.advance(8 * hour);
    assert.deepEqual((await run(0)).rows, ['Update After an increment']);
  }));

test('a clock that is behind is told of, and one that differs by less than Kerberos allows is not', () =>
  onStand(async ({ organization, export: run, change }) => {
    const first = await run(-2 * hour);
    assert.match(first.manifest.warnings.join('\n'), clocksDiffer);
    organization.clock.advance(10 * minute);
    change('Soon after');
    organization.clock.advance(2 * hour);
    assert.deepEqual((await run(0)).rows, ['Update Soon after']);
    for (const difference of [4 * minute, -4 * minute]) {
      organization.clock.advance(hour);
      const { manifest } = await run(difference);
      assert.deepEqual([manifest.mode, manifest.warnings], ['incremental', []]);
    }
  }));

test('a cookie of a clock that nobody contradicted then is not relied on while the server says that its time is to come', () => {
  let answers = false;
  let now: () => Date = () => new Date(0);
  return onStand(
    async ({ organization, export: run, change }) => {
      now = () => organization.clock.now();
      const first = await run(3 * hour);
      assert.doesNotMatch(first.manifest.warnings.join('\n'), clocksDiffer);
      organization.clock.advance(hour);
      const changed = change('While the clock was wrong');
      answers = true;
      const second = await run(3 * hour);
      assert.equal(second.manifest.mode, 'complete');
      assert.match(second.manifest.reason ?? '', /in the future by the clock of the server/);
      assert.ok(second.rows.includes(`Insert ${changed}`));
    },
    { serverClock: () => (answers ? now() : undefined) },
  );
});

test('a change that a domain controller stamped with a time to come is told of, and read', () =>
  onStand(
    async ({ organization, export: run, change }) => {
      await run(0);
      organization.clock.advance(2 * hour);
      change('From tomorrow');
      // Everybody but the controllers, which share the clock of the organisation, is behind.
      const { manifest, rows } = await run(-90 * minute);
      assert.deepEqual(rows, ['Update From tomorrow']);
      assert.match(
        manifest.warnings.join('\n'),
        /a mailbox has a WhenChangedUTC of 2025-07-01T10:00:00Z, 1 h 30 min later than it is \(2025-07-01T08:30:00\.000Z\)/,
      );
    },
    { serverClock: () => undefined },
  ));

/** All domain controllers are ahead of everybody else by so much, or behind. */
function setControllers(organization: TestOrganization, aheadMs: number): void {
  for (const { name } of organization.domainControllers) organization.setClockOffset(name, aheadMs);
}

test('domain controllers that are behind by as much as the overlap, or ahead by hours, hide no change', () =>
  onStand(async ({ organization, export: run, change }) => {
    for (const controllers of [-hour, -4 * minute, 4 * minute, 5 * hour])
      for (const machine of [-4 * minute, 4 * minute]) {
        setControllers(organization, controllers);
        await run(machine);
        organization.clock.advance(1000);
        const changed = change(`Right after ${controllers} ${machine}`);
        organization.clock.advance(10 * hour);
        assert.deepEqual((await run(machine)).rows, [`Update ${changed}`]);
        // It is an increment all the same, and the next one has nothing left to tell.
        organization.clock.advance(10 * hour);
        const { manifest, rows } = await run(machine);
        assert.deepEqual([manifest.mode, rows], ['incremental', []]);
      }
  }));

test('clocks of domain controllers that are put right between two exports, forwards or backwards, hide no change', () =>
  onStand(async ({ organization, export: run, change }) => {
    for (const [was, is] of [
      [5 * hour, 0],
      [-hour, 0],
      [0, 5 * hour],
      [0, -hour],
    ] as const) {
      setControllers(organization, was);
      await run(0);
      organization.clock.advance(1000);
      const changed = [change(`Before it was put right ${was} ${is}`)];
      organization.clock.advance(minute);
      setControllers(organization, is);
      changed.push(change(`Once it was put right ${was} ${is}`));
      organization.clock.advance(10 * hour);
      assert.deepEqual((await run(0)).rows, changed.map((name) => `Update ${name}`).sort());
    }
  }));

test('the server and all domain controllers are behind this machine, and are put right later: no change is hidden', () => {
  let behind = 0;
  let now: () => number = () => 0;
  return onStand(
    async ({ organization, export: run, change }) => {
      now = () => organization.clock.now().getTime();
      behind = 3 * hour;
      setControllers(organization, -behind);
      const first = await run(0);
      assert.match(first.manifest.warnings.join('\n'), clocksDiffer);
      organization.clock.advance(1000);
      const changed = [change('By the clock that is behind')];
      organization.clock.advance(4 * hour);
      behind = 0;
      setControllers(organization, 0);
      changed.push(change('By the clock that is right'));
      organization.clock.advance(minute);
      const second = await run(0);
      assert.deepEqual(
        [second.manifest.mode, second.rows],
        ['incremental', changed.map((name) => `Update ${name}`).sort()],
      );
    },
    { serverClock: () => new Date(now() - behind) },
  );
});
