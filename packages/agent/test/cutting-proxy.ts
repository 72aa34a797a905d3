import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

/** What a proxy does once it has passed on so many bytes of the server. */
export type Mischief =
  /** Hangs up, and refuses everyone after that. */
  | 'die'
  /** Hangs up once, then is a good proxy again. */
  | 'cut-once'
  /** Says nothing more, on any connection. */
  | 'stall'
  /** Sends bytes that are none of the server's, then hangs up; does so on every connection. */
  | 'garble';

export interface CuttingProxy {
  readonly port: number;
  /** Bytes of the server that were passed on. */
  readonly passed: number;
  close(): Promise<void>;
}

/** A TCP proxy in front of `port` on loopback that turns bad after `limit` bytes from the server. */
export async function startCuttingProxy(port: number, limit: number, mischief: Mischief): Promise<CuttingProxy> {
  let passed = 0;
  let hasCut = false;
  const sockets = new Set<Socket>();
  const misbehave = (client: Socket): void => {
    hasCut = true;
    switch (mischief) {
      case 'die':
      case 'cut-once':
        client.destroy();
        break;
      case 'garble':
        client.end(Buffer.from('\u0000\uFFFF<Envelope>HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n</', 'utf8'));
        break;
      case 'stall':
        break;
      default:
        mischief satisfies never;
    }
  };
  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => {});
    const isDone = hasCut && mischief !== 'cut-once';
    if (isDone) {
      misbehave(client);
      return;
    }
    const upstream = connect(port, '127.0.0.1');
    sockets.add(upstream);
    upstream.on('error', () => client.destroy());
    upstream.on('end', () => client.end());
    client.on('data', (data) => upstream.write(data));
    client.on('close', () => upstream.destroy());
    upstream.on('data', (data: Buffer) => {
      const isSpent = hasCut && mischief === 'cut-once';
      const left = isSpent ? data.length : Math.max(0, limit - passed);
      if (hasCut && !isSpent) return;
      client.write(data.subarray(0, left));
      passed += Math.min(left, data.length);
      if (left < data.length) misbehave(client);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get passed() {
      return passed;
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
