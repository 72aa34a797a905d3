/* The planner's questions, put to the server. */
import {
  classOfError,
  describeError,
  isProjectionMissing,
  type LiveReadings,
  type Read,
  type ReadResult,
  readKey,
  readRequest,
  readResultOf,
} from '@exchange-connector/connector';
import {
  createProjection,
  decodeCliXml,
  type PipelineCommand,
  psBoolean,
  psString,
  textOf,
} from '@exchange-connector/psrp';
import { type BatchSession, type CommandAnswer, SessionLostError } from './batch-session.ts';

/** A read that the server could not answer for now is put again after these waits. */
const readWaitsMs = [1_000, 3_000, 8_000] as const;

function domainOf(read: Read): string | undefined {
  return read.kind === 'mailbox' || read.kind === 'moveRequest' ? read.domain : undefined;
}

/** Sessions that are lost over one and the same read. */
const mostLossesOfARead = 5;

/** Reads, each answer once more where the server was only busy. */
export class LiveReader {
  readonly #session: BatchSession;
  readonly #wait: (milliseconds: number) => Promise<void>;
  readonly #redact: (text: string) => string;
  readonly #commands = new Map<string, ReadResult>();
  /** Domains of which a domain controller was looked for. */
  readonly #sought = new Set<string>();
  #project = true;

  constructor(session: BatchSession, wait: (milliseconds: number) => Promise<void>, redact: (text: string) => string) {
    this.#session = session;
    this.#wait = wait;
    this.#redact = redact;
  }

  /** Answers a read from the server, now. @throws SessionLostError where one session after the other is lost */
  async read(read: Read): Promise<ReadResult> {
    const known = read.kind === 'command' ? this.#commands.get(read.name) : undefined;
    if (known !== undefined) return known;
    const result = await this.#readPatiently(read);
    // What an account may use is told once: it is asked with every plan.
    if (read.kind === 'command') this.#commands.set(read.name, result);
    return result;
  }

  async #readPatiently(read: Read): Promise<ReadResult> {
    for (const waitMs of readWaitsMs) {
      const result = await this.#overSessions(() => this.#readOnce(read));
      if (result.kind !== 'failed' || result.class !== 'transient') return result;
      await this.#wait(waitMs);
    }
    return this.#overSessions(() => this.#readOnce(read));
  }

  /**
   * Why a domain controller does not answer; undefined where it does.
   * @throws SessionLostError where one session after the other is lost
   */
  async silenceOf(domainController: string): Promise<string | undefined> {
    const parameters = [
      { name: 'ResultSize', value: psString('1') },
      { name: 'DomainController', value: psString(domainController) },
    ];
    const request = { statements: [[{ name: 'Get-User', parameters }]] };
    for (const waitMs of [...readWaitsMs, undefined]) {
      const answer = await this.#overSessions(() => this.#session.run(request, `asking ${domainController}`));
      const refusal = refusalOf(answer);
      if (refusal?.class !== 'transient') return undefined;
      if (waitMs === undefined) return refusal.reason;
      await this.#wait(waitMs);
    }
    return undefined;
  }

  /** Nothing is changed by asking once more: a read outlives the session that it was put to. */
  async #overSessions<T>(read: () => Promise<T>): Promise<T> {
    for (let losses = 1; ; losses += 1) {
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof SessionLostError) || losses > mostLossesOfARead) throw error;
        await this.#session.reopen(error);
      }
    }
  }

  /** Answers reads into `live`, each once. */
  async readInto(live: LiveReadings, reads: readonly Read[]): Promise<void> {
    const done = new Set<string>();
    for (const read of reads) {
      const key = readKey(read);
      if (done.has(key)) continue;
      done.add(key);
      live.set(read, await this.read(read));
    }
  }

  async #readOnce(read: Read): Promise<ReadResult> {
    await this.#pinDomainOf(read);
    const answer = await this.#ask(read);
    const objects = answer.bodies.map((body) => decodeCliXml(body));
    const result = readResultOf(read, objects, answer.outcome);
    return result.kind === 'failed' ? { ...result, reason: this.#redact(result.reason) } : result;
  }

  async #ask(read: Read): Promise<CommandAnswer> {
    const domainController = (domain: string | undefined): string | undefined =>
      this.#session.domainControllerOf(domain);
    const doing = `reading (${read.kind})`;
    const answer = await this.#session.run(readRequest(read, { domainController, project: this.#project }), doing);
    if (!this.#project || !isProjectionMissing(answer.outcome)) return answer;
    this.#project = false;
    return this.#session.run(readRequest(read, { domainController, project: false }), doing);
  }

  /** Finds a domain controller for the objects of another domain than that of the batch's. */
  async #pinDomainOf(read: Read): Promise<void> {
    const domain = domainOf(read);
    if (domain === undefined || this.#session.domainController === undefined) return;
    if (this.#session.domainControllerOf(domain) !== undefined) return;
    if ((read.kind !== 'mailbox' && read.kind !== 'moveRequest') || this.#sought.has(domain)) return;
    const identity = { name: 'Identity', value: psString(read.guid) };
    // With the whole forest in view it would be a global catalog that answers, of whichever domain.
    const near = { name: 'ReadFromDomainController', value: psBoolean(true) };
    await this.#learnFrom(domain, 'OriginatingServer', { name: 'Get-User', parameters: [identity, near] });
    if (this.#session.domainControllerOf(domain) === undefined) {
      const parameters = [{ name: 'DomainName', value: psString(domain) }];
      await this.#learnFrom(domain, 'DnsHostName', { name: 'Get-DomainController', parameters });
    }
    this.#sought.add(domain);
    if (this.#session.domainControllerOf(domain) === undefined) this.#session.tellUnpinned(domain);
  }

  async #learnFrom(domain: string, property: string, command: PipelineCommand): Promise<void> {
    const answer = await this.#session.run({ statements: [[command]] }, `looking for a domain controller of ${domain}`);
    const projection = createProjection([property]);
    for (const body of answer.bodies) {
      const [name] = projection.read(body);
      this.#session.learn(domain, name === undefined ? undefined : textOf(name));
    }
  }
}

/** What the server said against a command; undefined where it said nothing and completed. */
export function refusalOf(
  answer: CommandAnswer,
): { readonly class: string; readonly reason: string; readonly errorId: string } | undefined {
  const { outcome } = answer;
  if (outcome.kind === 'left' || (outcome.kind === 'completed' && outcome.errors.length === 0)) return undefined;
  const record = outcome.kind === 'failed' ? (outcome.error ?? outcome.errors[0]) : outcome.errors[0];
  return {
    class: classOfError(record),
    reason: describeError(record),
    errorId: record?.fullyQualifiedErrorId ?? '',
  };
}
