/* Pipeline input bound to -Identity: text, or an object with Identity or DistinguishedName. */
import { type PipelineObject, propertyOf } from '../serialization/object-shape.ts';
import type { ServerValue } from '../serialization/server-value.ts';
import type { Emission } from './cmdlet.ts';

function textOfValue(value: ServerValue | undefined): string | undefined {
  return value?.kind === 'string' || value?.kind === 'guid' || value?.kind === 'object' ? value.text : undefined;
}

function identityOf(object: PipelineObject): string | undefined {
  if (object.kind === 'bare') return textOfValue(object.value);
  return (
    textOfValue(propertyOf(object, 'DistinguishedName')) ??
    textOfValue(propertyOf(object, 'Guid')) ??
    textOfValue(propertyOf(object, 'Identity'))
  );
}

/** Identities as text; everything that is not an object passes by. */
export function* pipelineIdentities(input: Iterable<Emission>): Iterable<string | Emission> {
  for (const emission of input) {
    const identity = emission.kind === 'object' ? identityOf(emission.object) : undefined;
    if (identity !== undefined && identity !== '') yield identity;
    else if (emission.kind !== 'object') yield emission;
  }
}
