/* An organisation behind a session: reads and calls go through the protocol to the simulator's cmdlets. */
import assert from 'node:assert/strict';
import {
  type CarriedOut,
  type CmdletCall,
  callRequest,
  describeError,
  type FulfillSettings,
  isProjectionMissing,
  isStill,
  LiveReadings,
  type Plan,
  type PipelineOutcome,
  planBatch,
  planUndo,
  type Read,
  type ReadResult,
  readRequest,
  readResultOf,
  readsOf,
  runPipeline,
  type Step,
  verify,
} from '@exchange-connector/connector';
import { decodeCliXml, type PipelineRequest, type PsValue, type RemoteSession } from '@exchange-connector/psrp';
import { type OrderText, openSettings, readOrders } from './planning.ts';

const mostRounds = 14;

export class SessionOrganisation {
  readonly #session: RemoteSession;
  /** The controller of each domain, by the domain's name. */
  readonly #controllers: ReadonlyMap<string, string>;
  readonly settings: FulfillSettings;
  #project = true;
  reads = 0;

  constructor(session: RemoteSession, controllers: ReadonlyMap<string, string>, settings: Partial<FulfillSettings>) {
    this.#session = session;
    this.#controllers = controllers;
    this.settings = { ...openSettings, ...settings };
  }

  async send(
    request: PipelineRequest,
  ): Promise<{ readonly objects: readonly PsValue[]; readonly outcome: PipelineOutcome }> {
    const objects: PsValue[] = [];
    const outcome = await runPipeline(this.#session, request, {
      onOutput: (body) => {
        objects.push(decodeCliXml(body));
        return true;
      },
      onWarning: () => undefined,
      signal: new AbortController().signal,
    });
    return { objects, outcome };
  }

  #controllerOf(domain: string | undefined): string | undefined {
    return domain === undefined ? this.settings.domainController : this.#controllers.get(domain);
  }

  async answer(read: Read): Promise<ReadResult> {
    this.reads += 1;
    const ask = (project: boolean): PipelineRequest =>
      readRequest(read, { domainController: (domain) => this.#controllerOf(domain), project });
    let answer = await this.send(ask(this.#project));
    if (this.#project && isProjectionMissing(answer.outcome)) {
      this.#project = false;
      answer = await this.send(ask(false));
    }
    return readResultOf(read, answer.objects, answer.outcome);
  }

  async #rounds(plan: (live: LiveReadings) => ReturnType<typeof planBatch>): Promise<Plan> {
    const live = new LiveReadings();
    for (let round = 0; round < mostRounds; round += 1) {
      const result = plan(live);
      if (result.kind === 'plan') return result;
      for (const read of result.reads) live.set(read, await this.answer(read));
    }
    return assert.fail(`no plan after ${mostRounds} rounds of reading`);
  }

  plan(orders: readonly OrderText[]): Promise<Plan> {
    const readings = readOrders(orders);
    return this.#rounds((live) => planBatch(readings, live, this.settings));
  }

  planUndo(plan: Plan): Promise<Plan> {
    const orders = plan.orders.map(
      ({ order }): CarriedOut => ({ order, steps: plan.steps.filter((step) => step.orderIndex === order.index) }),
    );
    return this.#rounds((live) => planUndo(orders, live, this.settings));
  }

  async #readings(reads: readonly Read[]): Promise<LiveReadings> {
    const live = new LiveReadings();
    for (const read of reads) live.set(read, await this.answer(read));
    return live;
  }

  /** Sends a call; what the server reports is its refusal. */
  async run(call: CmdletCall, domain?: string): Promise<string | undefined> {
    const { outcome } = await this.send(
      callRequest(call, { domainController: this.#controllerOf(domain), whatIf: false }),
    );
    if (outcome.kind === 'failed') return describeError(outcome.error ?? outcome.errors[0]);
    return outcome.kind === 'completed' && outcome.errors.length > 0 ? describeError(outcome.errors[0]) : undefined;
  }

  async carryOutStep(step: Step): Promise<void> {
    const before = isStill(step, await this.#readings(readsOf(step.preconditions)));
    assert.deepEqual(before, { kind: 'holds' }, `before: ${step.purpose}`);
    assert.equal(await this.run(step, step.object.domain), undefined, step.purpose);
    const after = verify(step, await this.#readings(readsOf(step.expectation)));
    assert.deepEqual(after, { kind: 'holds' }, `after: ${step.purpose}`);
  }

  async carryOut(plan: Plan): Promise<void> {
    for (const step of plan.steps) await this.carryOutStep(step);
  }
}
