/* Requests, and what came of them, in few words. */
import {
  decodeCliXml,
  type InvokeOptions,
  type PipelineEvent,
  type PipelineRequest,
  type PsValue,
  type RemoteSession,
  textOf,
} from '@exchange-connector/psrp';

/** A script as the only command, with parameters. */
export function script(text: string, parameters: Readonly<Record<string, PsValue>> = {}): PipelineRequest {
  const given = Object.entries(parameters).map(([name, value]) => ({ name, value }));
  return { statements: [[{ name: text, parameters: given, isScript: true }]] };
}

/** All events of a pipeline. */
export async function run(
  session: RemoteSession,
  request: PipelineRequest | string,
  options: InvokeOptions = {},
): Promise<PipelineEvent[]> {
  return await Array.fromAsync(session.invoke(typeof request === 'string' ? script(request) : request, options));
}

/** The text of an output. */
export function outputText(event: PipelineEvent): string | null | undefined {
  if (event.kind !== 'output') return undefined;
  return event.body.length === 0 ? null : textOf(decodeCliXml(event.body));
}

export function outputs(events: readonly PipelineEvent[]): (string | null | undefined)[] {
  return events.filter((event) => event.kind === 'output').map(outputText);
}

/** The last event, which must be the state. */
export function ending(events: readonly PipelineEvent[]): { state: number; id: string | undefined } | undefined {
  const last = events.at(-1);
  return last?.kind === 'state' ? { state: last.state, id: last.error?.fullyQualifiedErrorId } : undefined;
}
