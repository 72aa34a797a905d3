/*
 * Steps that were carried out → a plan that takes them back, the last one first, each by its inverse. What another hand
 * has changed since is not overwritten: a call is planned only where the object is as the step left it, or as the calls
 * before it will leave it.
 */
import { failureOfCheck } from './check-state.ts';
import { listOf } from './field-rule.ts';
import type { FieldValue, Fields } from './field-value.ts';
import type { LiveObject, LiveState, ReadResult } from './live-state.ts';
import type { OrderHead } from './order.ts';
import { OrganisationView, textField } from './organisation-view.ts';
import type { Check, FulfillSettings, InverseCall, ObjectIdentity, OrderDecision, Plan, Step } from './plan.ts';
import type { ReadsNeeded } from './plan-batch.ts';
import { protectingEntry } from './protection.ts';
import { addressKey, parseProxyAddress, primaryField } from './proxy-address.ts';
import { ReadingNeeded, Refused } from './refused.ts';

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
 * @returns a plan whose orders are these, in the same order; or what has to be read before
 */
export function planUndo(
  orders: readonly CarriedOut[],
  live: LiveState,
  settings: FulfillSettings,
): Plan | ReadsNeeded {
  const refusals = new Map<number, Refused>();
  for (;;) {
    const planner = new UndoPlanner(orders, live, settings, refusals);
    const result = planner.plan();
    if (result !== undefined) return result;
  }
}

interface PlannedCall {
  readonly order: number;
  readonly of: Step;
  readonly call: InverseCall;
  /** The last of the calls that take the step back: what takes this one back is the step itself. */
  readonly isLast: boolean;
}

class UndoPlanner {
  readonly #orders: readonly CarriedOut[];
  readonly #settings: FulfillSettings;
  readonly #view: OrganisationView;
  /** Orders that cannot be taken back; shared by the plannings of one undo. */
  readonly #refused: Map<number, Refused>;
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
  ) {
    this.#orders = orders;
    this.#settings = settings;
    this.#view = new OrganisationView(live, settings.domainController);
    this.#refused = refused;
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
      const calls = step.cmdlet === 'New-MoveRequest' ? this.#moveBack(step) : step.inverse.calls;
      for (const call of calls) {
        if (!this.#isNeeded(call, step.object)) continue;
        this.#overlay.apply(call, step.object);
        this.#calls.push({ order, of: step, call, isLast: call === calls.at(-1) });
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

  /** @throws Refused where the object is neither as the step left it nor as it was before */
  #isNeeded(call: InverseCall, object: ObjectIdentity): boolean {
    // All that may be asked is asked at once: each round of reading is a way to the server.
    this.#view.objectsOfAll([...call.preconditions, ...call.expectation].map(({ read }) => read));
    const failure = this.#failure(call.preconditions);
    if (failure === undefined) return true;
    if (call.expectation.length > 0 && this.#failure(call.expectation) === undefined) return false;
    throw new Refused('conflict', `${object.name} was changed since: ${failure}`);
  }

  #failure(checks: readonly Check[]): string | undefined {
    for (const check of checks) {
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
    if (request === undefined || back === undefined) return back === undefined ? [] : [back];
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
    if (first === undefined || object === undefined) return { kind: 'nothingToDo', object, notes };
    const before: Fields = Object.assign({}, ...planned.toReversed().map((step) => step.before));
    const after: Fields = Object.assign({}, ...planned.map((step) => step.after));
    return { kind: 'planned', object, before, after, steps: planned.map(({ number }) => number), notes };
  }
}

/** The call of a step, as what takes its inverse back. */
function forward({ cmdlet, parameters, purpose, before, after, preconditions, expectation }: Step): InverseCall {
  return { cmdlet, parameters, purpose, before, after, preconditions, expectation };
}

function stepOf({ order, of, call, isLast }: PlannedCall, number: number): Step {
  return {
    ...call,
    number,
    orderIndex: order,
    object: of.object,
    inverse: { kind: 'calls', calls: isLast ? [forward(of)] : [], notes: [] },
    retry: undefined,
    follow: undefined,
    onFailure: 'leave',
    needs: [],
  };
}

/** A database that is made again has another GUID, and goes by its name; mailboxes may share a name. */
function keysOf({ kind, guid, name }: ObjectIdentity): string[] {
  const keys = kind === 'database' ? [guid, name] : [guid ?? name];
  return keys.flatMap((key) => (key === undefined ? [] : [key.toLowerCase()]));
}

/** What the calls planned so far make of the organisation. */
class UndoneState {
  /** By GUID or name; `undefined` where the object is gone. */
  readonly #objects = new Map<string, Record<string, FieldValue> | undefined>();
  /** All addresses of the objects whose addresses a call changes, by GUID. */
  readonly #addresses = new Map<string, ReadonlySet<string>>();

  apply(call: InverseCall, object: ObjectIdentity): void {
    const isGone = /^(Disable|Remove)-Mailbox(Database)?$/.test(call.cmdlet);
    for (const key of keysOf(object)) {
      const fields = { ...this.#objects.get(key), ...call.after, ...primaryField(call.after) };
      this.#objects.set(key, isGone ? undefined : fields);
    }
    const guid = object.guid ?? '';
    if (isGone) this.#addresses.set(guid, new Set());
    else if ('EmailAddresses' in call.after) {
      const held = listOf(call.after['EmailAddresses']).map((text) => addressKey(parseProxyAddress(text)));
      this.#addresses.set(guid, new Set(held));
    }
  }

  /** The objects that a check's read would give once the calls so far are carried out. */
  objects({ read }: Check, objects: readonly LiveObject[]): readonly LiveObject[] {
    switch (read.kind) {
      case 'mailbox':
        return this.#laidOver(read.guid, objects);
      case 'database':
        return this.#laidOver(read.identity, objects);
      case 'addressHolders':
        return this.#holding(read.address, objects);
      case 'moveRequest': {
        const overlay = this.#objects.get(read.guid);
        return overlay !== undefined && 'MoveRequest' in overlay && overlay['MoveRequest'] === null ? [] : objects;
      }
      case 'inhabitants':
        return objects.filter((object) => !this.#hasLeft(textField(object, 'Guid'), read.database));
      default:
        return objects;
    }
  }

  #laidOver(key: string, objects: readonly LiveObject[]): readonly LiveObject[] {
    const wanted = key.toLowerCase();
    if (!this.#objects.has(wanted)) return objects;
    const overlay = this.#objects.get(wanted);
    return overlay === undefined ? [] : [{ ...objects[0], ...overlay }];
  }

  #holding(address: string, objects: readonly LiveObject[]): readonly LiveObject[] {
    const key = addressKey(parseProxyAddress(address));
    const still = objects.filter((object) => this.#addresses.get(textField(object, 'Guid'))?.has(key) !== false);
    const shown = new Set(still.map((object) => textField(object, 'Guid')));
    const more = [...this.#addresses]
      .filter(([guid, held]) => held.has(key) && !shown.has(guid))
      .map(([guid]) => ({ Guid: guid, DisplayName: 'another mailbox of this undo', EmailAddresses: [address] }));
    return [...still, ...more];
  }

  #isGone(guid: string): boolean {
    return this.#objects.has(guid) && this.#objects.get(guid) === undefined;
  }

  #hasLeft(guid: string, database: string): boolean {
    const place = this.#objects.get(guid)?.['Database'];
    return this.#isGone(guid) || (typeof place === 'string' && place.toLowerCase() !== database.toLowerCase());
  }
}
