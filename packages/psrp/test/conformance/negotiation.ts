/* What a server answers to a client's version, and whether it opens the pool then. */
import { spawn } from 'node:child_process';
import { ClientRunspacePool, formatPacket, PacketReader, ServerRunspacePool } from '@exchange-connector/psrp';
import { freshGuid } from '../memory-pair.ts';

export interface VersionAnswer {
  readonly version: string | undefined;
  readonly opens: boolean;
}

/** What opens a pool, for a client of any version: only the number is changed. */
function openingBytes(version: string): Uint8Array {
  const client = new ClientRunspacePool({ id: freshGuid(), protocolVersion: '2.4' });
  client.open();
  const bytes = Buffer.from(client.takeOutgoing('pool', 100_000) as Uint8Array);
  bytes.write(version, bytes.indexOf('>2.4<') + 1, 'ascii');
  return bytes;
}

/** Reads the answer from the bytes themselves: our client would refuse some. */
function read(answers: readonly Uint8Array[]): VersionAnswer {
  const text = Buffer.concat(answers).toString('latin1');
  return {
    version: /<Version N="protocolversion">([^<]*)</.exec(text)?.[1],
    opens: /<I32 N="RunspaceState">2</.test(text),
  };
}

export function answerOfOurs(version: string): VersionAnswer {
  const pool = new ServerRunspacePool({ maxProtocolVersion: '2.4' });
  const events = pool.receive('pool', openingBytes(version));
  if (events.some((event) => event.kind === 'poolOpening')) pool.openPool();
  const answers: Uint8Array[] = [];
  for (let data = pool.takeOutgoing('pool', 100_000); data; data = pool.takeOutgoing('pool', 100_000))
    answers.push(data);
  return read(answers);
}

/** The real server acknowledges what it was sent when it has answered all of it, and ends when its input does. */
export async function answerOfReal(program: string, version: string): Promise<VersionAnswer> {
  const server = spawn(program, ['server'], { stdio: ['pipe', 'pipe', 'ignore'], timeout: 60_000 });
  const reader = new PacketReader();
  const answers: Uint8Array[] = [];
  const ended = Promise.withResolvers<void>();
  server.stdout.on('data', (bytes: Buffer) => {
    for (const packet of reader.push(bytes)) {
      if (packet.kind === 'Data') answers.push(packet.data);
      if (packet.kind === 'DataAck') server.stdin.end();
    }
  });
  server.on('close', () => ended.resolve());
  server.stdin.write(formatPacket({ kind: 'Data', target: 'pool', stream: 'stdin', data: openingBytes(version) }));
  await ended.promise;
  return read(answers);
}
