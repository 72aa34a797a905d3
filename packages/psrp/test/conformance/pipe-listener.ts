/* A socket where the real client looks for a named pipe: it serves one client after the other. */
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freshGuid } from '../memory-pair.ts';

export class PipeListener {
  readonly name = `psrp-test-${process.pid}-${freshGuid().slice(0, 8)}`;
  readonly path = join(tmpdir(), `CoreFxPipe_${this.name}`);
  readonly #server: Server;

  private constructor(serve: (socket: Socket) => void) {
    this.#server = createServer(serve);
  }

  static async listen(serve: (socket: Socket) => void): Promise<PipeListener> {
    const listener = new PipeListener(serve);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    listener.#server.on('error', reject);
    listener.#server.listen(listener.path, resolve);
    await promise;
    return listener;
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
    rmSync(this.path, { force: true });
  }
}
