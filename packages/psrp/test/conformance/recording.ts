/* A session as it went over the wire between the real client and the real server, and what the server said in it. */
import {
  type ClientEvent,
  ClientRunspacePool,
  type Guid,
  type Packet,
  type PipelineEvent,
  PipelineState,
  type PsValue,
} from '@exchange-connector/psrp';
import { freshGuid } from '../memory-pair.ts';

export interface RecordedPacket {
  readonly from: 'client' | 'server';
  readonly packet: Packet;
}

/** What the server said in a pipeline: an event, or a host call. */
export type Said = PipelineEvent | (ClientEvent & { readonly kind: 'hostCall' });

export interface RecordedPipeline {
  readonly said: readonly Said[];
  /** How many of them came before the client asked for a stop; all, where it did not. */
  readonly beforeSignal: number;
}

export interface RecordedSession {
  readonly applicationPrivateData: PsValue | undefined;
  /** The pipelines of the caller, not those that the real client runs by itself for its debugger. */
  readonly pipelines: readonly RecordedPipeline[];
}

function isOwnCommand(packets: readonly RecordedPacket[], id: Guid | 'pool'): boolean {
  const first = packets.find(({ from, packet }) => from === 'client' && packet.kind === 'Data' && packet.target === id);
  return first?.packet.kind === 'Data' && Buffer.from(first.packet.data).includes('<S N="Cmd">__Set-PS');
}

/** Reads a recorded session by handing the server's part of it to our client. */
export function readSession(packets: readonly RecordedPacket[]): RecordedSession {
  const client = new ClientRunspacePool({ id: freshGuid(), protocolVersion: '2.4' });
  const pipelines = new Map<Guid | 'pool', { said: Said[]; beforeSignal: number }>();
  client.open();
  let isOpen = false;
  for (const { from, packet } of packets) {
    const pipeline = pipelines.get(packet.target);
    if (packet.kind === 'Command' && packet.target !== 'pool') {
      client.startPipeline(packet.target, { statements: [[{ name: 'X', parameters: [] }]] }, { hasInput: false });
      pipelines.set(packet.target, { said: [], beforeSignal: Number.POSITIVE_INFINITY });
    }
    if (packet.kind === 'Signal' && pipeline !== undefined) pipeline.beforeSignal = pipeline.said.length;
    // An open pool's messages are about keys that this client has not: SecureStrings are told by the scenario.
    if (from === 'client' || packet.kind !== 'Data' || (packet.target === 'pool' && isOpen)) continue;
    for (const event of client.receive(packet.target, packet.data)) {
      if (event.kind === 'protocolViolation') throw event.error;
      if (event.kind === 'poolOpened') isOpen = true;
      if (event.kind === 'pipeline') pipeline?.said.push(event.event);
      if (event.kind === 'hostCall') pipeline?.said.push(event);
    }
  }
  const own = [...pipelines].filter(([id]) => !isOwnCommand(packets, id)).map(([, pipeline]) => pipeline);
  return { applicationPrivateData: client.server.applicationPrivateData, pipelines: own };
}

export const isLast = (said: Said): boolean => said.kind === 'state' && said.state >= PipelineState.Stopped;
