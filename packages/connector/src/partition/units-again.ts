/*
 * The organizational units once more, when all parts are read. A mailbox does not change when a unit above it gets another
 * name or place, but its names do: those of units that did so while parts were read, or since an earlier process had read
 * some of them, are read again.
 */
import type { Unit } from '../incremental/unit.ts';
import { selectUnits } from '../incremental/rereading.ts';
import { readUnits, topmost } from '../incremental/units.ts';
import type { ExportScope } from '../requests.ts';
import { type Proof, readLate } from './completeness.ts';

/** The clocks of this machine and a directory server may differ by this much, as Kerberos allows them to. */
const clockSkewMs = 5 * 60_000;

/** What was known of the units when this process began to read. */
export interface UnitsBefore {
  /** Undefined where the account may not list them: then each increment compares the place of every mailbox. */
  readonly units: readonly Unit[] | undefined;
  /** Some parts were read by an earlier process, which knew the units of its time. */
  readonly hasOlderParts: boolean;
}

/** Reads again what lies below units that are not as they were; to be done when all parts were delivered. */
export async function readUnitsAgain(before: UnitsBefore, scope: ExportScope, proof: Proof): Promise<void> {
  const { views, reading, ports } = proof;
  if (before.units === undefined) return;
  const units = await views.run((session) => readUnits(reading.projects, reading.domainController, session));
  if (units === undefined) return;
  const places = new Map(before.units.map(({ guid, distinguishedName }) => [guid, distinguishedName]));
  const since = proof.readFrom - clockSkewMs;
  const changed = topmost(
    units.filter(
      ({ guid, distinguishedName, whenChanged }) =>
        places.get(guid) !== distinguishedName || (before.hasOlderParts && !(Date.parse(whenChanged) < since)),
    ),
  );
  for (const { distinguishedName } of changed)
    ports.onNote(
      `the organizational unit ${distinguishedName} got another name or place during the reading, or was changed: its mailboxes are read again`,
    );
  const selections = selectUnits({ scope, units }, changed) ?? proof.selections;
  for (const selection of selections) {
    const refused = await views.run((session) => readLate(selection, proof, session));
    // The next increment reads them again, too: their names differ from those of the cookie, or they were changed since.
    if (refused !== undefined) ports.onNote(`${selection.description} could not be read again: ${refused}`);
  }
}
