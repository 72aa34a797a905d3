import type { ExportPlan, ExportScope } from '@exchange-connector/connector';

/** Every mailbox that `Get-Mailbox` shows unasked. */
export const wholeScope: ExportScope = {
  organizationalUnits: [],
  databases: [],
  recipientTypeDetails: [],
  filter: undefined,
  includeArbitration: false,
  includePublicFolder: false,
  includeAuditLog: false,
  includeMonitoring: false,
};

/** An export of it without anything of the settings' own. */
export const wholePlan: ExportPlan = {
  additionalColumns: [],
  valueSeparator: ' ',
  scope: wholeScope,
  pins: { domainController: undefined, globalCatalog: undefined },
};
