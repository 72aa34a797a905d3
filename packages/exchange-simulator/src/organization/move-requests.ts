/*
 * Moves of mailboxes between databases, as the mailbox replication service makes them: queued, copied, completed,
 * by the organisation's clock. What the account tells of its move is in the directory and replicates like
 * anything else; how far it is, only the service knows.
 */
import type { DomainController } from './domain-controller.ts';
import type { MailboxMove } from './mailbox.ts';
import type { Clock } from './clock.ts';
import type { DirectoryTarget } from './directory-write.ts';
import type { MailboxDatabase } from './forest.ts';

export interface MoveRequest {
  /** The mailbox's number and GUID. */
  readonly id: number;
  readonly guid: string;
  readonly domainName: string;
  readonly source: string;
  readonly target: string;
  /** Where the archive goes; `undefined` where there is none, or it stays. */
  readonly archiveTarget: string | undefined;
  readonly batchName: string;
  readonly queuedAtMs: number;
  readonly controller: DomainController;
  readonly sizeBytes: number;
  readonly badItemLimit: string;
  status: MailboxMove['status'];
  /** When it was taken up, and when it is done (or was). */
  startsAtMs: number;
  endsAtMs: number;
  failure: string | undefined;
}

/** How long moves take. */
export interface MoveTiming {
  /** Before the service takes one up. */
  readonly queueMs: number;
  /** Copying. */
  readonly copyMs: number;
}

export const defaultMoveTiming: MoveTiming = { queueMs: 5_000, copyMs: 55_000 };

/** What the service works on. */
export interface MoveGround {
  readonly clock: Clock;
  isMounted(database: MailboxDatabase): boolean;
  write(controller: DomainController, partition: string, target: DirectoryTarget, atMs?: number): void;
}

export class MoveRequests {
  readonly #organization: MoveGround;
  readonly #requests = new Map<number, MoveRequest>();
  #isAdvancing = false;
  readonly #timing: MoveTiming;
  /** The next time at which a request changes by itself; Infinity for none. */
  nextAtMs = Number.POSITIVE_INFINITY;

  constructor(organization: MoveGround, timing: MoveTiming) {
    this.#timing = timing;
    this.#organization = organization;
  }

  /** @param controllerOf the controller of this organisation that has the place of another one's */
  copyFrom(other: MoveRequests, controllerOf: (controller: DomainController) => DomainController): void {
    for (const [id, request] of other.#requests)
      this.#requests.set(id, { ...request, controller: controllerOf(request.controller) });
    this.nextAtMs = other.nextAtMs;
  }

  get all(): readonly MoveRequest[] {
    return [...this.#requests.values()];
  }
  of(id: number): MoveRequest | undefined {
    return this.#requests.get(id);
  }

  queue(
    request: Pick<
      MoveRequest,
      | 'id'
      | 'guid'
      | 'domainName'
      | 'source'
      | 'target'
      | 'archiveTarget'
      | 'batchName'
      | 'controller'
      | 'sizeBytes'
      | 'badItemLimit'
    > & { readonly suspended: boolean },
  ): MoveRequest {
    const queuedAtMs = this.#organization.clock.nowMs();
    const startsAtMs = queuedAtMs + this.#timing.queueMs;
    const made: MoveRequest = {
      ...request,
      queuedAtMs,
      status: request.suspended ? 'Suspended' : 'Queued',
      startsAtMs,
      endsAtMs: startsAtMs + this.#timing.copyMs,
      failure: undefined,
    };
    this.#requests.set(request.id, made);
    this.#tell(made, queuedAtMs);
    this.#plan();
    return made;
  }

  /** Forgets a request; one under way is given up, the mailbox stays where it is. */
  remove(request: MoveRequest): void {
    this.#requests.delete(request.id);
    this.#organization.write(request.controller, request.domainName, {
      kind: 'recipient',
      id: request.id,
      attributes: { move: undefined },
    });
    this.#plan();
  }

  /** Lets requests go on as far as time has come. */
  advance(nowMs: number): void {
    // What happens here reads the directory, which would come here again.
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    while (this.nextAtMs <= nowMs) {
      const atMs = this.nextAtMs;
      for (const request of this.#requests.values()) this.#step(request, atMs);
      this.#plan();
    }
    this.#isAdvancing = false;
  }

  #step(request: MoveRequest, atMs: number): void {
    if (request.status === 'Queued' && request.startsAtMs <= atMs) {
      request.status = 'InProgress';
      this.#tell(request, request.startsAtMs);
    } else if (request.status === 'InProgress' && request.endsAtMs <= atMs) this.#complete(request);
  }

  #complete(request: MoveRequest): void {
    const { controller, target } = request;
    const database = controller.database(target);
    const mailbox = controller.mailbox(request.id);
    if (mailbox === undefined || database === undefined || !this.#organization.isMounted(database)) {
      request.status = 'Failed';
      request.failure =
        mailbox === undefined
          ? 'The mailbox could not be found.'
          : `MapiExceptionMdbOffline: Unable to make connection to the server. (hr=0x80004005, ec=1142) Database: ${database?.name ?? target}`;
      this.#tell(request, request.endsAtMs);
      return;
    }
    request.status = 'Completed';
    const { archiveTarget } = request;
    const archive = archiveTarget === undefined ? {} : { archiveDatabaseGuid: archiveTarget };
    this.#tell(request, request.endsAtMs, { databaseGuid: target, ...archive });
  }

  /** Writes what the account tells of its move. */
  #tell(request: MoveRequest, atMs: number, more: { databaseGuid?: string; archiveDatabaseGuid?: string } = {}): void {
    const { source, target, batchName, status } = request;
    const move: MailboxMove = {
      status,
      sourceDatabase: source,
      targetDatabase: target,
      batchName,
      suspended: status === 'Suspended',
    };
    this.#organization.write(
      request.controller,
      request.domainName,
      { kind: 'recipient', id: request.id, attributes: { move, ...more } },
      atMs,
    );
  }

  #plan(): void {
    this.nextAtMs = Math.min(
      ...this.all.map(({ status, startsAtMs, endsAtMs }) =>
        status === 'Queued' ? startsAtMs : status === 'InProgress' ? endsAtMs : Number.POSITIVE_INFINITY,
      ),
    );
  }
}
