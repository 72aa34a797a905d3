/*
 * Packets over a transport: out-of-process framing, one packet a line.
 *
 *   Data(target) ─► DataAck     Command(id) ─► CommandAck     Signal(id) ─► SignalAck     Close(target) ─► CloseAck
 *
 * One Data is under way at a time, whatever its target: a real server works on packets concurrently, and
 * without that pipeline inputs get lost or overtaken by their end.
 */
import { formatPacket, type Guid, type Packet, PacketReader } from '@exchange-connector/psrp';
import { PowerShellProcessError } from '../errors.ts';
import type { PowerShellSessionLimits } from '../limits.ts';
import { printable } from '../process/text-tail.ts';
import { settledWithin } from '../waiting.ts';
import type { Transport } from './transport.ts';

type Target = Guid | 'pool';
type Request =
  | Extract<Packet, { kind: 'Data' }>
  | { readonly kind: 'Command' | 'Signal' | 'Close'; readonly target: Target };

interface Waiting {
  readonly kind: Packet['kind'];
  readonly target: Target;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  timer: NodeJS.Timeout | undefined;
  since: number;
}

/** How long the end of the process may lag behind the end of its output. */
const endLagMs = 2_000;

/** The packets of one session. After a failure every call fails with it. */
export class PacketLink {
  readonly #transport: Transport;
  readonly #limits: PowerShellSessionLimits;
  readonly #onData: (target: Target, data: Uint8Array) => void;
  readonly #onFailed: (error: PowerShellProcessError) => void;
  readonly #reader: PacketReader;
  readonly #waiting: Waiting[] = [];
  /** Resolved when all that came has been read. */
  readonly #drained: Promise<void>;
  #turn: Promise<void> = Promise.resolve();
  #failure: PowerShellProcessError | undefined;
  #phase: 'open' | 'run' | 'close' = 'open';
  #ending = false;
  #resumedAt = performance.now();

  constructor(
    transport: Transport,
    limits: PowerShellSessionLimits,
    on: { data: (target: Target, data: Uint8Array) => void; failed: (error: PowerShellProcessError) => void },
  ) {
    this.#transport = transport;
    this.#limits = limits;
    this.#onData = on.data;
    this.#onFailed = on.failed;
    this.#reader = new PacketReader(limits.maxLineBytes);
    this.#drained = new Promise((resolve) => transport.incoming.once('close', resolve));
    transport.incoming.on('data', (bytes: Buffer) => this.#receive(bytes));
    transport.incoming.once('end', () => void this.#peerEnded('its output ended'));
    transport.incoming.once('close', () => void this.#peerEnded('its output ended'));
    transport.incoming.on('error', (error) => void this.#peerEnded(error.message));
    transport.outgoing.on('error', (error) => void this.#peerEnded(error.message));
  }

  get failure(): PowerShellProcessError | undefined {
    return this.#failure;
  }

  get phase(): 'open' | 'run' | 'close' {
    return this.#phase;
  }

  set phase(phase: 'open' | 'run' | 'close') {
    this.#phase = phase;
  }

  /** Reads nothing more: the peer is held back by its full pipe. */
  pause(): void {
    this.#transport.incoming.pause();
  }

  resume(): void {
    if (!this.#transport.incoming.isPaused()) return;
    this.#resumedAt = performance.now();
    this.#transport.incoming.resume();
  }

  /** Sends a packet and waits for its acknowledgement. */
  exchange(packet: Request): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const kind = packet.kind === 'Data' ? 'DataAck' : (`${packet.kind}Ack` as Packet['kind']);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        kind,
        target: packet.target,
        resolve,
        reject,
        timer: undefined,
        since: performance.now(),
      };
      this.#waiting.push(waiting);
      this.#watch(waiting, this.#limits.acknowledgeTimeoutMs);
      this.#transport.outgoing.write(formatPacket(packet));
    });
  }

  /** Sends Data as they are given, one after the other, when those before have been acknowledged. */
  sendData(target: Target, take: () => { stream: 'stdin' | 'pr'; data: Uint8Array } | undefined): Promise<void> {
    const sending = this.#turn.then(async () => {
      for (let next = take(); next !== undefined; next = take()) await this.exchange({ kind: 'Data', target, ...next });
    });
    this.#turn = sending.catch(() => undefined);
    return sending;
  }

  /** Ends the session for this reason: what waits fails with it, and the peer is ended by force. */
  fail(error: PowerShellProcessError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#forsake(error);
    this.resume();
    this.#transport.destroy();
    this.#onFailed(error);
  }

  /** From now on the peer's end is no failure. */
  expectEnd(): void {
    this.#ending = true;
  }

  /** The session is over: what still waits, waits in vain. */
  dispose(reason: unknown): void {
    this.#ending = true;
    this.#forsake(reason);
  }

  #forsake(reason: unknown): void {
    for (const waiting of this.#waiting.splice(0)) {
      clearTimeout(waiting.timer);
      waiting.reject(reason);
    }
  }

  #watch(waiting: Waiting, milliseconds: number): void {
    waiting.timer = setTimeout(() => {
      // Who does not read cannot see an acknowledgement: only the time of reading counts.
      const reading = !this.#transport.incoming.isPaused();
      const left = Math.max(waiting.since, this.#resumedAt) + this.#limits.acknowledgeTimeoutMs - performance.now();
      if (!reading) this.#watch(waiting, this.#limits.acknowledgeTimeoutMs);
      else if (left > 1) this.#watch(waiting, left);
      else this.#tooLate(waiting);
    }, milliseconds);
  }

  #tooLate(waiting: Waiting): void {
    const seconds = this.#limits.acknowledgeTimeoutMs / 1000;
    const message = `waiting for the ${waiting.kind} of ${this.#transport.name}: nothing came within ${seconds} s${this.#transport.said()}`;
    this.fail(
      new PowerShellProcessError('POWERSHELL_TIMED_OUT', message, {
        phase: this.#phase,
        recovery: 'reopen-session',
      }),
    );
  }

  #receive(bytes: Uint8Array): void {
    if (this.#failure !== undefined) return;
    for (const packet of this.#reader.push(bytes)) {
      if (this.#failure !== undefined) return;
      this.#receivePacket(packet);
    }
    const { violation } = this.#reader;
    if (violation !== undefined)
      this.#invalid(
        `${printable(violation.message)}; a profile or a program that writes to standard output does this`,
        violation,
      );
  }

  #receivePacket(packet: Packet): void {
    switch (packet.kind) {
      case 'Data':
        this.#onData(packet.target, packet.data);
        return;
      case 'DataAck':
      case 'CommandAck':
      case 'CloseAck':
      case 'SignalAck': {
        const index = this.#waiting.findIndex(({ kind, target }) => kind === packet.kind && target === packet.target);
        const [waiting] = index < 0 ? [] : this.#waiting.splice(index, 1);
        clearTimeout(waiting?.timer);
        waiting?.resolve();
        return;
      }
      default:
        this.#invalid(`it sent a ${packet.kind}, which only clients send`);
    }
  }

  #invalid(what: string, cause?: unknown): void {
    const message = `the answer of ${this.#transport.name} cannot be read: ${what}${this.#transport.said()}`;
    this.fail(
      new PowerShellProcessError('POWERSHELL_RESPONSE_INVALID', message, {
        phase: this.#phase,
        recovery: 'reopen-session',
        cause,
      }),
    );
  }

  async #peerEnded(how: string): Promise<void> {
    if (this.#ending || this.#failure !== undefined) return;
    // What it said before it ended still counts.
    const gone = Promise.all([this.#transport.ended, this.#drained]).then(([words]) => words);
    const ended = await settledWithin(gone, endLagMs);
    if (this.#ending) return;
    const opening = this.#phase === 'open';
    const when = opening ? 'before a session was open' : 'in the middle of the session';
    const message = `${this.#transport.name} was lost ${when}: ${ended.kind === 'value' ? ended.value : how}${this.#transport.said()}`;
    this.fail(
      new PowerShellProcessError(opening ? 'POWERSHELL_NOT_OPENED' : 'POWERSHELL_ENDED', message, {
        phase: this.#phase,
        recovery: opening ? 'none' : 'reopen-session',
      }),
    );
  }
}
