/*
 * Plays a fault script: counts what comes and goes, and says which rules are due. What they do is done where
 * the message is handled; what needs no message is done by the host.
 */
import {
  actsAlone,
  actsOnAnswer,
  type ChangeKind,
  type FaultAction,
  type FaultPlace,
  type FaultRule,
  formatRule,
  type MessageKind,
  suits,
} from './fault-script.ts';

/** What a script can do to the server as a whole. */
export interface FaultHost {
  /** Ends the listener, all connections and all shells; listens again on the same port after that time, if any. */
  die(comeBackAfterMs: number | undefined): void;
  /** Ends all connections; shells live. */
  disconnect(): void;
  /** Ends a shell, or all of them, without a word to its client. */
  forget(shellId: string | undefined): void;
  /** Lets a domain controller apply changes that much later. */
  lag(domainController: string, milliseconds: number): void;
  /** Makes changes of that kind in the organisation. */
  change(change: ChangeKind, count: number): void;
}

/** What is known of an answer when its faults are asked for. */
export interface AnswerFacts {
  readonly kind: MessageKind;
  /** Bytes of the body. */
  readonly bytes: number;
  /** Mailboxes that begin in it; counted only when asked. */
  readonly mailboxes: () => number;
}

/** An action that is due on a message. */
export interface DueFault {
  readonly action: FaultAction;
  /** For a place that counts bytes: where in this answer it lies. */
  readonly atByte: number | undefined;
  /** True where the place was met only as the answer was made. */
  readonly onAnswer: boolean;
}

interface RuleState {
  readonly rule: FaultRule;
  /** Times that the place was met without a message that the action can act on. */
  held: number;
  /** A place that is met once has been met. */
  spent: boolean;
  /** Periods of a repeating time that have been acted on. */
  periods: number;
}

const mostFired = 10_000;

export interface FaultPlayerOptions {
  readonly host: FaultHost;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Takes a line for each fault that fires. */
  readonly tell: (line: string) => void;
}

export class FaultPlayer {
  /** The latest faults that fired, a line each, in their order. */
  readonly fired: string[] = [];
  readonly #options: FaultPlayerOptions;
  readonly #states: readonly RuleState[];
  readonly #counts = new Map<MessageKind | 'message', number>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #start: number;
  readonly #countsMailboxes: boolean;
  #bytes = 0;
  #mailboxes = 0;

  constructor(rules: readonly FaultRule[], options: FaultPlayerOptions) {
    this.#options = options;
    this.#start = options.now();
    this.#states = rules.map((rule) => ({ rule, held: 0, spent: false, periods: 0 }));
    this.#countsMailboxes = rules.some(({ place }) => place.kind === 'sent' && place.unit === 'mailbox');
    for (const state of this.#states) this.#startTimer(state);
  }

  /** Ends the timers. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.length = 0;
  }

  /** What needs no message happens at its time by itself. */
  #startTimer(state: RuleState): void {
    const { place, action } = state.rule;
    if (place.kind !== 'time' || !actsAlone(action)) return;
    state.spent = true;
    const act = (): void => {
      this.#tell(state.rule, 'by the clock');
      this.actAlone(action);
    };
    const timer = place.repeats ? setInterval(act, place.milliseconds) : setTimeout(act, place.milliseconds);
    timer.unref();
    this.#timers.push(timer);
  }

  /** Does what an action does to the server as a whole; false where it is none of these. */
  actAlone(action: FaultAction): boolean {
    const { host } = this.#options;
    switch (action.kind) {
      case 'die':
        host.die(action.milliseconds);
        return true;
      case 'disconnect':
        host.disconnect();
        return true;
      case 'lag':
        host.lag(action.domainController, action.milliseconds);
        return true;
      case 'change':
        host.change(action.change, action.count);
        return true;
      case 'forget':
        if (action.what === 'shell') return false;
        host.forget(undefined);
        return true;
      default:
        return false;
    }
  }

  /** Ends one shell without a word. */
  forgetShell(shellId: string): void {
    this.#options.host.forget(shellId);
  }

  #count(kind: MessageKind | 'message'): number {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    return count;
  }

  #tell(rule: FaultRule, where: string): void {
    const line = `${formatRule(rule)} — ${where}`;
    this.fired.push(line);
    if (this.fired.length > mostFired) this.fired.shift();
    this.#options.tell(line);
  }

  /** Counts a request, and gives what is due on it, in the order of the script. */
  meet(kind: MessageKind): DueFault[] {
    const number = this.#count('message');
    const ofKind = this.#count(kind);
    const where = `at ${kind} ${ofKind}, message ${number}`;
    const due: DueFault[] = [];
    for (const state of this.#states) {
      const { action, place } = state.rule;
      if (this.#isMet(state, { kind, number, ofKind })) state.held += 1;
      if (state.held === 0 || !suits(action, kind)) continue;
      state.held -= 1;
      this.#tell(state.rule, where);
      due.push({ action, atByte: undefined, onAnswer: place.kind === 'sent' && actsOnAnswer(action) });
    }
    return due;
  }

  #isMet(state: RuleState, message: { kind: MessageKind; number: number; ofKind: number }): boolean {
    if (state.spent) return false;
    const { place } = state.rule;
    switch (place.kind) {
      case 'messages': {
        const number = this.#numberOf(place.of, message);
        if (number !== undefined && number >= place.last) state.spent = true;
        return number !== undefined && number >= place.first && number <= place.last;
      }
      case 'everyMessage': {
        const number = this.#numberOf(place.of, message);
        return number !== undefined && number % place.step === 0;
      }
      case 'time':
        return this.#isTimeMet(state, place);
      case 'sent':
        return false;
    }
  }

  #numberOf(
    of: MessageKind | 'message',
    message: { kind: MessageKind; number: number; ofKind: number },
  ): number | undefined {
    if (of === 'message') return message.number;
    return of === message.kind ? message.ofKind : undefined;
  }

  #isTimeMet(state: RuleState, place: Extract<FaultPlace, { kind: 'time' }>): boolean {
    const passed = this.#options.now() - this.#start;
    if (!place.repeats) {
      state.spent = passed >= place.milliseconds;
      return state.spent;
    }
    // A message after a long silence meets it once, however many periods have passed.
    const periods = Math.floor(passed / place.milliseconds);
    if (periods <= state.periods) return false;
    state.periods = periods;
    return true;
  }

  /** Counts an answer that has been made; gives what is due on it now, and leaves the rest to later requests. */
  answer(facts: AnswerFacts): DueFault[] {
    const before = { byte: this.#bytes, mailbox: this.#mailboxes };
    this.#bytes += facts.bytes;
    if (this.#countsMailboxes) this.#mailboxes += facts.mailboxes();
    const after = { byte: this.#bytes, mailbox: this.#mailboxes };
    const due: DueFault[] = [];
    for (const state of this.#states) {
      const { place, action } = state.rule;
      if (place.kind !== 'sent' || state.spent) continue;
      const { unit, amount, repeats } = place;
      const target = repeats ? (Math.floor(before[unit] / amount) + 1) * amount : amount;
      if (after[unit] < target) continue;
      state.spent = !repeats;
      if (!actsOnAnswer(action) || !suits(action, facts.kind)) {
        state.held += 1;
        continue;
      }
      this.#tell(
        state.rule,
        `in the answer to ${facts.kind} ${this.#counts.get(facts.kind) ?? 0}, message ${this.#counts.get('message') ?? 0}`,
      );
      due.push({ action, atByte: unit === 'byte' ? target - before.byte : undefined, onAnswer: true });
    }
    return due;
  }

  /** Puts an action off to the next message that it can act on, where the answer turned out not to be one. */
  putOff(action: FaultAction): void {
    const state = this.#states.find((candidate) => candidate.rule.action === action);
    if (state === undefined) return;
    state.held += 1;
    this.#tell(state.rule, 'put off: this answer has nothing that it acts on');
  }
}
