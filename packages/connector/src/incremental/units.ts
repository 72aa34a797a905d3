/*
 * Organizational units: a mailbox does not change when the unit it lies in is renamed or moved, but its
 * distinguished name, its identity and its unit's name do.
 */
import { createProjection, type PipelineRequest, psArray, psString } from '@exchange-connector/psrp';
import { cellText, noRemarks } from '../cell-text.ts';
import type { SessionPorts } from '../export-ports.ts';
import { describeError, runPipeline } from '../pipeline-run.ts';
import type { Unit } from './unit.ts';

const properties = ['Guid', 'DistinguishedName', 'Identity', 'Name', 'WhenChangedUTC', 'OriginatingServer'] as const;

function unitsRequest(domainController: string | undefined, projected: boolean): PipelineRequest {
  const parameters = [{ name: 'ResultSize', value: psString('Unlimited') }];
  if (domainController !== undefined) parameters.push({ name: 'DomainController', value: psString(domainController) });
  const list = { name: 'Get-OrganizationalUnit', parameters };
  if (!projected) return { statements: [[list]] };
  const select = {
    name: 'Select-Object',
    parameters: [{ name: 'Property', value: psArray(properties.map((name) => psString(name))) }],
  };
  return { statements: [[list, select]] };
}

/** All units in view; undefined where the account may not list them, or the server told of an error. */
export async function readUnits(
  projected: boolean,
  domainController: string | undefined,
  ports: SessionPorts,
): Promise<readonly Unit[] | undefined> {
  const projection = createProjection(properties);
  const units: Unit[] = [];
  let isCut = false;
  const outcome = await runPipeline(ports.session, unitsRequest(domainController, projected), {
    signal: ports.signal,
    onOutput: (body) => {
      const [guid = '', distinguishedName = '', canonicalName = '', name = '', whenChanged = '', server = ''] =
        projection.read(body).map((value) => cellText(value, noRemarks()));
      units.push({ guid: guid.toLowerCase(), distinguishedName, canonicalName, name, whenChanged, server });
      return true;
    },
    onWarning: (message) => {
      isCut ||= /\bResultSize\b/i.test(message);
      ports.onNote(`while listing organizational units, the server warned: ${message}`);
    },
  });
  const error =
    outcome.kind === 'failed' ? outcome.error : outcome.kind === 'completed' ? outcome.errors[0] : undefined;
  if (outcome.kind === 'completed' && error === undefined && !isCut) return units;
  ports.onNote(`organizational units could not be listed: ${isCut ? 'the list was cut' : describeError(error)}`);
  return undefined;
}

/** True where one name lies below the other, or is it. */
export function isWithin(distinguishedName: string, above: string): boolean {
  const inner = distinguishedName.toLowerCase();
  const outer = above.toLowerCase();
  return inner === outer || inner.endsWith(`,${outer}`);
}

/** Those of the units that lie below none of the others. */
export function topmost(units: readonly Unit[]): Unit[] {
  const names = new Set(units.map(({ distinguishedName }) => distinguishedName.toLowerCase()));
  // An organization may have tens of thousands: each looks up its own path, not all the others.
  return units.filter((unit) => {
    const name = unit.distinguishedName.toLowerCase();
    for (let at = name.indexOf(','); at >= 0; at = name.indexOf(',', at + 1)) {
      if (names.has(name.slice(at + 1))) return false;
    }
    return true;
  });
}

/**
 * Where a unit of the settings lies, which names it as Exchange takes it: by its distinguished name, canonical
 * name, GUID or name, or a domain by its name.
 * @returns undefined where the name fits none, or more than one
 */
export function placeOf(text: string, units: readonly Unit[]): string | undefined {
  const wanted = text.trim().toLowerCase();
  const domain = units.map((unit) => unit.distinguishedName.slice(unit.distinguishedName.search(/DC=/i)));
  const ofDomain = domain.find(
    (suffix) => suffix.toLowerCase() === wanted || suffix.replace(/,?DC=/gi, '.').slice(1).toLowerCase() === wanted,
  );
  if (ofDomain !== undefined) return ofDomain;
  for (const of of [
    (unit: Unit) => unit.distinguishedName,
    (unit: Unit) => unit.canonicalName,
    (unit: Unit) => unit.guid,
    (unit: Unit) => unit.name,
  ]) {
    const fitting = units.filter((unit) => of(unit).toLowerCase() === wanted);
    if (fitting.length === 1) return fitting[0]?.distinguishedName;
    if (fitting.length > 1) return undefined;
  }
  return undefined;
}
