/*
 * Steps that were carried out → a plan that takes them back, the last one first, each by its inverse. What another hand
 * has changed since is not overwritten: a call is planned only where the object is as the step left it, or as the calls
 * before it will leave it.
 */
import { failureOfCheck } from './check-state.ts';
import { freeFor, mailboxRead } from './checks.ts';
import { whereArchivesAre } from './database-inhabitants.ts';
import { undoRemove } from './database-removal.ts';
import { databaseRead, identityOf } from './database-steps.ts';
import type { Fields } from './field-value.ts';
import { linkedByHand, undoDisable } from './mailbox-reconnect.ts';
import type { LiveState, Read, ReadResult } from './live-state.ts';
import type { OrderHead } from './order.ts';
import { OrganisationView, textField } from './organisation-view.ts';
import { rightsTo } from './permissions.ts';
import type {
  Check,
  FulfillSettings,
  Inverse,
  InverseCall,
  ObjectIdentity,
  OrderDecision,
  Plan,
  Step,
} from './plan.ts';
import type { ReadsNeeded } from './plan-batch.ts';
import { protectingEntry } from './protection.ts';
import { ReadingNeeded, Refused } from './refused.ts';
import { isOfChain, standingOf } from './undone-chain.ts';
import { keysOf, UndoneState } from './undone-state.ts';

/** What a run did for one order. */
export interface CarriedOut {
  readonly order: OrderHead;
  /** The steps of the order that stand, in the order in which they were carried out. */
  readonly steps: readonly Step[];
}

/**
 * Plans to take back what orders of a run did.
 * @param orders those to be taken back; a step's `number` tells when it was carried out among all of them
 * @param live what was read so far; nothing at first
 * @param whole all that the run did, where `orders` are only some of its orders: who looks at one order alone could not
 *   tell an object that the undo of others led further back from one that another hand changed
 * @returns a plan whose orders are these, in the same order; or what has to be read before
 */
export function planUndo(
  orders: readonly CarriedOut[],
  live: LiveState,
  settings: FulfillSettings,
  whole: readonly CarriedOut[] = orders,
): Plan | ReadsNeeded {
  const refusals = new Map<number, Refused>();
  const history = whole.flatMap(({ steps }) => steps);
  for (;;) {
    const planner = new UndoPlanner(orders, live, settings, refusals, history);
    const result = planner.plan();
    if (result === undefined) continue;
    if (result.kind !== 'plan') return result;
    const rights = rightsTo(result.steps, live, settings.domainController);
    if (rights.kind === 'readsNeeded') return rights;
    if (rights.refusals.size === 0) return result;
    for (const [index, refusal] of rights.refusals) refusals.set(index, refusal);
  }
}

interface PlannedCall {
  readonly order: number;
  readonly of: Step;
  readonly call: InverseCall;
  /** How the call itself is taken back. */
  readonly inverse: Inverse;
}

class UndoPlanner {
  readonly #orders: readonly CarriedOut[];
  readonly #settings: FulfillSettings;
  readonly #view: OrganisationView;
  /** Orders that cannot be taken back; shared by the plannings of one undo. */
  readonly #refused: Map<number, Refused>;
  /** All steps of the run, of other orders too. */
  readonly #history: readonly Step[];
  /** By object: the steps that are undone already. */
  readonly #undone = new Map<string, ReadonlySet<Step>>();
  readonly #overlay = new UndoneState();
  readonly #calls: PlannedCall[] = [];
  readonly #planned = new Set<number>();
  #pending = false;
  /** An order was refused of which calls were planned before: what follows them is judged in the next planning. */
  #isSpoilt = false;

  constructor(
    orders: readonly CarriedOut[],
    live: LiveState,
    settings: FulfillSettings,
    refused: Map<number, Refused>,
    history: readonly Step[],
  ) {
    this.#orders = orders;
    this.#settings = settings;
    this.#view = new OrganisationView(live, settings.domainController);
    this.#refused = refused;
    this.#history = history;
  }

  /** `undefined`: something was refused, and the rest has to be planned without it. */
  plan(): Plan | ReadsNeeded | undefined {
    const known = this.#refused.size;
    const history = this.#orders
      .flatMap(({ order, steps }) => steps.map((step) => ({ order: order.index, step })))
      .sort((left, right) => right.step.number - left.step.number);
    for (const { order, step } of history) this.#takeBack(order, step);
    if (this.#refused.size > known) return undefined;
    if (this.#pending) return { kind: 'readsNeeded', reads: this.#view.missing };
    const steps = this.#calls.map((call, at) => stepOf(call, at + 1));
    const byOrder = Map.groupBy(steps, ({ orderIndex }) => orderIndex);
    const orders = this.#orders.map(({ order, steps: own }) => ({
      order,
      decision: this.#decision(order, own, byOrder.get(order.index) ?? []),
    }));
    return { kind: 'plan', domainController: this.#settings.domainController, orders, steps, exceeded: [] };
  }

  #takeBack(order: number, step: Step): void {
    if (this.#refused.has(order)) return;
    try {
      if (step.inverse.kind === 'impossible') {
        throw new Refused('not-allowed', `${step.purpose}: it cannot be taken back: ${step.inverse.reason}`);
      }
      this.#requireUnprotected(step.object);
      if (this.#isUndone(step)) return;
      const planned = step.cmdlet === 'New-MoveRequest' ? this.#moveBack(step) : step.inverse.calls;
      const calls = planned.map((call) => this.#linked(this.#located(call, step.object)));
      for (const call of calls) {
        if (!this.#isNeeded(call, step)) continue;
        requireForest(call, step);
        const inverse = this.#inverseOf(call, step, calls);
        this.#overlay.apply(call, step.object);
        this.#calls.push({ order, of: step, call, inverse });
        this.#planned.add(order);
      }
    } catch (error) {
      // What could not be read yet is not laid over: nothing that follows can be judged for good.
      if (error instanceof ReadingNeeded) this.#pending = true;
      else if (error instanceof Refused) {
        if (this.#pending || this.#isSpoilt) return;
        this.#refused.set(order, error);
        this.#isSpoilt = this.#planned.has(order);
      } else throw error;
    }
  }

  /** Whether the object is already as it was before an earlier step of the run, or before this one. */
  #isUndone(step: Step): boolean {
    if (!isOfChain(step)) return false;
    const { object } = step;
    const keys = keysOf(object);
    const id = `${object.kind} ${keys.join(' ')}`;
    let undone = this.#undone.get(id);
    if (undone === undefined) {
      const chain = this.#history
        .filter(
          (each) =>
            isOfChain(each) &&
            each.object.kind === object.kind &&
            keysOf(each.object).some((key) => keys.includes(key)),
        )
        .sort((left, right) => left.number - right.number);
      // As it is now: what this undo has planned so far is about later steps.
      const standing = standingOf(chain, object, (check) => failureOfCheck(check, this.#read(check)) === undefined);
      undone = new Set(chain.slice(standing ?? chain.length));
      this.#undone.set(id, undone);
    }
    return undone.has(step);
  }

  #read({ read }: Check): ReadResult {
    return { kind: 'read', objects: this.#view.objects(read) };
  }

  /**
   * How a call of the undo is taken back. What it takes away is told as it is by then, with all that has become of it
   * since; else the last of the calls that take a step back bears the step itself. An archive goes with its mailbox.
   */
  #inverseOf(call: InverseCall, step: Step, calls: readonly InverseCall[]): Inverse {
    const { object } = step;
    if (call.cmdlet === 'Disable-Mailbox' || call.cmdlet === 'Remove-MailboxDatabase') {
      const isMailbox = call.cmdlet === 'Disable-Mailbox';
      const read: Read = isMailbox ? mailboxRead(object) : databaseRead(object);
      const check: Check = { read, expect: { kind: 'fields', fields: {} } };
      const [live] = this.#overlay.objects(check, this.#view.objects(read));
      if (live === undefined) throw new Refused('conflict', `${object.name} is not there any more`);
      if (!isMailbox) return undoRemove(live);
      const free = freeFor(object, this.#view, this.#settings);
      return undoDisable(object, live, free, this.#settings.linkedDomainController);
    }
    const bearer = calls.findLast(({ parameters }) => parameters['Archive'] !== true);
    return { kind: 'calls', calls: call === bearer ? [forward(step)] : [], notes: [] };
  }

  /** Who lives in a database of the run is looked for where the database is by now. */
  #located(call: InverseCall, object: ObjectIdentity): InverseCall {
    if (!call.preconditions.some(({ read }) => read.kind === 'inhabitants')) return call;
    const [database] = this.#view.objects({ kind: 'database', identity: identityOf(object) });
    return { ...call, preconditions: whereArchivesAre(call.preconditions, database) };
  }

  /** The forest of a linked mailbox's account is known by the settings alone. */
  #linked(call: InverseCall): InverseCall {
    const { parameters } = call;
    if (call.cmdlet !== 'Connect-Mailbox' || !('LinkedMasterAccount' in parameters)) return call;
    const controller = this.#settings.linkedDomainController ?? parameters['LinkedDomainController'];
    if (controller === undefined) return call;
    return { ...call, parameters: { ...parameters, LinkedDomainController: controller } };
  }

  /** @throws Refused where the object is neither as the step left it nor as it was before, or before an earlier step */
  #isNeeded(call: InverseCall, step: Step): boolean {
    // All that may be asked is asked at once: each round of reading is a way to the server.
    this.#view.objectsOfAll([...call.preconditions, ...call.expectation].map(({ read }) => read));
    if (call.expectation.length > 0 && this.#failure(call.expectation) === undefined) return false;
    const failure = this.#failure(call.preconditions);
    if (failure === undefined) return true;
    const before = this.#fieldsBefore(step);
    if (before === 'gone' || (before.size > 0 && this.#failure(call.expectation, before) === undefined)) return false;
    const other = this.#failure(call.preconditions, before) ?? failure;
    throw new Refused('conflict', `${step.object.name} was changed since: ${other}`);
  }

  /** The fields of the object that are already as they were before an earlier step of the run; or it made the object. */
  #fieldsBefore({ object, number }: Step): ReadonlySet<string> | 'gone' {
    const keys = new Set(keysOf(object));
    const fields = new Set<string>();
    for (const step of this.#history) {
      if (step.number >= number || step.inverse.kind === 'impossible') continue;
      if (step.object.kind !== object.kind || !keysOf(step.object).some((key) => keys.has(key))) continue;
      for (const { expectation, after } of step.inverse.calls) {
        if (expectation.length === 0 || this.#failure(expectation) !== undefined) continue;
        if (expectation.some(({ read, expect }) => expect.kind === 'absent' && read.kind === object.kind))
          return 'gone';
        for (const name of Object.keys(after)) fields.add(name);
      }
    }
    return fields;
  }

  /** @param without fields that are not looked at */
  #failure(checks: readonly Check[], without: ReadonlySet<string> = new Set()): string | undefined {
    for (const each of checks) {
      const check = without.size === 0 ? each : withoutFields(each, without);
      const objects = this.#overlay.objects(check, this.#view.objects(check.read));
      const result: ReadResult = { kind: 'read', objects };
      const failure = failureOfCheck(check, result);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  #requireUnprotected(object: ObjectIdentity): void {
    const { protectedMailboxes, protectedDatabases } = this.#settings;
    const isMailbox = object.kind === 'mailbox';
    const entries = isMailbox ? protectedMailboxes : protectedDatabases;
    if (entries.length === 0) return;
    const read = isMailbox
      ? this.#view.objects({ kind: 'mailbox', guid: object.guid ?? '', domain: object.domain })
      : this.#view.objects({ kind: 'database', identity: object.guid ?? object.name });
    const named: Fields = { Name: object.name, DisplayName: object.name, Guid: object.guid ?? null };
    const entry = protectingEntry(entries, named, ...read);
    if (entry === undefined) return;
    const setting = isMailbox ? 'ProtectedMailboxes' : 'ProtectedDatabases';
    throw new Refused('not-allowed', `${object.name} is protected: ${setting} has "${entry}"`);
  }

  /** How a move is taken back depends on how far it has come. */
  #moveBack(step: Step): readonly InverseCall[] {
    const { object } = step;
    const to = String(step.parameters['TargetDatabase']);
    const [back] = step.inverse.kind === 'calls' ? step.inverse.calls : [];
    const guid = object.guid ?? '';
    const request = this.#view.objects({ kind: 'moveRequest', guid, domain: object.domain })[0];
    const status = textField(request, 'Status');
    if (back === undefined) return [];
    const from = String(back.parameters['TargetDatabase']);
    // It was never moved, or is on its way back, or has come back already.
    const home: Check = { read: mailboxRead(object), expect: { kind: 'fields', fields: { Database: from } } };
    if (request === undefined) return this.#failure([home]) === undefined ? [] : [back];
    if (textField(request, 'TargetDatabase').toLowerCase() === from.toLowerCase()) return [];
    const isOurs = textField(request, 'TargetDatabase').toLowerCase() === to.toLowerCase();
    if (!isOurs) {
      throw new Refused(
        'conflict',
        `${object.name} is being moved to ${textField(request, 'TargetDatabase')} meanwhile (${status})`,
      );
    }
    const read = { kind: 'moveRequest', guid, domain: object.domain } as const;
    const isEnded = /^Completed/i.test(status);
    const clear: InverseCall = {
      cmdlet: 'Remove-MoveRequest',
      parameters: { Identity: guid },
      purpose: isEnded
        ? `clear the ended move request of ${object.name}`
        : `cancel the move of ${object.name} to ${to}`,
      before: { MoveRequest: status },
      after: { MoveRequest: null },
      preconditions: [
        { read, expect: { kind: 'fields', fields: { TargetDatabase: to, ...(isEnded ? { Status: status } : {}) } } },
      ],
      expectation: [{ read, expect: { kind: 'absent' } }],
    };
    return isEnded ? [clear, back] : [clear];
  }

  #decision(order: OrderHead, own: readonly Step[], planned: readonly Step[]): OrderDecision {
    const object = own[0]?.object;
    const notes = [...new Set(own.flatMap(({ inverse }) => (inverse.kind === 'calls' ? inverse.notes : [])))];
    const refusal = this.#refused.get(order.index);
    if (refusal !== undefined) {
      return {
        kind: 'refused',
        class: refusal.refusalClass,
        reason: refusal.message,
        errorId: refusal.errorId,
        object,
        notes: [],
      };
    }
    const [first] = planned;
    if (first === undefined || object === undefined)
      return { kind: 'nothingToDo', object, notes: ['what the order did is undone already'] };
    const before: Fields = Object.assign({}, ...planned.toReversed().map((step) => step.before));
    const after: Fields = Object.assign({}, ...planned.map((step) => step.after));
    return { kind: 'planned', object, before, after, steps: planned.map(({ number }) => number), notes };
  }
}

function withoutFields(check: Check, names: ReadonlySet<string>): Check {
  if (check.expect.kind !== 'fields') return check;
  const fields = Object.entries(check.expect.fields).filter(([name]) => !names.has(name));
  return { ...check, expect: { kind: 'fields', fields: Object.fromEntries(fields) } };
}

function requireForest({ cmdlet, parameters }: InverseCall, { purpose }: Step): void {
  const isLinked = cmdlet === 'Connect-Mailbox' && 'LinkedMasterAccount' in parameters;
  if (!isLinked || 'LinkedDomainController' in parameters) return;
  throw new Refused('not-allowed', `${purpose}: it cannot be taken back: ${linkedByHand(parameters)}`);
}

const policy: ReadonlySet<string> = new Set(['EmailAddressPolicyEnabled']);

/** The call of a step, as what takes its inverse back; a policy that was switched off then has stayed off. */
function forward({ cmdlet, parameters, purpose, before, after, preconditions, expectation }: Step): InverseCall {
  const relied = preconditions.map((check) =>
    check.expect.kind === 'fields' && check.expect.fields['EmailAddressPolicyEnabled'] === true
      ? withoutFields(check, policy)
      : check,
  );
  return { cmdlet, parameters, purpose, before, after, preconditions: relied, expectation };
}

function stepOf({ order, of, call, inverse }: PlannedCall, number: number): Step {
  return {
    ...call,
    number,
    orderIndex: order,
    object: of.object,
    inverse,
    retry: undefined,
    follow: undefined,
    onFailure: 'leave',
    needs: [],
  };
}
