import type { RemoteSession } from '@exchange-connector/psrp';
import { ConnectorError } from './errors.ts';
import type { ExportPorts, SessionPorts } from './export-ports.ts';
import type { RowTally } from './export-reading.ts';
import { type ForestView, openForestView } from './forest-view.ts';
import { pinsOf } from './incremental/remembered-pins.ts';
import { domainOf } from './incremental/server-check.ts';
import type { PinnedServers } from './requests.ts';

/** The directory server that a reading began on cannot be read from any more: what was read is to be read again. */
export class ReadingRestart extends Error {
  override readonly name = 'ReadingRestart';
}

/** Beyond these, the servers of a reading are not to be had: each session chooses its own. */
const mostRestarts = 2;

/** A session's view, and what it was pinned by. */
interface PinnedView {
  readonly view: ForestView;
  readonly pins: string;
}

/**
 * Sessions, each with the whole forest in view and pinned before it is used. Where the settings do not name the
 * directory servers, those that the first rows come from are taken: every session is pinned to them, those that are
 * open already before their next piece of work.
 */
export class SessionViews {
  readonly #ports: ExportPorts;
  readonly #pins: PinnedServers;
  readonly #views = new WeakMap<RemoteSession, PinnedView>();
  readonly #learned = new Map<string, string>();
  /** Whether sessions were pinned to what was learned; `never` where the server or the account does not let them. */
  #pinned: 'not-yet' | 'did' | 'never' = 'not-yet';
  #restarts = 0;

  constructor(ports: ExportPorts, pins: PinnedServers) {
    this.#ports = ports;
    this.#pins = pins;
  }

  /** Pins a session to what was learned, so that it is known whether that can be done. */
  tryPins(): Promise<void> {
    return this.run(async () => {});
  }

  /** Does work in a session that has the view; what is lost with a session is done again in the next. */
  run<T>(
    work: (ports: SessionPorts, view: ForestView) => Promise<T>,
    signal: AbortSignal = this.#ports.signal,
  ): Promise<T> {
    const { onProgress, onWarning, onNote } = this.#ports;
    return this.#ports.sessions.run(async (session) => {
      const view = await this.#viewOf(session);
      return work({ session, onProgress, onWarning, onNote, signal }, view);
    });
  }

  /** Takes note of where rows came from; what is known of a domain stays. */
  learn(origins: RowTally['origins']): void {
    for (const [place, servers] of origins) {
      const [server] = servers;
      const domain = domainOf(place);
      if (domain !== '' && server !== undefined && server !== '' && !this.#learned.has(domain))
        this.#learned.set(domain, server);
    }
  }

  /** Takes the servers of rows that an earlier process read for those of this reading, whatever was learned so far. */
  adopt(origins: RowTally['origins']): void {
    for (const [place, servers] of origins) {
      const [server] = servers;
      if (servers.size === 1 && server !== undefined && server !== '') this.#learned.set(domainOf(place), server);
    }
  }

  /** True where rows came from others than the servers of this reading, and a session that is pinned reads from those. */
  differs(origins: RowTally['origins']): boolean {
    if (this.#pinned === 'never') return false;
    for (const [place, servers] of origins) {
      const known = this.#learned.get(domainOf(place));
      for (const server of servers) if (known !== undefined && server !== '' && server !== known) return true;
    }
    return false;
  }

  /** The next session chooses its servers itself. */
  forget(): void {
    this.#learned.clear();
    this.#pinned = 'not-yet';
  }

  async #viewOf(session: RemoteSession): Promise<ForestView> {
    const open = this.#views.get(session);
    // Without the cmdlet there is nothing to pin with.
    if (open?.view.forestView === false) return open.view;
    const tries = this.#tries();
    const pins = JSON.stringify(tries[0]);
    if (open?.pins === pins) return open.view;
    const view = await this.#pin(session, open?.view, tries);
    // Whether it can be pinned is known only now.
    this.#views.set(session, { view, pins: JSON.stringify(this.#tries()[0]) });
    return view;
  }

  /** How to pin, in the order in which it is worth trying. */
  #tries(): readonly PinnedServers[] {
    if (this.#learned.size === 0 || this.#pinned === 'never') return [this.#pins];
    const byDomain = [...this.#learned].sort(([left], [right]) => (left < right ? -1 : 1));
    const remembered = pinsOf(Object.fromEntries(byDomain.map(([domain, server]) => [domain, [server]])), this.#pins);
    return remembered.kind === 'usable' ? remembered.tries : [this.#pins];
  }

  async #pin(
    session: RemoteSession,
    open: ForestView | undefined,
    tries: readonly PinnedServers[],
  ): Promise<ForestView> {
    const { onWarning, onNote, signal } = this.#ports;
    const isLearned = tries[0] !== this.#pins;
    let refused: ConnectorError | undefined;
    for (const pins of tries) {
      try {
        const handlers = { onWarning: isLearned ? onNote : onWarning, signal };
        const view = await openForestView(session, pins, handlers);
        if (isLearned) this.#pinned = 'did';
        return view;
      } catch (error) {
        if (!isLearned || !(error instanceof ConnectorError) || error.code !== 'EXCHANGE_COMMAND_FAILED') throw error;
        refused = error;
      }
    }
    const servers = [...new Set(this.#learned.values())].join(' and ');
    // A server that was pinned to before has gone away. One that never was may not be one to pin to at all.
    if (this.#pinned === 'did' && this.#restarts < mostRestarts) {
      this.#restarts += 1;
      throw new ReadingRestart(
        `a session could not be pinned to ${servers}, where the reading had begun (${refused?.message})`,
      );
    }
    this.giveUpPinning(`sessions cannot be pinned to ${servers} (${refused?.message})`);
    return open ?? openForestView(session, this.#pins, { onWarning, signal });
  }

  /** Sessions read from where they choose from now on. */
  giveUpPinning(why: string): void {
    if (this.#pinned === 'never') return;
    this.#pinned = 'never';
    this.#ports.onNote(`${why}: each session reads from where the server chooses`);
  }
}
