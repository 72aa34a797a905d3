/*
 * One step of a plan, from the look before it to the word in the journal after it:
 *
 *   preconditions read ─► begun ─► cmdlet ─► expectation read ─► audit ─► ended
 *
 * What the object is afterwards decides, not what the server said: an error after the change was made leaves it
 * made, and a success that changed nothing is none.
 */
import { randomUUID } from 'node:crypto';
import {
  callRequest,
  type Check,
  checkAll,
  type CheckOutcome,
  type FieldValue,
  type Fields,
  type InverseCall,
  LiveReadings,
  type LiveState,
  readsOf,
  type Step,
} from '@exchange-connector/connector';
import { changedBeside, namesBeside } from './beside-changes.ts';
import type { AuditEntry, AuditLog, AuditValue } from './audit-log.ts';
import { type BatchPorts, type BatchSession, SessionLostError } from './batch-session.ts';
import { type LiveReader, refusalOf } from './live-reader.ts';
import { followMove } from './move-following.ts';
import type { BatchLine, BegunLine, RunJournal, StepEnd } from './run-journal.ts';

/** Why a step was not carried out, or did not do what it was to do. */
export interface StepError {
  readonly class: string;
  readonly reason: string;
  readonly errorId: string;
}

/** What became of a step. */
export type StepOutcome =
  /** `remark`: what the server said all the same. */
  | { readonly kind: 'applied'; readonly remark: string | undefined; readonly begun: BegunLine | undefined }
  /** Nothing was sent: the object is no longer what the plan was made for. */
  | { readonly kind: 'moved'; readonly reason: string }
  | {
      readonly kind: 'failed';
      readonly error: StepError;
      readonly end: StepEnd;
      /** What was sent and left something behind. */
      readonly begun: BegunLine | undefined;
    };

/** A failure that passes is tried again after these waits, where the step itself asks for no other number. */
export const transientWaitsMs = [2_000, 5_000, 10_000, 20_000] as const;

export interface StepRunnerParts {
  readonly batch: BatchLine;
  readonly session: BatchSession;
  readonly reader: LiveReader;
  readonly journal: RunJournal;
  readonly audit: AuditLog;
  readonly ports: BatchPorts;
  readonly signal: AbortSignal;
  /** The `AssignedResourceTypeId` of an order. */
  readonly orderId: (order: number) => string;
  readonly redact: (text: string) => string;
  readonly onNote: (message: string) => void;
}

/** What a step is for, besides what it does. */
export interface StepPurpose {
  /** The request that it takes back. */
  readonly takesBack: string | null;
  readonly ifRestFails: Step['onFailure'];
}

interface Seen {
  readonly outcome: CheckOutcome;
  /** Fields as they are, of those that the checks name. */
  readonly fields: Fields;
  /** One of several checks holds. */
  readonly isPartly: boolean;
}

/** Carries out steps. */
export class StepRunner {
  readonly #parts: StepRunnerParts;

  constructor(parts: StepRunnerParts) {
    this.#parts = parts;
  }

  /**
   * Carries out one step.
   * @throws SessionLostError where its outcome could not be learnt; the journal has its beginning
   */
  async run(step: Step, purpose: StepPurpose): Promise<StepOutcome> {
    let before = await this.#look(step.preconditions, namesBeside(step));
    if (before.outcome.kind === 'unknown') return notReadable(before.outcome);
    if (before.outcome.kind === 'differs') {
      // Somebody did it meanwhile, or an earlier try did after all.
      const after = await this.#look(step.expectation);
      const stands = step.expectation.length > 0 && after.outcome.kind === 'holds';
      if (stands) return { kind: 'applied', remark: undefined, begun: undefined };
      return { kind: 'moved', reason: differenceText(before.outcome) };
    }
    const attempts = step.retry?.attempts ?? transientWaitsMs.length + 1;
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#attempt(step, purpose, before.fields);
      if (outcome.kind !== 'failed') return outcome;
      const isWorthIt =
        outcome.end === 'notApplied' && (outcome.error.class === 'transient' || step.retry?.onAnyError === true);
      if (!isWorthIt || attempt >= attempts || this.#parts.signal.aborted) return outcome;
      const waitMs = step.retry?.waitMs ?? transientWaitsMs[attempt - 1] ?? 20_000;
      this.#parts.onNote(
        `${step.purpose}: ${outcome.error.reason}; tried again in ${waitMs / 1000} seconds (${attempt} of ${attempts} tries done)`,
      );
      await this.#parts.ports.wait(waitMs, this.#parts.signal);
      before = await this.#look(step.preconditions, namesBeside(step));
      if (before.outcome.kind === 'unknown') return notReadable(before.outcome);
      if (before.outcome.kind === 'differs') return { kind: 'moved', reason: differenceText(before.outcome) };
    }
  }

  async #attempt(step: Step, purpose: StepPurpose, seen: Fields): Promise<StepOutcome> {
    const { session, journal, ports } = this.#parts;
    await session.ensure();
    const domainController = session.domainControllerOf(step.object.domain);
    const beside = namesBeside(step).filter((name) => name in seen);
    const begun: BegunLine = {
      kind: 'begun',
      requestId: randomUUID(),
      time: ports.now().toISOString(),
      order: step.orderIndex,
      step,
      ...(namesBeside(step).length === 0
        ? {}
        : { beside: Object.fromEntries(beside.map((name) => [name, seen[name] ?? null])) }),
      ...purpose,
      domainController: domainController ?? null,
      server: session.server,
    };
    journal.note(begun);
    const answer = await session.run(callRequest(step, { domainController, whatIf: false }), step.purpose);
    const said = refusalOf(answer);
    const refusal = said === undefined ? undefined : { ...said, reason: this.#parts.redact(said.reason) };
    // What is read back after a move that is waited for is its end.
    const failure = refusal === undefined && step.follow === 'move' ? await followMove(this.#parts, step) : undefined;
    return this.#settle(begun, refusal ?? failure);
  }

  /**
   * Learns what a step that was sent came to, by reading its object; writes it into the audit and the journal.
   * @param refusal what the server said against it; undefined where nothing was heard
   * @throws SessionLostError
   */
  async #settle(begun: BegunLine, refusal: StepError | undefined): Promise<StepOutcome> {
    const { step } = begun;
    const after = await this.#lookBack(step, step.expectation);
    const isThere = after.outcome.kind === 'holds' && (step.expectation.length > 0 || refusal === undefined);
    const before = isThere ? undefined : await this.#lookBack(step, step.preconditions);
    const isAsItWas = before?.outcome.kind === 'holds' || !showsEffect(step, after);
    const end: StepEnd = isThere ? 'applied' : isAsItWas ? 'notApplied' : 'otherwise';
    this.#write(begun, end, after.fields, refusal);
    if (end === 'applied') return { kind: 'applied', remark: refusal?.reason, begun };
    const seen = after.outcome.kind === 'differs' ? differenceText(after.outcome) : 'nothing shows that it was done';
    const error = refusal ?? {
      class: 'conflict',
      reason: `the server reported no error, and the object was read back otherwise: ${seen}`,
      errorId: '',
    };
    return { kind: 'failed', error, end, begun: end === 'notApplied' ? undefined : begun };
  }

  /** After a cmdlet was sent, what cannot be read is as open as what was lost. @throws SessionLostError */
  async #lookBack(step: Step, checks: readonly Check[]): Promise<Seen> {
    const named = [...Object.keys(step.before), ...Object.keys(step.after), ...namesBeside(step)];
    const seen = await this.#look(checks, named);
    if (seen.outcome.kind === 'unknown' && seen.outcome.class === 'transient')
      throw new SessionLostError(`reading back: ${step.purpose}`, new Error(seen.outcome.reason));
    return seen;
  }

  /** A step that a lost session, or a dead run, left open: never sent again on faith. @throws SessionLostError */
  async settleOpen(begun: BegunLine): Promise<StepEnd> {
    const outcome = await this.#settle(begun, undefined);
    if (outcome.kind === 'applied') return 'applied';
    return outcome.kind === 'failed' ? outcome.end : 'notApplied';
  }

  #write(begun: BegunLine, end: StepEnd, seen: Fields, error: StepError | undefined): void {
    const { audit, journal } = this.#parts;
    const place = end === 'notApplied' ? audit.last : audit.add(this.#entries(begun, end, seen));
    journal.note({
      kind: 'ended',
      requestId: begun.requestId,
      order: begun.order,
      end,
      error: error ?? null,
      audit: { number: place.number, hash: place.hash },
    });
  }

  #entries(begun: BegunLine, end: StepEnd, seen: Fields): AuditEntry[] {
    const { batch, orderId, redact } = this.#parts;
    const { step } = begun;
    const beside = changedBeside(step, begun.beside, seen);
    const names = [...new Set([...Object.keys(step.before), ...Object.keys(step.after), ...beside])];
    const before: Fields = { ...begun.beside, ...step.before };
    const auditValue = (fields: Fields, name: string): AuditValue => redacted(fields[name] ?? null, redact);
    const changes = names
      .map((field) => ({
        field,
        before: auditValue(before, field),
        after:
          field in seen ? auditValue(seen, field) : auditValue(end === 'applied' ? step.after : step.before, field),
      }))
      .filter(({ before, after }) => JSON.stringify(before) !== JSON.stringify(after));
    const shown = changes.length > 0 || end !== 'applied' ? changes : [{ field: null, before: null, after: null }];
    return shown.map((change) => ({
      time: this.#parts.ports.now().toISOString(),
      connection: batch.connection,
      run: batch.run,
      by: batch.by,
      orderId: orderId(step.orderIndex),
      order: step.orderIndex,
      object: { kind: step.object.kind, guid: step.object.guid ?? null, name: step.object.name },
      ...change,
      cmdlet: step.cmdlet,
      domainController: begun.domainController,
      server: begun.server,
      requestId: begun.requestId,
    }));
  }

  /** Answers checks from the server, now. */
  async #look(checks: readonly Check[], names: readonly string[] = []): Promise<Seen> {
    const live = new LiveReadings();
    await this.#parts.reader.readInto(live, readsOf(checks));
    const fields: Record<string, FieldValue> = {};
    for (const check of checks) Object.assign(fields, fieldsSeen(check, names, live));
    const isPartly = checks.length > 1 && checks.some((check) => checkAll([check], live).kind === 'holds');
    return { outcome: checkAll(checks, live), fields, isPartly };
  }
}

/**
 * Whether anything of what a step was to do is there. A field that is another one than before, and not what it was to
 * be, counts where the step gives it a value: a server makes its own of what it is given.
 */
function showsEffect(step: Step, { fields, isPartly }: Seen): boolean {
  const names = Object.keys(step.after).filter((name) => name in fields);
  const form = (value: FieldValue | undefined): string => JSON.stringify(value ?? null).toLowerCase();
  return (
    isPartly ||
    names.some((name) => {
      const [seen, before, after] = [form(fields[name]), form(step.before[name]), form(step.after[name])];
      return seen !== before && (seen === after || after !== 'null');
    })
  );
}

/** What differs, for a person. */
export function differenceText({ field, expected, seen }: Extract<CheckOutcome, { kind: 'differs' }>): string {
  return `${field}: expected ${expected}, found ${seen}`;
}

function notReadable({ class: of, reason, errorId }: Extract<CheckOutcome, { kind: 'unknown' }>): StepOutcome {
  const error = { class: of, reason: `its object could not be read: ${reason}`, errorId };
  return { kind: 'failed', error, end: 'notApplied', begun: undefined };
}

/** The fields of a step, as its checks read them. */
function fieldsSeen({ read, expect }: Check, names: readonly string[], live: LiveState): Fields {
  const result = live.result(read);
  const [object] = result?.kind === 'read' ? result.objects : [];
  const isOwn = expect.kind === 'fields' || read.kind === 'mailbox' || read.kind === 'database';
  if (object === undefined || !isOwn) return {};
  const wanted = expect.kind === 'fields' ? [...Object.keys(expect.fields), ...names] : names;
  return Object.fromEntries(wanted.flatMap((name) => (name in object ? [[name, object[name] ?? null]] : [])));
}

function redacted(value: FieldValue, redact: (text: string) => string): AuditValue {
  if (typeof value === 'string') return redact(value);
  return Array.isArray(value) ? value.map((text: string) => redact(text)) : value;
}

/** A step made of a call that takes another one back. */
export function stepOfInverse(
  call: InverseCall,
  of: Step,
  numbering: { readonly number: number; readonly orderIndex: number },
  inverse: Step['inverse'],
): Step {
  return {
    ...numbering,
    cmdlet: call.cmdlet,
    parameters: call.parameters,
    object: of.object,
    purpose: call.purpose,
    before: call.before,
    after: call.after,
    preconditions: call.preconditions,
    expectation: call.expectation,
    inverse,
    retry: undefined,
    follow: undefined,
    onFailure: 'takeBack',
    needs: [],
  };
}
