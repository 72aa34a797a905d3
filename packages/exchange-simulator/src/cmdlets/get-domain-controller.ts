/* Get-DomainController: the controllers of the forest, and which of them are global catalogs. */
import type { DomainController } from '../organization/domain-controller.ts';
import { domainDn } from '../organization/directory-name.ts';
import { chainOf, falseValue, booleanValue, stringValue } from '../serialization/server-value.ts';
import type { PipelineObject } from '../serialization/object-shape.ts';
import type { BoundArguments, Cmdlet, CmdletContext, Emission } from './cmdlet.ts';
import { switchParameter } from './write-parameters.ts';

const types = chainOf(
  'Microsoft.Exchange.Data.Directory.ADServer',
  'Microsoft.Exchange.Data.Directory.ADNonExchangeObject',
  'Microsoft.Exchange.Data.Directory.ADObject',
  'Microsoft.Exchange.Data.Directory.ADRawEntry',
  'Microsoft.Exchange.Data.ConfigurableObject',
  'System.Object',
);

function controllerObject(controller: DomainController): PipelineObject {
  const [name] = controller.name.split('.') as [string];
  const dn = `CN=${name.toUpperCase()},CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,${domainDn('example.test')}`;
  return {
    kind: 'custom',
    types,
    display: controller.name,
    adapted: [
      ['DnsHostName', stringValue(controller.name)],
      ['ADSite', stringValue('example.test/Configuration/Sites/Default-First-Site-Name')],
      ['IsGlobalCatalog', booleanValue(controller.isGlobalCatalog)],
      ['IsReadOnly', falseValue],
      ['DomainName', stringValue(controller.domainName)],
      ['Name', stringValue(name.toUpperCase())],
      ['DistinguishedName', stringValue(dn)],
      ['Identity', stringValue(name.toUpperCase())],
    ],
  };
}

function* run(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const domain = args.text('DomainName')?.toLowerCase();
  for (const controller of context.organization.controllers) {
    if (domain !== undefined && controller.domainName !== domain) continue;
    if (args.flag('GlobalCatalog') && !controller.isGlobalCatalog) continue;
    yield { kind: 'object', object: controllerObject(controller) };
  }
}

export const getDomainController: Cmdlet = {
  name: 'Get-DomainController',
  taskClass: 'Microsoft.Exchange.Management.SystemConfigurationTasks.GetDomainController',
  module: 'Microsoft.Exchange',
  parameterSets: ['DomainController', 'GlobalCatalog'],
  parameters: [
    { name: 'DomainName', type: { kind: 'string' }, dotNetType: 'Microsoft.Exchange.Data.Fqdn' },
    switchParameter('GlobalCatalog', ['GlobalCatalog']),
    { name: 'Forest', type: { kind: 'string' } },
    { name: 'Credential', type: { kind: 'any' } },
  ],
  run,
};
