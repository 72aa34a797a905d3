/* A listening server that can lose its connections, die, and come back on the same port. */
import type { AddressInfo, Server, Socket } from 'node:net';
import { SimulatorError } from '../errors.ts';
import type { LogLine } from '../log.ts';

/** How long a port that something else holds meanwhile is waited for before it is tried again. */
const retryMs = 100;

export class Listener {
  readonly #server: Server;
  readonly #log: LogLine;
  readonly #connections = new Set<Socket>();
  #port = 0;
  #returning: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(server: Server, log: LogLine) {
    this.#server = server;
    this.#log = log;
    server.on('connection', (socket: Socket) => {
      this.#connections.add(socket);
      socket.on('close', () => this.#connections.delete(socket));
    });
  }

  /**
   * Listens on 127.0.0.1.
   * @returns the port
   * @throws SimulatorError SIMULATOR_LISTEN_FAILED
   */
  async listen(port: number): Promise<number> {
    try {
      await this.#listen(port);
    } catch (cause) {
      throw new SimulatorError(
        'SIMULATOR_LISTEN_FAILED',
        `starting the simulator: listening on 127.0.0.1 port ${port}: ${(cause as Error).message}; choose another port with --port`,
        { cause },
      );
    }
    this.#port = (this.#server.address() as AddressInfo).port;
    return this.#port;
  }

  #listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const onError = (cause: Error): void => {
        this.#server.off('listening', onListening);
        reject(cause);
      };
      const onListening = (): void => {
        this.#server.off('error', onError);
        resolve();
      };
      this.#server.once('error', onError);
      this.#server.once('listening', onListening);
      this.#server.listen(port, '127.0.0.1');
    });
  }

  /** Ends all connections. */
  disconnect(): void {
    for (const socket of this.#connections) socket.destroy();
  }

  /** Listens no more, and ends all connections; comes back on the same port after that time, if any. */
  die(comeBackAfterMs: number | undefined): void {
    if (this.#closed) return;
    clearTimeout(this.#returning);
    this.#server.close();
    this.disconnect();
    // Where it does not come back, it is still there: its process does not end for want of something to wait for.
    if (comeBackAfterMs === undefined) this.#returning = setTimeout(() => {}, 2_147_483_647);
    else this.#comeBackIn(comeBackAfterMs);
  }

  #comeBackIn(milliseconds: number): void {
    this.#returning = setTimeout(() => {
      this.#listen(this.#port).then(
        () => (this.#closed ? void this.#server.close() : this.#log('Information', `listening again on ${this.#port}`)),
        (error: Error) => {
          this.#log('Warning', `coming back on port ${this.#port}: ${error.message}; trying again`);
          if (!this.#closed) this.#comeBackIn(retryMs);
        },
      );
    }, milliseconds);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#returning);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.disconnect();
    await closed;
  }
}
