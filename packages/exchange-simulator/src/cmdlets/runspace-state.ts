/* What `Set-ADServerSettings` sets: it holds for the runspace, and a new shell begins anew. */

export interface RunspaceState {
  viewEntireForest: boolean;
  /** A domain or container below which recipients are seen; the account's own domain where undefined. */
  recipientViewRoot: string | undefined;
  preferredGlobalCatalog: string | undefined;
  /** The global catalog that the server itself chose; the organisation's first where undefined. */
  ownGlobalCatalog: string | undefined;
  preferredDomainControllers: readonly string[];
  configurationDomainController: string | undefined;
}

export function freshRunspaceState(ownGlobalCatalog?: string): RunspaceState {
  return {
    viewEntireForest: false,
    recipientViewRoot: undefined,
    preferredGlobalCatalog: undefined,
    ownGlobalCatalog,
    preferredDomainControllers: [],
    configurationDomainController: undefined,
  };
}
