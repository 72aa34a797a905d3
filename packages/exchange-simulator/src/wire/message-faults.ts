/* The faults that are due on one message, done to it on its way through the HTTP layer. */
import type { ResponseBody } from '@exchange-connector/wsman/codec';
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { countMailboxes, damageBase64, damageBytes, damageEnvelope, damageFragment } from '../faults/answer-damage.ts';
import type { DueFault, FaultPlayer } from '../faults/fault-player.ts';
import type { BreakKind, FaultAction, FaultStage, MessageKind } from '../faults/fault-script.ts';
import { createRefused, faultOfCode, operationsExceeded, type ServiceFault, tooManyShells } from './faults.ts';
import { htmlPage, type Outgoing, sendWhole, writeHead } from './outgoing.ts';
import { budgetSpent, type PoolRefusal, tooManyConnections } from './throttling.ts';

/** What the faults of a request ask of the service. */
export interface CallFaults {
  /** The request came to another back end. */
  misrouted: boolean;
  /** The answer, whatever was asked. */
  refusal: ServiceFault | undefined;
  /** How the pool of a new shell breaks. */
  poolRefusal: PoolRefusal | undefined;
  /** The micro-delay of a command. */
  microDelayMs: number;
}

/** The part of a message's faults that ends its connection. */
interface Break {
  readonly how: BreakKind;
  /** Bytes of the body that go first; undefined: nothing at all. */
  readonly bytes: number | undefined;
}

function stageOf(action: FaultAction): FaultStage | undefined {
  return 'stage' in action ? action.stage : undefined;
}

/** Whether an action is done before the request is handled. */
function isEarly({ action, onAnswer }: DueFault): boolean {
  const stage = stageOf(action);
  return !onAnswer && (stage === undefined || stage.kind === 'before');
}

export class MessageFaults {
  readonly call: CallFaults = { misrouted: false, refusal: undefined, poolRefusal: undefined, microDelayMs: 0 };
  readonly #kind: MessageKind;
  readonly #player: FaultPlayer;
  readonly #due: readonly DueFault[];
  readonly #socket: Socket;
  readonly #response: ServerResponse;
  readonly #gone: AbortSignal;

  constructor(
    kind: MessageKind,
    met: { readonly player: FaultPlayer; readonly due: readonly DueFault[] },
    exchange: { readonly socket: Socket; readonly response: ServerResponse; readonly gone: AbortSignal },
  ) {
    this.#kind = kind;
    this.#player = met.player;
    this.#due = met.due;
    this.#socket = exchange.socket;
    this.#response = exchange.response;
    this.#gone = exchange.gone;
  }

  /** What happens before the request is handled. False where it is not to be handled any more. */
  async before(shellId: string | undefined): Promise<boolean> {
    for (const fault of this.#due) {
      if (!isEarly(fault)) continue;
      if (!(await this.#early(fault.action, shellId))) return false;
    }
    return true;
  }

  async #early(action: FaultAction, shellId: string | undefined): Promise<boolean> {
    switch (action.kind) {
      case 'drop':
      case 'reset':
      case 'half-close':
      case 'stall':
        this.#break(action.kind);
        return false;
      case 'delay':
        return await this.#delay(action.milliseconds);
      case 'http':
        sendWhole(this.#response, htmlPage(action.status, STATUS_CODES[action.status] ?? 'Error'));
        return false;
      case 'disconnect':
      case 'die':
        this.#player.actAlone(action);
        return false;
      case 'forget':
        if (action.what === 'shell' && shellId !== undefined) this.#player.forgetShell(shellId);
        else this.#player.actAlone(action);
        return true;
      case 'lag':
      case 'change':
        this.#player.actAlone(action);
        return true;
      default:
        this.#setCall(action);
        return true;
    }
  }

  #setCall(action: FaultAction): void {
    switch (action.kind) {
      case 'misroute':
        this.call.misrouted = true;
        return;
      case 'refuse':
        this.call.refusal = createRefused();
        return;
      case 'fault':
        this.call.refusal = faultOfCode(action.code);
        return;
      case 'throttle':
        this.#throttle(action);
        return;
      default:
        // The rest is done to the answer.
        return;
    }
  }

  #throttle(action: Extract<FaultAction, { kind: 'throttle' }>): void {
    switch (action.by) {
      case 'operations':
        this.call.refusal = operationsExceeded();
        return;
      case 'shells':
        this.call.refusal = tooManyShells(action.most);
        return;
      case 'connections':
        this.call.poolRefusal = tooManyConnections(action.most);
        return;
      case 'budget':
        this.call.poolRefusal = budgetSpent(Math.ceil(action.milliseconds / 1000));
        return;
      case 'delay':
        this.call.microDelayMs = action.milliseconds;
        return;
    }
  }

  async #delay(milliseconds: number): Promise<boolean> {
    return await wait(milliseconds, true, { signal: this.#gone }).catch(() => false);
  }

  #has(kind: 'lose-cookie' | 'renew-cookie'): boolean {
    return this.#due.some(({ action }) => action.kind === kind);
  }
  get losesCookie(): boolean {
    return this.#has('lose-cookie');
  }
  get renewsCookie(): boolean {
    return this.#has('renew-cookie');
  }

  /** Damage to what the answer says. */
  onBody(body: ResponseBody): ResponseBody {
    const hasStreams = body.kind === 'received' && body.streams.length > 0;
    let damaged = body;
    for (const { action } of this.#due) {
      if (action.kind !== 'corrupt' || (action.what !== 'fragment' && action.what !== 'base64')) continue;
      if (!hasStreams) this.#player.putOff(action);
      else if (action.what === 'fragment') damaged = damageFragment(damaged);
    }
    return damaged;
  }

  /** Damage to the envelope, before it is sealed. */
  onEnvelope(envelope: Buffer, body: ResponseBody): Buffer {
    const hasStreams = body.kind === 'received' && body.streams.length > 0;
    let damaged = envelope;
    for (const { action } of this.#due) {
      if (action.kind === 'truncate')
        damaged = damaged.subarray(
          0,
          action.stage?.kind === 'at' ? action.stage.bytes : Math.floor(damaged.length / 2),
        );
      else if (action.kind === 'corrupt' && action.what === 'base64' && hasStreams) damaged = damageBase64(damaged);
      else if (action.kind === 'corrupt' && action.what === 'envelope') damaged = damageEnvelope(damaged);
    }
    return damaged;
  }

  /** Damage to what goes over the wire. */
  onBytes(bytes: Buffer): Buffer {
    const isDamaged = this.#due.some(({ action }) => action.kind === 'corrupt' && action.what === 'body');
    return isDamaged ? damageBytes(bytes) : bytes;
  }

  /** Sends the answer as far as it is to go. */
  async deliver(outgoing: Outgoing, body: ResponseBody | undefined): Promise<void> {
    const met = this.#player.answer({
      kind: this.#kind,
      bytes: outgoing.body.length,
      mailboxes: () => (body === undefined ? 0 : countMailboxes(body)),
    });
    let answer = outgoing;
    let end: Break | undefined;
    for (const fault of [...this.#due.filter((due) => !isEarly(due)), ...met]) {
      const { action } = fault;
      switch (action.kind) {
        case 'drop':
        case 'reset':
        case 'half-close':
        case 'stall':
          end ??= { how: action.kind, bytes: breakAt(fault, answer.body.length) };
          break;
        case 'delay':
          if (!(await this.#delay(action.milliseconds))) return;
          break;
        case 'http':
          answer = htmlPage(action.status, STATUS_CODES[action.status] ?? 'Error');
          break;
        default:
          this.#player.actAlone(action);
      }
    }
    if (end === undefined) sendWhole(this.#response, answer);
    else await this.#sendPart(answer, end);
  }

  async #sendPart(answer: Outgoing, end: Break): Promise<void> {
    const { how, bytes } = end;
    if (bytes === undefined || this.#response.destroyed) return this.#break(how);
    if (bytes >= answer.body.length) {
      this.#response.once('finish', () => this.#break(how));
      return sendWhole(this.#response, answer);
    }
    writeHead(this.#response, answer);
    this.#response.flushHeaders();
    const written = Promise.withResolvers<void>();
    const part = answer.body.subarray(0, bytes);
    if (part.length > 0) this.#response.write(part, () => written.resolve());
    else this.#socket.write('', () => written.resolve());
    this.#gone.addEventListener('abort', () => written.resolve());
    await written.promise;
    this.#break(how);
  }

  #break(how: BreakKind): void {
    const socket = this.#socket;
    switch (how) {
      case 'drop':
        socket.destroy();
        return;
      case 'reset':
        // A TLS socket cannot be reset through its face; the other side sees its end without a notice.
        if ('encrypted' in socket) socket.destroy();
        else socket.resetAndDestroy();
        return;
      case 'half-close':
        socket.end();
        return;
      case 'stall':
        return;
    }
  }
}

function breakAt(fault: DueFault, length: number): number | undefined {
  const stage = stageOf(fault.action);
  if (stage === undefined) return fault.atByte;
  if (stage.kind === 'at') return stage.bytes;
  return stage.kind === 'halfway' ? Math.floor(length / 2) : undefined;
}
