import type { PinnedServers } from '../requests.ts';

/** How to read from the directory servers of the last export again. */
export type RememberedPins =
  | { readonly kind: 'usable'; readonly tries: readonly PinnedServers[]; readonly names: readonly string[] }
  | { readonly kind: 'unusable'; readonly reason: string };

/** The domain that a directory server belongs to, by its DNS name. */
function domainOfServer(server: string): string {
  return server.slice(server.indexOf('.') + 1).toLowerCase();
}

/**
 * The pins that lead to the servers that rows came from, in the order in which they are worth trying. One that
 * answered for a domain other than its own, or for all there are, is taken for a global catalog, as a view of the
 * forest is read from one.
 * @param controllers by domain, as the rows of the last export told
 * @param chosen the settings, which come first
 */
export function pinsOf(
  controllers: Readonly<Record<string, readonly string[]>>,
  chosen: PinnedServers,
): RememberedPins {
  for (const [domain, servers] of Object.entries(controllers)) {
    if (servers.length < 2) continue;
    return {
      kind: 'unusable',
      reason: `mailboxes of ${domain} came from several directory servers in the last export (${servers.join(', ')}), whose times of change differ; DomainController or GlobalCatalog pins one`,
    };
  }
  const byDomain = Object.entries(controllers).flatMap(([domain, [server]]) =>
    server === undefined ? [] : [{ domain, server }],
  );
  const names = [...new Set(byDomain.map(({ server }) => server))];
  const foreign = byDomain.find(({ domain, server }) => server.includes('.') && domainOfServer(server) !== domain);
  const catalog = chosen.globalCatalog ?? foreign?.server ?? (names.length === 1 ? names[0] : undefined);
  const tries = [pinTo(byDomain, chosen, catalog)];
  // The only server there is need not be a catalog.
  if (chosen.globalCatalog === undefined && foreign === undefined && catalog !== undefined)
    tries.push(pinTo(byDomain, chosen, undefined));
  return { kind: 'usable', tries, names };
}

function pinTo(
  byDomain: readonly { readonly domain: string; readonly server: string }[],
  { domainController }: PinnedServers,
  globalCatalog: string | undefined,
): PinnedServers {
  const chosenDomain = domainController === undefined ? undefined : domainOfServer(domainController);
  const others = byDomain
    .filter(({ domain, server }) => domainOfServer(server) === domain && server !== globalCatalog)
    .map(({ server }) => server)
    .filter(
      (server) =>
        domainController === undefined ||
        (domainOfServer(server) !== chosenDomain &&
          server.split('.')[0]?.toLowerCase() !== domainController.toLowerCase()),
    );
  const [only] = others;
  // Where the view is of one domain, its controller is named in every cmdlet.
  return domainController === undefined && only !== undefined && others.length === 1
    ? { domainController: only, globalCatalog }
    : { domainController, globalCatalog, alsoDomainControllers: others };
}
