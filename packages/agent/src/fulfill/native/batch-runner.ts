/*
 * A batch of orders, planned and carried out in rounds:
 *
 *   open steps settled ─► plan ─► steps, one after the other ─► orders answered
 *         ▲                                    │
 *         └──── session lost, or objects that moved: what is not answered is read again and planned anew
 *
 * An order that fails after some of its steps takes them back, so that an errored order leaves things as they were.
 */
import type { ExceededThreshold, ObjectIdentity, Plan, PlannedOrder, Step } from '@exchange-connector/connector';
import { errored, inOneLine, type OrderOutcome } from '../outcome.ts';
import { SessionLostError } from './batch-session.ts';
import { PlanLookup } from './plan-lookup.ts';
import { type BegunLine, standingSteps, type StepHistory } from './run-journal.ts';
import { StepRunner, type StepRunnerParts, stepOfInverse } from './step-runner.ts';

/** What plans the orders of a batch that are not answered yet. */
export interface BatchWork {
  /** The orders' places, from 1. */
  readonly orders: readonly number[];
  /**
   * @param begun places of orders some of whose steps were carried out already
   * @throws SessionLostError
   */
  plan(unanswered: readonly number[], begun: ReadonlySet<number>): Promise<Plan>;
  /** What an order calls its object, for one that is not there: `database new db 1`. */
  nameOf(order: number): string;
}

export interface BatchRunnerParts extends StepRunnerParts {
  readonly work: BatchWork;
  /** What is known from before: of a run that goes on, or of orders that another run carried out. */
  readonly answered: ReadonlyMap<number, OrderOutcome>;
  readonly history: readonly StepHistory[];
  /** A person has seen what the batch does: thresholds do not stop it. */
  readonly released: boolean;
  /** Why nothing more is to be done than to learn what became of open steps. */
  readonly giveUp?: string | undefined;
  readonly onAnswer: (order: number, outcome: OrderOutcome, answered: number) => void;
  readonly onWarning: (message: string) => void;
}

/** How a batch ended. Every order has its outcome. */
export interface BatchEnd {
  readonly outcomes: ReadonlyMap<number, OrderOutcome>;
  /** Not empty: nothing was carried out, a person has to release it. */
  readonly exceeded: readonly ExceededThreshold[];
  /** Why the batch could not go on; undefined where it came to its end. */
  readonly failure: unknown;
  /** True where it is not known what became of a step: the next command looks. */
  readonly isOpen: boolean;
}

/** A session that is lost so often without an order being done in between stays away. */
const mostLossesInARow = 5;
/** Objects that change so often while they are being worked on are left to whoever changes them. */
const mostMovesOfAnOrder = 4;

/** One order, while it is being worked on. */
interface OrderState {
  /** How often its object was found to be another than planned for. */
  moves: number;
  /** Its applied steps, the last one last. */
  readonly standing: BegunLine[];
  /** Set while it is not to be worked on any more in this round. */
  stopped: boolean;
  readonly remarks: string[];
}

/** Why an order is errored: our class, the server's reason and its identifier. */
interface Failure {
  readonly class: string;
  readonly reason: string;
  readonly errorId?: string | undefined;
}

export class BatchRunner {
  readonly #parts: BatchRunnerParts;
  readonly #steps: StepRunner;
  readonly #outcomes: Map<number, OrderOutcome>;
  readonly #states = new Map<number, OrderState>();
  readonly #open: BegunLine[];
  /** What was planned last: an order that was begun goes on with it, as long as its object is as the plan left it. */
  #lastPlan: Plan | undefined;
  #losses = 0;
  #rounds = 0;

  constructor(parts: BatchRunnerParts) {
    this.#parts = parts;
    this.#steps = new StepRunner(parts);
    this.#outcomes = new Map(parts.answered);
    this.#open = parts.history.filter(({ ended }) => ended === undefined).map(({ begun }) => begun);
    for (const [order, standing] of standingSteps(parts.history)) this.#state(order).standing.push(...standing);
    if (parts.history.length > 0) this.#lastPlan = parts.journal.readLastPlan();
  }

  #state(order: number): OrderState {
    const known = this.#states.get(order);
    if (known !== undefined) return known;
    const state: OrderState = { moves: 0, standing: [], stopped: false, remarks: [] };
    this.#states.set(order, state);
    return state;
  }

  get #unanswered(): number[] {
    return this.#parts.work.orders.filter((order) => !this.#outcomes.has(order));
  }

  /** Works until every order has its outcome. */
  async run(): Promise<BatchEnd> {
    let failure: unknown;
    let exceeded: readonly ExceededThreshold[] = [];
    const { giveUp } = this.#parts;
    const isDone = (): boolean => this.#open.length === 0 && (giveUp !== undefined || this.#unanswered.length === 0);
    try {
      while (!isDone() && exceeded.length === 0) {
        exceeded = await this.#roundOrReopen();
      }
    } catch (error) {
      failure = error;
    }
    const stop = exceeded.map(({ message }) => message).join('; ');
    const words = stop === '' ? giveUp : stop;
    const isNoted = this.#answerTheRest(
      failure ?? (words === undefined ? undefined : `not-allowed: not carried out: ${words}`),
    );
    return { outcomes: this.#outcomes, exceeded, failure, isOpen: this.#open.length > 0 || !isNoted };
  }

  async #roundOrReopen(): Promise<readonly ExceededThreshold[]> {
    const { session, signal } = this.#parts;
    try {
      return await this.#round();
    } catch (error) {
      if (!(error instanceof SessionLostError) || signal.aborted) throw error;
      this.#losses += 1;
      if (this.#losses > mostLossesInARow) throw error.cause;
      await session.reopen(error);
      return [];
    }
  }

  /** @returns the thresholds that stop the batch */
  async #round(): Promise<readonly ExceededThreshold[]> {
    const { session, journal, work, signal } = this.#parts;
    await session.ensure();
    const { server, domainController } = session;
    journal.note({ kind: 'session', server, domainController: domainController ?? null });
    await this.#settleOpenSteps();
    signal.throwIfAborted();
    if (this.#parts.giveUp !== undefined) return [];
    await this.#goOn();
    const unanswered = this.#unanswered;
    if (unanswered.length === 0) return [];
    const begun = new Set(unanswered.filter((order) => this.#state(order).standing.length > 0));
    const plan = await work.plan(unanswered, begun);
    this.#rounds += 1;
    const isUntouched = this.#rounds === 1 && this.#states.values().every(({ standing }) => standing.length === 0);
    if (isUntouched && !this.#parts.released && plan.exceeded.length > 0) return plan.exceeded;
    journal.notePlan(plan);
    this.#lastPlan = plan;
    await this.#carryOut(plan);
    return [];
  }

  /** Carries out what is left of orders that were begun; each step reads its object first. What moved is planned anew. */
  async #goOn(): Promise<void> {
    const plan = this.#lastPlan;
    this.#lastPlan = undefined;
    if (plan === undefined) return;
    this.#answerDone(plan);
    const unanswered = new Set(this.#unanswered);
    const left = plan.steps.filter((step) => unanswered.has(step.orderIndex) && !this.#stands(step));
    const begun = new Set([...unanswered].filter((order) => this.#state(order).standing.length > 0));
    // With those that they need.
    for (let before = -1; before !== begun.size; ) {
      before = begun.size;
      const needed = new Set(left.filter(({ orderIndex }) => begun.has(orderIndex)).flatMap(({ needs }) => needs));
      for (const { number, orderIndex } of left) if (needed.has(number)) begun.add(orderIndex);
    }
    const steps = left.filter(({ orderIndex }) => begun.has(orderIndex));
    if (steps.length === 0) return;
    const isPlanned = ({ order, decision }: PlannedOrder): boolean =>
      begun.has(order.index) && decision.kind === 'planned';
    const undone = left.filter(({ orderIndex }) => !begun.has(orderIndex)).map(({ number }) => number);
    await this.#carryOut({ ...plan, orders: plan.orders.filter(isPlanned), steps }, undone);
  }

  /** An order whose last step was the one that was interrupted has nothing left to do. */
  #answerDone(plan: Plan): void {
    const steps = Map.groupBy(plan.steps, ({ orderIndex }) => orderIndex);
    for (const { order, decision } of plan.orders) {
      if (decision.kind !== 'planned' || this.#outcomes.has(order.index)) continue;
      if ((steps.get(order.index) ?? []).every((step) => this.#stands(step)))
        this.#answer(order.index, executed([...decision.notes, ...this.#state(order.index).remarks]));
    }
  }

  #stands(step: Step): boolean {
    const { standing } = this.#state(step.orderIndex);
    if (standing.length === 0) return false;
    const text = JSON.stringify(step);
    return standing.some((begun) => JSON.stringify(begun.step) === text);
  }

  async #settleOpenSteps(): Promise<void> {
    for (let begun = this.#open[0]; begun !== undefined; begun = this.#open[0]) {
      const end = await this.#steps.settleOpen(begun);
      this.#open.shift();
      this.#parts.onWarning(
        `${begun.step.purpose}: it had been interrupted; its object was read again, and it was ${end === 'applied' ? 'done' : end === 'notApplied' ? 'not done' : 'done in part'}`,
      );
      if (end === 'notApplied') continue;
      const { standing } = this.#state(begun.order);
      const at = standing.findIndex(({ requestId }) => requestId === begun.takesBack);
      if (begun.takesBack === null) standing.push(begun);
      else if (end === 'applied' && at >= 0) standing.splice(at, 1);
    }
  }

  /** @param left numbers of steps that are not carried out now */
  async #carryOut(plan: Plan, left: readonly number[] = []): Promise<void> {
    for (const { order, decision } of plan.orders) {
      const state = this.#state(order.index);
      state.stopped = false;
      if (decision.kind === 'refused')
        await this.#fail(order.index, decision, state.standing.at(-1)?.ifRestFails ?? 'leave');
    }
    const lookup = new PlanLookup(plan, (entry) => this.#key(entry));
    const undone = new Set(left);
    for (const step of plan.steps) {
      const entry = lookup.order(step.orderIndex);
      if (entry === undefined || this.#outcomes.has(step.orderIndex) || this.#state(step.orderIndex).stopped) {
        undone.add(step.number);
        continue;
      }
      if (!(await this.#carryOutStep(step, entry, lookup, undone))) undone.add(step.number);
    }
    this.#answerIdle(lookup, Number.POSITIVE_INFINITY, undone.size === 0);
  }

  /**
   * Answers orders that find what they ask for already there. What earlier orders of the batch were to make of the
   * same object counts: where that was not done, they are planned anew.
   * @param before only orders with a lower index than this
   * @param isWhole everything that was planned is done
   * @param key only orders about this object
   * @returns false where an order has to be planned anew
   */
  #answerIdle(plan: PlanLookup, before: number, isWhole: boolean, key?: string): boolean {
    let isSettled = true;
    for (const { order, decision } of plan.idle(key)) {
      if (this.#outcomes.has(order.index) || order.index >= before) continue;
      const isSo = plan
        .actingBefore(order.index)
        .every((each) => this.#outcomes.get(each.order.index)?.state === 'Executed');
      isSettled &&= isSo || isWhole;
      if (!isSo && !isWhole) continue;
      const { standing, remarks } = this.#state(order.index);
      const nothing = standing.length > 0 ? [] : ['nothing was to be done: it is so already'];
      this.#answer(order.index, executed([...nothing, ...decision.notes, ...remarks]));
    }
    return isSettled;
  }

  /** What tells the objects of a plan apart; a database that is made, or not there, has no GUID. */
  #key({ order, decision: { kind, object } }: PlannedOrder): string {
    const isThere = object !== undefined && (kind === 'planned' || object.guid !== undefined);
    if (!isThere) return this.#parts.work.nameOf(order.index);
    return nameOf(object);
  }

  /** @returns false where the step was not carried out */
  async #carryOutStep(
    step: Step,
    entry: PlannedOrder,
    plan: PlanLookup,
    undone: ReadonlySet<number>,
  ): Promise<boolean> {
    const order = step.orderIndex;
    const state = this.#state(order);
    const missing = step.needs.find((number) => undone.has(number));
    if (missing !== undefined) {
      await this.#leaveOut(step, missing, plan);
      return false;
    }
    // A later order must not change the object before an earlier one has found it as it is.
    if (!this.#answerIdle(plan, order, false, plan.keyOf(order))) {
      state.stopped = true;
      return false;
    }
    if (this.#parts.signal.aborted && state.standing.length === 0) throw this.#parts.signal.reason;
    const rest = plan.stepsOf(order).filter((each) => each.number > step.number);
    const ifRestFails = rest.some(({ onFailure }) => onFailure === 'takeBack') ? 'takeBack' : 'leave';
    const outcome = await this.#guarded(() => this.#steps.run(step, { takesBack: null, ifRestFails }));
    switch (outcome.kind) {
      case 'applied':
        if (outcome.begun !== undefined) state.standing.push(outcome.begun);
        if (outcome.remark !== undefined) state.remarks.push(`the server reported all the same: ${outcome.remark}`);
        if (lastStepOf(entry) === step.number && entry.decision.kind === 'planned')
          this.#answer(order, executed([...entry.decision.notes, ...state.remarks]));
        return true;
      case 'moved':
        await this.#moved(order, outcome.reason, step.onFailure);
        return false;
      case 'failed':
        if (outcome.begun !== undefined) state.standing.push(outcome.begun);
        await this.#fail(order, outcome.error, step.onFailure);
        return false;
      default:
        return outcome satisfies never;
    }
  }

  /** A step that was sent when the session was lost is open: it is settled first in the next one. */
  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    const { journal } = this.#parts;
    const before = journal.openStep;
    try {
      return await work();
    } catch (error) {
      const open = journal.openStep;
      if (open !== undefined && open !== before) this.#open.push(open);
      throw error;
    }
  }

  async #leaveOut({ orderIndex: order, object, onFailure }: Step, missing: number, lookup: PlanLookup): Promise<void> {
    const needed = lookup.plan.steps.find(({ number }) => number === missing);
    const other = needed === undefined ? undefined : lookup.order(needed.orderIndex);
    const isDeferred = needed !== undefined && !this.#outcomes.has(needed.orderIndex);
    // An order that failed stops no other: a later one about the same object is planned on what there is.
    if (isDeferred || (needed !== undefined && nameOf(needed.object) === nameOf(object))) {
      // Not counted: who it waits for counts its own moves, or has been answered.
      this.#state(order).stopped = true;
      return;
    }
    const reason = `it needs what order ${other?.order.assignmentId ?? '?'} was to do before (${needed?.purpose ?? 'a step'}), which was not done`;
    await this.#fail(order, { class: 'conflict', reason }, onFailure);
  }

  /** The object is no longer what the plan was made for: it is planned anew, a few times. */
  async #moved(order: number, reason: string, onFailure: Step['onFailure']): Promise<void> {
    const state = this.#state(order);
    state.stopped = true;
    state.moves += 1;
    if (state.moves < mostMovesOfAnOrder) return;
    await this.#fail(order, { class: 'conflict', reason: `its object keeps changing: ${reason}` }, onFailure);
  }

  /** Answers an order that failed; what it did so far is taken back, where the plan says so. */
  async #fail(order: number, error: Failure, onFailure: Step['onFailure']): Promise<void> {
    const state = this.#state(order);
    state.stopped = true;
    const done = state.standing.map(({ step }) => step.purpose).join(', ');
    const words =
      done === ''
        ? ''
        : onFailure === 'takeBack'
          ? await this.#takeBack(order, state)
          : `; what it had done before stands (${done}): send it again to have the rest done`;
    const id = error.errorId ?? '';
    const shownId = id === '' || error.reason.includes(id) ? '' : ` [${id}]`;
    this.#answer(order, errored(inOneLine(`${error.class}: ${error.reason}${shownId}${words}`)));
  }

  /** @returns what to say of it */
  async #takeBack(order: number, state: OrderState): Promise<string> {
    const failures: string[] = [];
    while (state.standing.length > 0 && failures.length === 0) {
      const begun = state.standing.at(-1) as BegunLine;
      const { inverse } = begun.step;
      if (inverse.kind === 'impossible') {
        failures.push(`${begun.step.purpose}: ${inverse.reason}`);
        break;
      }
      for (const [at, call] of inverse.calls.entries()) {
        const numbering = { number: begun.step.number, orderIndex: order };
        const isLast = at === inverse.calls.length - 1;
        const back = stepOfInverse(call, begun.step, numbering, { kind: 'impossible', reason: 'it takes a step back' });
        const outcome = await this.#guarded(() =>
          this.#steps.run(back, { takesBack: isLast ? begun.requestId : null, ifRestFails: 'leave' }),
        );
        if (outcome.kind === 'applied') continue;
        const reason = outcome.kind === 'moved' ? outcome.reason : outcome.error.reason;
        failures.push(`${call.purpose}: ${reason}`);
        break;
      }
      if (failures.length === 0) state.standing.pop();
    }
    if (failures.length === 0) return '; what the order had done before was taken back';
    const left = state.standing.map(({ step }) => step.purpose).join(', ');
    return `; what the order had done before stands (${left}), as it could not be taken back: ${failures.join('; ')}`;
  }

  #answer(order: number, outcome: OrderOutcome): void {
    const told = { state: outcome.state, message: this.#parts.redact(inOneLine(outcome.message)) };
    this.#parts.journal.note({ kind: 'answer', order, ...told });
    this.#outcomes.set(order, told);
    this.#losses = 0;
    this.#parts.onAnswer(order, told, this.#outcomes.size);
  }

  /**
   * The batch did not come to its end: says of each order what is known.
   * @param why an error, or the words for all of them
   * @returns false where the journal could not be told
   */
  #answerTheRest(why: unknown): boolean {
    const open = new Set(this.#open.map(({ order }) => order));
    let canNote = true;
    for (const order of this.#unanswered) {
      const standing = (this.#states.get(order)?.standing ?? []).map(({ step }) => step.purpose);
      const words = typeof why === 'string' ? why : wordsFor(why, open.has(order), standing);
      const told = errored(this.#parts.redact(inOneLine(words)));
      this.#outcomes.set(order, told);
      try {
        if (canNote) this.#parts.journal.note({ kind: 'answer', order, ...told, notDone: true });
      } catch {
        // What ended the batch may be that very disk; then the run stays unfinished, and the next command goes on.
        canNote = false;
      }
    }
    return canNote;
  }
}

function wordsFor(failure: unknown, isOpen: boolean, standing: readonly string[]): string {
  const why = failure instanceof Error ? failure.message : String(failure ?? 'the batch was stopped');
  if (isOpen)
    return `transient: outcome unknown: ${why}; the next fulfill of this connection reads the object and notes what became of it`;
  if (standing.length === 0) return `transient: not carried out: ${why}`;
  return `transient: carried out in part (${standing.join(', ')}): ${why}; send it again to have the rest done`;
}

/** What tells an object apart in a batch. */
function nameOf({ kind, guid, name }: ObjectIdentity): string {
  return `${kind} ${(kind === 'database' ? name : (guid ?? name)).toLowerCase()}`;
}

function executed(notes: readonly string[]): OrderOutcome {
  return { state: 'Executed', message: inOneLine([...new Set(notes)].join('; ')) };
}

function lastStepOf({ decision }: PlannedOrder): number | undefined {
  return decision.kind === 'planned' ? Math.max(...decision.steps) : undefined;
}
