/* The shells of all users: their limits, their affinity cookies, and their end when nobody asks for them. */
import { randomUUID } from 'node:crypto';
import type { Shell } from './shell.ts';

/** What can be seen of a running simulator. Counts since its start. */
export interface SimulatorFacts {
  readonly shellsOpen: number;
  readonly shellsCreated: number;
  readonly shellsDeleted: number;
  readonly shellsExpired: number;
  /** Creates refused because the user had too many shells. */
  readonly shellsRefused: number;
  /** Requests by operation: `create`, `command`, `receive`, `send`, `signal`, `delete`, `get`, `unknown`. */
  readonly requests: Readonly<Record<string, number>>;
  /** Receives that ended without anything to tell. */
  readonly quietReceives: number;
  /** Requests refused before any operation: 401. */
  readonly unauthorized: number;
  /** Faults sent, quiet ones apart. */
  readonly faults: number;
}

export class ShellRegistry {
  readonly #shells = new Map<string, { shell: Shell; timer: NodeJS.Timeout }>();
  readonly #opened = new Map<string, number[]>();
  readonly requests: Record<string, number> = {};
  readonly counts = { created: 0, deleted: 0, expired: 0, refused: 0, quiet: 0, unauthorized: 0, faults: 0 };

  count(operation: string): void {
    this.requests[operation] = (this.requests[operation] ?? 0) + 1;
  }

  find(shellId: string): Shell | undefined {
    return this.#shells.get(shellId.toUpperCase())?.shell;
  }

  ofOwner(owner: string): number {
    return [...this.#shells.values()].filter(({ shell }) => shell.owner === owner).length;
  }

  add(shell: Shell): void {
    const timer = setTimeout(() => this.#expire(shell), shell.idleTimeoutMs);
    timer.unref();
    this.#shells.set(shell.id.toUpperCase(), { shell, timer });
    this.counts.created += 1;
  }

  /** Every request of a shell puts its end off. */
  touch(shell: Shell): void {
    this.#shells.get(shell.id.toUpperCase())?.timer.refresh();
  }

  #expire(shell: Shell): void {
    const entry = this.#shells.get(shell.id.toUpperCase());
    if (entry === undefined) return;
    if (shell.busy > 0) entry.timer.refresh();
    else if (this.#remove(shell)) this.counts.expired += 1;
  }

  remove(shell: Shell): void {
    if (this.#remove(shell)) this.counts.deleted += 1;
  }

  #remove(shell: Shell): boolean {
    const key = shell.id.toUpperCase();
    const entry = this.#shells.get(key);
    if (entry?.shell !== shell) return false;
    clearTimeout(entry.timer);
    this.#shells.delete(key);
    shell.close();
    return true;
  }

  closeAll(): void {
    for (const { shell } of [...this.#shells.values()]) this.#remove(shell);
  }

  /** Ends a shell, or all of them, as if it had never been: its client is not told. */
  forget(shellId: string | undefined): void {
    const shell = shellId === undefined ? undefined : this.find(shellId);
    if (shellId === undefined) this.closeAll();
    else if (shell !== undefined) this.#remove(shell);
  }

  /** What a service that starts anew has: no shells, and nobody's budget spent. */
  restart(): void {
    this.closeAll();
    this.#opened.clear();
  }

  /** Seconds to wait before the user may open a runspace again; 0 when it may now, which then counts. */
  takeFromBudget(owner: string, budget: { runspaces: number; periodSeconds: number } | undefined, now: number): number {
    if (budget === undefined) return 0;
    const since = now - budget.periodSeconds * 1000;
    const recent = (this.#opened.get(owner) ?? []).filter((time) => time > since);
    if (recent.length >= budget.runspaces) return Math.max(1, Math.ceil(((recent[0] as number) - since) / 1000));
    this.#opened.set(owner, [...recent, now]);
    return 0;
  }

  get facts(): SimulatorFacts {
    return {
      shellsOpen: this.#shells.size,
      shellsCreated: this.counts.created,
      shellsDeleted: this.counts.deleted,
      shellsExpired: this.counts.expired,
      shellsRefused: this.counts.refused,
      requests: { ...this.requests },
      quietReceives: this.counts.quiet,
      unauthorized: this.counts.unauthorized,
      faults: this.counts.faults,
    };
  }
}

/** The value of a `MS-WSMAN` cookie: a SID, and what names the server behind the proxy. */
export function affinityCookie(): string {
  return `S-1-5-21-1004336348-1177238915-682003330-1133=${Buffer.from(randomUUID()).toString('base64url')}`;
}

/** The header that gives it to a client. */
export function formatCookie(value: string): string {
  return `MS-WSMAN=${value}; path=/powershell; HttpOnly`;
}
