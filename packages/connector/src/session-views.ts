import type { ExportPorts, SessionPorts } from './export-ports.ts';
import { ConnectorError } from './errors.ts';
import type { RowTally } from './export-reading.ts';
import { type ForestView, openForestView } from './forest-view.ts';
import type { PinnedServers } from './requests.ts';
import type { RemoteSession } from '@exchange-connector/psrp';

/** The directory server that a reading began on cannot be read from any more: what was read is to be read again. */
export class ReadingRestart extends Error {
  override readonly name = 'ReadingRestart';
}

/**
 * Sessions, each with the whole forest in view and pinned before it is used. Sessions that come later are
 * pinned to the directory servers that the first ones turned out to read from.
 */
export class SessionViews {
  readonly #ports: ExportPorts;
  readonly #pins: PinnedServers;
  readonly #views = new WeakMap<RemoteSession, ForestView>();
  readonly #learned = new Map<string, string>();

  constructor(ports: ExportPorts, pins: PinnedServers) {
    this.#ports = ports;
    this.#pins = pins;
  }

  /** Does work in a session that has the view; what is lost with a session is done again in the next. */
  run<T>(
    work: (ports: SessionPorts, view: ForestView) => Promise<T>,
    signal: AbortSignal = this.#ports.signal,
  ): Promise<T> {
    const { onProgress, onWarning, onNote } = this.#ports;
    return this.#ports.sessions.run(async (session) => {
      const view = this.#views.get(session) ?? (await this.#open(session));
      return work({ session, onProgress, onWarning, onNote, signal }, view);
    });
  }

  /** Takes note of where rows came from. */
  learn(origins: RowTally['origins']): void {
    for (const [domain, servers] of origins) {
      const [server] = servers;
      if (domain !== '' && server !== undefined && server !== '' && !this.#learned.has(domain))
        this.#learned.set(domain, server);
    }
  }

  /** The next session chooses its servers itself. */
  forget(): void {
    this.#learned.clear();
  }

  async #open(session: RemoteSession): Promise<ForestView> {
    const { onWarning, signal } = this.#ports;
    const learned = [...new Set(this.#learned.values())];
    let view: ForestView;
    try {
      const pins = learned.length === 0 ? this.#pins : { ...this.#pins, alsoDomainControllers: learned };
      view = await openForestView(session, pins, { onWarning, signal });
    } catch (error) {
      if (learned.length === 0 || !(error instanceof ConnectorError) || error.code !== 'EXCHANGE_COMMAND_FAILED')
        throw error;
      throw new ReadingRestart(
        `a further session could not be pinned to ${learned.join(' and ')}, where the reading had begun (${error.message})`,
      );
    }
    this.#views.set(session, view);
    return view;
  }
}
