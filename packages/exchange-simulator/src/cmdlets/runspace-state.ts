/* What `Set-ADServerSettings` sets: it holds for the runspace, and a new shell begins anew. */

export interface RunspaceState {
  viewEntireForest: boolean;
  /** A domain or container below which recipients are seen; the account's own domain where undefined. */
  recipientViewRoot: string | undefined;
  preferredGlobalCatalog: string | undefined;
  preferredDomainControllers: readonly string[];
  configurationDomainController: string | undefined;
}

export function freshRunspaceState(): RunspaceState {
  return {
    viewEntireForest: false,
    recipientViewRoot: undefined,
    preferredGlobalCatalog: undefined,
    preferredDomainControllers: [],
    configurationDomainController: undefined,
  };
}
