/* A client's and a server's runspace pool that talk in memory, in chunks of any size. */
import { randomUUID } from 'node:crypto';
import {
  type ClientEvent,
  ClientRunspacePool,
  type ClientRunspacePoolOptions,
  type Guid,
  type ServerEvent,
  ServerRunspacePool,
  type ServerRunspacePoolOptions,
} from '@exchange-connector/psrp';

export const freshGuid = (): Guid => randomUUID() as Guid;

export interface PairOptions {
  readonly client?: Partial<ClientRunspacePoolOptions>;
  readonly server?: ServerRunspacePoolOptions;
  /** Bytes handed over at a time; default: as taken. */
  readonly chunkBytes?: number;
  /** Bytes taken at a time; default 100,000. */
  readonly takeBytes?: number;
}

export class MemoryPair {
  readonly client: ClientRunspacePool;
  readonly server: ServerRunspacePool;
  readonly clientEvents: ClientEvent[] = [];
  readonly serverEvents: ServerEvent[] = [];
  readonly #options: PairOptions;
  readonly #targets: (Guid | 'pool')[] = ['pool'];
  /** What the owner of the server does about its events. */
  onServerEvent: (event: ServerEvent) => void = (event) => {
    if (event.kind === 'poolOpening') this.server.openPool();
  };

  constructor(options: PairOptions = {}) {
    this.#options = options;
    this.client = new ClientRunspacePool({ id: freshGuid(), ...options.client });
    this.server = new ServerRunspacePool(options.server);
  }

  addTarget(id: Guid): void {
    this.#targets.push(id);
  }

  /** Hands everything over until both are silent. */
  pump(): void {
    const { takeBytes = 100_000 } = this.#options;
    for (let isMoving = true; isMoving; ) {
      isMoving = false;
      for (const target of this.#targets) {
        for (
          let bytes = this.client.takeOutgoing(target, takeBytes);
          bytes;
          bytes = this.client.takeOutgoing(target, takeBytes)
        ) {
          isMoving = true;
          for (const chunk of this.#chunks(bytes)) this.#toServer(target, chunk);
        }
        for (
          let bytes = this.server.takeOutgoing(target, takeBytes);
          bytes;
          bytes = this.server.takeOutgoing(target, takeBytes)
        ) {
          isMoving = true;
          for (const chunk of this.#chunks(bytes)) this.clientEvents.push(...this.client.receive(target, chunk));
        }
      }
    }
  }

  #toServer(target: Guid | 'pool', chunk: Uint8Array): void {
    for (const event of this.server.receive(target, chunk)) {
      this.serverEvents.push(event);
      this.onServerEvent(event);
    }
  }

  *#chunks(bytes: Uint8Array): Iterable<Uint8Array> {
    const size = this.#options.chunkBytes ?? bytes.length;
    for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
  }

  /** Opens the pool and forgets the events of that. */
  open(): this {
    this.client.open();
    this.pump();
    this.clientEvents.length = 0;
    this.serverEvents.length = 0;
    return this;
  }

  /** Starts a pipeline of one command and hands it over. */
  start(request: Parameters<ClientRunspacePool['startPipeline']>[1], hasInput = false): Guid {
    const id = freshGuid();
    this.addTarget(id);
    this.client.startPipeline(id, request, { hasInput });
    this.pump();
    return id;
  }
}
