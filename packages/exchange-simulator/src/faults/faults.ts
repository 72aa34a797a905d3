/* The faults of one simulator: its counters, which run always, and the script that plays, if any. */
import { type DueFault, type FaultHost, FaultPlayer } from './fault-player.ts';
import { type MessageKind, messageKinds } from './fault-script.ts';
import { parseFaultScript } from './parse-fault-script.ts';

/** What has come and gone since the start of the simulator. */
export interface MessageCounts {
  /** Requests by kind, those of authentication (`login`) included. */
  readonly messages: Readonly<Record<MessageKind, number>>;
  /** Bytes of the bodies of all answers. */
  readonly answerBytes: number;
}

export interface FaultsOptions {
  readonly host: FaultHost;
  readonly tell: (line: string) => void;
  readonly now?: () => number;
}

const zero = (): Record<MessageKind, number> =>
  Object.fromEntries(messageKinds.map((kind) => [kind, 0])) as Record<MessageKind, number>;

/** Where nothing comes over HTTP. */
export const noCounts: MessageCounts = { messages: zero(), answerBytes: 0 };

export class Faults {
  readonly #options: FaultsOptions;
  readonly #messages = zero();
  #answerBytes = 0;
  #player: FaultPlayer | undefined;

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  /**
   * Plays another script from now on, or none.
   * @throws SimulatorError SIMULATOR_FAULT_SCRIPT_INVALID: the script before it goes on
   */
  set(script: string | undefined): void {
    const rules = script === undefined ? [] : parseFaultScript(script);
    this.#player?.stop();
    const { host, tell, now = () => performance.now() } = this.#options;
    this.#player = rules.length === 0 ? undefined : new FaultPlayer(rules, { host, tell, now });
  }

  /** A line for each fault of the present script that has fired. */
  get fired(): readonly string[] {
    return [...(this.#player?.fired ?? [])];
  }

  get counts(): MessageCounts {
    return { messages: { ...this.#messages }, answerBytes: this.#answerBytes };
  }

  /** Counts a request. What is due on it, if anything can be. */
  meet(kind: MessageKind): { readonly player: FaultPlayer; readonly due: readonly DueFault[] } | undefined {
    this.#messages[kind] += 1;
    return this.#player === undefined ? undefined : { player: this.#player, due: this.#player.meet(kind) };
  }

  countAnswer(bytes: number): void {
    this.#answerBytes += bytes;
  }

  stop(): void {
    this.#player?.stop();
    this.#player = undefined;
  }
}
