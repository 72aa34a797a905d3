/* Pipeline input from the wire as a pipeline object: what -Identity can be bound to. */
import { decodeCliXml, type PsValue, textOf } from '@exchange-connector/psrp';
import type { PipelineObject } from '../serialization/object-shape.ts';
import { chainOf, nullValue, type ServerValue, stringValue } from '../serialization/server-value.ts';

function serverValue(value: PsValue): ServerValue {
  const text =
    value.kind === 'Obj'
      ? (value.display ?? (value.base === undefined ? undefined : textOf(value.base)))
      : textOf(value);
  return text === undefined ? nullValue : stringValue(text);
}

/** An empty body is `$null`. Throws CliXmlError for what is no CLIXML. */
export function inputObject(body: Uint8Array): PipelineObject {
  if (body.length === 0) return { kind: 'bare', value: nullValue };
  const value = decodeCliXml(body);
  if (value.kind !== 'Obj' || (value.adapted.length === 0 && value.extended.length === 0))
    return { kind: 'bare', value: serverValue(value) };
  const members = [...value.extended, ...value.adapted].flatMap((member) =>
    'value' in member ? [[member.name, serverValue(member.value)] as const] : [],
  );
  return {
    kind: 'custom',
    types: chainOf(...(value.typeNames ?? ['System.Object'])),
    display: value.display,
    adapted: members,
  };
}
