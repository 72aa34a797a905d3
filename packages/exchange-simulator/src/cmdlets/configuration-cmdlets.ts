/* Get-MailboxDatabase, Get-ExchangeServer, Get-OrganizationalUnit, Set-ADServerSettings. */
import type { DomainController } from '../organization/domain-controller.ts';
import { escapeRdn } from '../organization/directory-name.ts';
import type { MailboxDatabase, OrganizationalUnit } from '../organization/forest.ts';
import {
  databaseShape,
  type DatabaseView,
  serverShape,
  unitShape,
  type UnitView,
} from '../serialization/configuration-shapes.ts';
import {
  type BoundArguments,
  type Cmdlet,
  type CmdletContext,
  type Emission,
  identityParameter,
  pipelineTypes,
} from './cmdlet.ts';
import { type CommandFailure, exchangeFailure } from './command-failure.ts';
import { findDatabase, findServer, objectNotFound } from './configuration-lookup.ts';
import { moreResultsWarning } from './get-mailbox.ts';
import { configurationController, recipientScope, requireController } from './recipient-scope.ts';
import { matchesWildcard } from './wildcard.ts';

const controller = {
  name: 'DomainController',
  type: { kind: 'string' },
  dotNetType: 'Microsoft.Exchange.Data.Fqdn',
} as const;

const databaseClass = 'Microsoft.Exchange.Management.SystemConfigurationTasks.GetMailboxDatabase';

/** A database with what its controller and its server say of it. */
export function databaseView(
  context: CmdletContext,
  directory: DomainController,
  database: MailboxDatabase,
  status: boolean,
): DatabaseView {
  const mounted = context.organization.isMounted(database);
  const { availabilityGroup } = context.organization;
  return { database, status, mounted, availabilityGroup, originatingServer: directory.name };
}

function* runGetMailboxDatabase(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const who = { name: 'Get-MailboxDatabase', taskClass: databaseClass };
  const directory = configurationController(context, who, args);
  const identity = args.text('Identity');
  const server = args.text('Server');
  const { databases } = directory;
  const wildcard = identity?.includes('*') === true;
  const byServer = server === undefined ? undefined : findServer(context, who, server);
  const chosen = identity === undefined || wildcard ? databases : [findDatabase(context, who, identity, directory)];
  for (const database of chosen) {
    if (wildcard && !matchesWildcard(database.name, identity)) continue;
    if (byServer !== undefined && ![database.server, ...database.copies].includes(byServer)) continue;
    yield {
      kind: 'object',
      object: {
        kind: 'directory',
        shape: databaseShape,
        source: databaseView(context, directory, database, args.flag('Status')),
      },
    };
  }
}

export const getMailboxDatabase: Cmdlet = {
  name: 'Get-MailboxDatabase',
  taskClass: databaseClass,
  module: 'Microsoft.Exchange',
  parameterSets: ['Identity', 'Server'],
  parameters: [
    identityParameter('DatabaseIdParameter'),
    {
      name: 'Server',
      type: { kind: 'identity' },
      sets: ['Server'],
      fromPipeline: pipelineTypes.server,
      dotNetType: 'Microsoft.Exchange.Configuration.Tasks.ServerIdParameter',
    },
    { name: 'Status', type: { kind: 'switch' } },
    { name: 'DumpsterStatistics', type: { kind: 'switch' } },
    { name: 'IncludePreExchange2013', type: { kind: 'switch' } },
    controller,
  ],
  run: runGetMailboxDatabase,
};

const serverClass = 'Microsoft.Exchange.Management.SystemConfigurationTasks.GetExchangeServer';

function* runGetExchangeServer(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const who = { name: 'Get-ExchangeServer', taskClass: serverClass };
  configurationController(context, who, args);
  const identity = args.text('Identity');
  const domain = args.text('Domain');
  const chosen = identity === undefined ? context.organization.servers : [findServer(context, who, identity)];
  for (const server of chosen) {
    if (domain !== undefined && domain.toLowerCase() !== context.organization.rootDomain.name) continue;
    yield { kind: 'object', object: { kind: 'directory', shape: serverShape, source: server } };
  }
}

export const getExchangeServer: Cmdlet = {
  name: 'Get-ExchangeServer',
  taskClass: serverClass,
  module: 'Microsoft.Exchange',
  parameterSets: ['Identity', 'Domain'],
  parameters: [
    identityParameter('ServerIdParameter'),
    { name: 'Domain', type: { kind: 'string' }, sets: ['Domain'] },
    { name: 'Status', type: { kind: 'switch' } },
    controller,
  ],
  run: runGetExchangeServer,
};

const unitClass = 'Microsoft.Exchange.Management.RecipientTasks.GetOrganizationalUnit';

/** Whether a container lies directly in another, or in the domain itself. */
function isChild(unit: OrganizationalUnit, parent: { readonly distinguishedName: string }): boolean {
  return (
    unit.distinguishedName.endsWith(`,${parent.distinguishedName}`) &&
    unit.distinguishedName === `${unit.isContainer ? 'CN' : 'OU'}=${escapeRdn(unit.name)},${parent.distinguishedName}`
  );
}

function unitView(directory: DomainController, unit: OrganizationalUnit): UnitView {
  return { unit, changedMs: directory.unitChangedMs(unit.guid), originatingServer: directory.name };
}

function* runGetOrganizationalUnit(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const who = { name: 'Get-OrganizationalUnit', taskClass: unitClass };
  const identity = args.text('Identity')?.toLowerCase();
  const search = args.text('SearchText')?.toLowerCase();
  const single = args.flag('SingleNodeOnly');
  const asked = args.number('ResultSize');
  const { controller: directory, domains } = recipientScope(context, who, args);
  const units = domains
    .flatMap((domain) => domain.units)
    .filter((unit) => args.flag('IncludeContainers') || !unit.isContainer);
  const root =
    identity === undefined
      ? undefined
      : units.find((unit) =>
          [unit.canonicalName, unit.distinguishedName, unit.guid, unit.name].some(
            (name) => name.toLowerCase() === identity,
          ),
        );
  if (identity !== undefined && root === undefined) throw objectNotFound(context, who, args.text('Identity') as string);
  let count = 0;
  for (const unit of units) {
    if (root !== undefined && !(single ? isChild(unit, root) : unit === root)) continue;
    if (root === undefined && single && !isChild(unit, unit.domain)) continue;
    if (search !== undefined && !unit.name.toLowerCase().includes(search)) continue;
    if (count === (asked ?? 1000)) {
      yield { kind: 'warning', text: moreResultsWarning };
      return;
    }
    count += 1;
    yield { kind: 'object', object: { kind: 'directory', shape: unitShape, source: unitView(directory, unit) } };
  }
}

export const getOrganizationalUnit: Cmdlet = {
  name: 'Get-OrganizationalUnit',
  taskClass: unitClass,
  module: 'Microsoft.Exchange',
  parameterSets: ['Identity', 'SearchSet'],
  parameters: [
    identityParameter('ExtendedOrganizationalUnitIdParameter'),
    { name: 'SearchText', type: { kind: 'string' }, sets: ['SearchSet'] },
    { name: 'SingleNodeOnly', type: { kind: 'switch' }, sets: ['Identity'] },
    { name: 'IncludeContainers', type: { kind: 'switch' } },
    {
      name: 'ResultSize',
      type: { kind: 'resultSize' },
      dotNetType: 'Microsoft.Exchange.Data.Unlimited`1[System.UInt32]',
    },
    controller,
  ],
  run: runGetOrganizationalUnit,
};

const settingsClass = 'Microsoft.Exchange.Management.SystemConfigurationTasks.SetADServerSettings';

function settingsFailure(context: CmdletContext, message: string): CommandFailure {
  return exchangeFailure({
    cmdlet: 'Set-ADServerSettings',
    taskClass: settingsClass,
    server: context.serverName,
    reason: 'ArgumentException',
    message,
  });
}

/* Nothing is put out; as a generator it runs when the pipeline does. */
function* runSetAdServerSettings(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const who = { name: 'Set-ADServerSettings', taskClass: settingsClass };
  const { state, organization } = context;
  const preferred = args.texts('SetPreferredDomainControllers');
  const single = args.text('PreferredServer');
  const catalog = args.text('PreferredGlobalCatalog');
  const configuration = args.text('ConfigurationDomainController');
  for (const name of [...(preferred ?? []), single, catalog, configuration])
    if (name !== undefined) requireController(context, who, name);
  for (const name of [single, catalog]) {
    if (name !== undefined && !requireController(context, who, name).isGlobalCatalog)
      throw settingsFailure(context, `The server '${name}' isn't a global catalog server.`);
  }
  if (single !== undefined && (preferred ?? catalog ?? configuration) !== undefined) {
    throw settingsFailure(
      context,
      "You can't use PreferredServer together with PreferredGlobalCatalog, ConfigurationDomainController or SetPreferredDomainControllers.",
    );
  }
  const served = (preferred ?? []).map((name) => requireController(context, who, name).domainName);
  if (new Set(served).size !== served.length)
    throw settingsFailure(context, 'More than one preferred domain controller was specified for one domain.');
  const viewEntireForest = args.raw('ViewEntireForest') === undefined ? undefined : args.flag('ViewEntireForest');
  const root = args.text('RecipientViewRoot');
  if (viewEntireForest === true && root !== undefined)
    throw settingsFailure(context, "The ViewEntireForest and RecipientViewRoot parameters can't be used together.");
  if (root !== undefined && !organization.domains.some((domain) => domain.name === root.toLowerCase().split('/')[0]))
    throw settingsFailure(context, `The recipient view root "${root}" couldn't be found.`);
  if (args.flag('WhatIf')) return;
  if (viewEntireForest !== undefined) state.viewEntireForest = viewEntireForest;
  if (viewEntireForest === true) state.recipientViewRoot = undefined;
  if (root !== undefined) Object.assign(state, { recipientViewRoot: root, viewEntireForest: false });
  if (preferred !== undefined) state.preferredDomainControllers = preferred;
  if (single !== undefined)
    Object.assign(state, {
      preferredDomainControllers: [single],
      preferredGlobalCatalog: single,
      configurationDomainController: single,
    });
  if (catalog !== undefined) state.preferredGlobalCatalog = catalog;
  if (configuration !== undefined) state.configurationDomainController = configuration;
}

export const setAdServerSettings: Cmdlet = {
  name: 'Set-ADServerSettings',
  taskClass: settingsClass,
  module: 'Microsoft.Exchange',
  parameters: [
    { name: 'ViewEntireForest', type: { kind: 'boolean' } },
    { name: 'PreferredGlobalCatalog', type: { kind: 'string' }, dotNetType: 'Microsoft.Exchange.Data.Fqdn' },
    {
      name: 'SetPreferredDomainControllers',
      type: { kind: 'strings' },
      dotNetType: 'Microsoft.Exchange.Data.MultiValuedProperty`1[Microsoft.Exchange.Data.Fqdn]',
    },
    { name: 'ConfigurationDomainController', type: { kind: 'string' }, dotNetType: 'Microsoft.Exchange.Data.Fqdn' },
    { name: 'PreferredServer', type: { kind: 'string' }, dotNetType: 'Microsoft.Exchange.Data.Fqdn' },
    { name: 'RecipientViewRoot', type: { kind: 'string' } },
    { name: 'RunspaceServerSettings', type: { kind: 'any' } },
    { name: 'Confirm', type: { kind: 'switch' } },
    { name: 'WhatIf', type: { kind: 'switch' } },
  ],
  run: runSetAdServerSettings,
};
