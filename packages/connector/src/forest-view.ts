import type { RemoteSession } from '@exchange-connector/psrp';
import { commandFailed, isCommandMissing, isParameterMissing, runPipeline } from './pipeline-run.ts';
import { forestViewRequest, type PinnedServers } from './requests.ts';

/** What a session has in view. */
export interface ForestView {
  /** False: the session sees its own domain only. */
  readonly forestView: boolean;
  /** The domain controller to name in every cmdlet, where the session itself could not be pinned to it. */
  readonly domainController: string | undefined;
}

/** What is lost where the account may not open the view, or may not pin, by what the session is for. */
const lost = {
  export: {
    pins: 'two exports of the same state may differ in order of replication',
    domains: 'mailboxes of other domains of the forest are not in this export',
  },
  fulfilment: {
    pins: 'what is looked for in other domains of the forest, as an address that is in use, may come from one that lags',
    domains:
      'accounts and mailboxes of other domains of the forest are not found by orders, and an address that is in use there is seen only when the server refuses it',
  },
} as const;

/** Where the account's role leaves out a parameter that pins, the view is tried without pins. */
const noPins: PinnedServers = { domainController: undefined, globalCatalog: undefined };

/**
 * Opens the session's view from its own domain to the whole forest, and pins its reads. It must run first,
 * in the session that reads. An account without the cmdlet is warned of, as its export lacks domains.
 * @throws ConnectorError EXCHANGE_COMMAND_FAILED where the server refuses, e.g. a domain controller that is none
 */
export async function openForestView(
  session: RemoteSession,
  pins: PinnedServers,
  handlers: {
    readonly onWarning: (message: string) => void;
    readonly signal: AbortSignal;
    /** What the session is for; default: an export. */
    readonly purpose?: keyof typeof lost;
  },
): Promise<ForestView> {
  const { pins: withoutPins, domains } = lost[handlers.purpose ?? 'export'];
  const run = { ...handlers, onOutput: () => true };
  const doing = 'opening the view of the whole forest';
  let outcome = await runPipeline(session, forestViewRequest(pins), run);
  const { domainController, globalCatalog, alsoDomainControllers = [] } = pins;
  const isPinned = domainController !== undefined || globalCatalog !== undefined || alsoDomainControllers.length > 0;
  if (outcome.kind === 'failed' && isPinned && isParameterMissing(outcome.error)) {
    handlers.onWarning(
      `the account may not pin domain controllers (Set-ADServerSettings lacks the parameter in its role): the server chooses which ones are read, and ${withoutPins}`,
    );
    outcome = await runPipeline(session, forestViewRequest(noPins), run);
  }
  if (outcome.kind === 'left') return { forestView: false, domainController: undefined };
  const error = outcome.kind === 'failed' ? outcome.error : outcome.errors[0];
  if (outcome.kind === 'completed' && error === undefined) return { forestView: true, domainController: undefined };
  if (isCommandMissing(error, 'Set-ADServerSettings') || isParameterMissing(error)) {
    handlers.onWarning(
      `the account may not use Set-ADServerSettings -ViewEntireForest: only one domain is in view${pins.domainController === undefined ? '' : `, the one of ${pins.domainController}`}, and ${domains}; give the account a role with that cmdlet, e.g. "View-Only Configuration"`,
    );
    return { forestView: false, domainController: pins.domainController };
  }
  throw commandFailed(doing, 'Set-ADServerSettings', error);
}
