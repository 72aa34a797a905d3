/*
 * Get-Mailbox. Mailboxes are computed one by one as the pipeline asks for them; only -SortBy has to see all
 * of them first, and holds an index and a key of each.
 */
import type { DomainController } from '../organization/domain-controller.ts';
import type { Domain, OrganizationalUnit } from '../organization/forest.ts';
import type { Recipient } from '../organization/mailbox.ts';
import { type PipelineObject, propertyOf } from '../serialization/object-shape.ts';
import {
  type BoundArguments,
  type Cmdlet,
  type CmdletContext,
  type Emission,
  identityParameter,
  type Parameter,
  pipelineTypes,
} from './cmdlet.ts';
import { bindingFailure, type CommandFailure, ErrorCategory, exchangeFailure } from './command-failure.ts';
import { findDatabase, findServer, objectNotFound } from './configuration-lookup.ts';
import { lookupOf, parseFilter } from './filter-argument.ts';
import { candidateIds, identityTest, type IdentityTest } from './mailbox-identity.ts';
import { matchesOpath, type OpathNode } from './opath.ts';
import { ownCopy, taskFailure } from './recipient-lookup.ts';
import { type Asking, recipientScope } from './recipient-scope.ts';
import { matchesWildcard } from './wildcard.ts';

const taskClass = 'Microsoft.Exchange.Management.RecipientTasks.GetMailbox';
const who = { name: 'Get-Mailbox', taskClass } as const;
const pauseEvery = 2_000;

const recipientTypes = [
  'DiscoveryMailbox',
  'EquipmentMailbox',
  'GroupMailbox',
  'LegacyMailbox',
  'LinkedMailbox',
  'LinkedRoomMailbox',
  'RoomMailbox',
  'SchedulingMailbox',
  'SharedMailbox',
  'TeamMailbox',
  'UserMailbox',
];
const sortable = ['Name', 'DisplayName', 'Alias', 'Office', 'ServerLegacyDN'];
/** Switches that show a hidden kind; some have no mailboxes in this organisation. */
const hiddenSwitches = [
  'Arbitration',
  'AuditLog',
  'AuxAuditLog',
  'Migration',
  'Monitoring',
  'PublicFolder',
  'GroupMailbox',
  'SupervisoryReviewPolicy',
];
const sets = ['Identity', 'AnrSet', 'DatabaseSet', 'ServerSet'];

const parameters: readonly Parameter[] = [
  identityParameter('MailboxIdParameter'),
  { name: 'Anr', type: { kind: 'string' }, sets: ['AnrSet'] },
  {
    name: 'Database',
    type: { kind: 'identity' },
    sets: ['DatabaseSet'],
    fromPipeline: pipelineTypes.database,
    dotNetType: 'Microsoft.Exchange.Configuration.Tasks.DatabaseIdParameter',
  },
  {
    name: 'Server',
    type: { kind: 'identity' },
    sets: ['ServerSet'],
    fromPipeline: pipelineTypes.server,
    dotNetType: 'Microsoft.Exchange.Configuration.Tasks.ServerIdParameter',
  },
  { name: 'DomainController', type: { kind: 'string' }, dotNetType: 'Microsoft.Exchange.Data.Fqdn' },
  { name: 'Filter', type: { kind: 'string' } },
  { name: 'IgnoreDefaultScope', type: { kind: 'switch' } },
  {
    name: 'OrganizationalUnit',
    type: { kind: 'identity' },
    dotNetType: 'Microsoft.Exchange.Configuration.Tasks.OrganizationalUnitIdParameter',
  },
  { name: 'ReadFromDomainController', type: { kind: 'switch' } },
  {
    name: 'RecipientTypeDetails',
    type: {
      kind: 'enums',
      type: 'Microsoft.Exchange.Data.Directory.Recipient.RecipientTypeDetails[]',
      values: recipientTypes,
    },
  },
  {
    name: 'ResultSize',
    type: { kind: 'resultSize' },
    dotNetType: 'Microsoft.Exchange.Data.Unlimited`1[System.UInt32]',
  },
  { name: 'SortBy', type: { kind: 'string' } },
  { name: 'Archive', type: { kind: 'switch' } },
  { name: 'RemoteArchive', type: { kind: 'switch' } },
  { name: 'AccountPartition', type: { kind: 'string' } },
  { name: 'Credential', type: { kind: 'any' } },
  ...hiddenSwitches.map((name): Parameter => ({ name, type: { kind: 'switch' } })),
];

/** The words of the warning when nobody said how many are wanted. */
export const defaultSizeWarning =
  'By default, only the first 1000 items are returned. Use the ResultSize parameter to specify the number of items returned. To return all items, specify "-ResultSize Unlimited". Be aware that, depending on the actual number of items, returning all items may take a long time and consume a large amount of memory. Also, we don\'t recommend storing the results in a variable. Instead, pipe the results to another task or script to perform batch changes.';
/** The words of the warning when more were found than were asked for. */
export const moreResultsWarning =
  'There are more results available than are currently displayed. To view them, increase the value for the ResultSize parameter.';

function fail(context: CmdletContext, reason: string, message: string): CommandFailure {
  return exchangeFailure({ cmdlet: who.name, taskClass, server: context.serverName, reason, message });
}

function unitMatches(unit: OrganizationalUnit, wanted: string): boolean {
  const text = wanted.toLowerCase();
  return [unit.canonicalName, unit.distinguishedName, unit.guid, unit.name].some((name) => name.toLowerCase() === text);
}

/** The canonical name below which mailboxes are wanted; a domain's name stands for all of it. */
export function findUnit(context: CmdletContext, asking: Asking, domains: readonly Domain[], wanted: string): string {
  const domain = domains.find(
    (candidate) =>
      candidate.name.toLowerCase() === wanted.toLowerCase() ||
      candidate.distinguishedName.toLowerCase() === wanted.toLowerCase(),
  );
  if (domain !== undefined) return domain.name;
  const unit = domains.flatMap((candidate) => candidate.units).find((candidate) => unitMatches(candidate, wanted));
  if (unit !== undefined) return unit.canonicalName;
  throw taskFailure(
    context,
    asking,
    'ManagementObjectNotFoundException',
    `The organizational unit "${wanted}" couldn't be found. Make sure that you have typed the name correctly.`,
  );
}

interface Query {
  readonly controller: DomainController;
  readonly domains: ReadonlySet<string>;
  /** GUID of the database. */
  readonly database: string | undefined;
  readonly server: number | undefined;
  readonly shown: ReadonlySet<string>;
  readonly types: ReadonlySet<string> | undefined;
  readonly unit: string | undefined;
  readonly filter: OpathNode | undefined;
  /** A name that the filter asks for: the index knows who may have it. */
  readonly lookup: IdentityTest['lookup'];
  readonly anr: string | undefined;
  readonly archive: boolean;
}

function planQuery(args: BoundArguments, context: CmdletContext): Query {
  if (args.flag('IgnoreDefaultScope') && args.has('DomainController')) {
    throw fail(
      context,
      'ArgumentException',
      "You can't use the IgnoreDefaultScope and DomainController parameters together.",
    );
  }
  const { controller, domains } = recipientScope(context, who, args);
  const database = args.text('Database');
  const server = args.text('Server');
  const unit = args.text('OrganizationalUnit');
  const types = args.texts('RecipientTypeDetails');
  const filterText = args.text('Filter');
  const filter =
    filterText === undefined ? undefined : parseFilter(context, who.name, filterText, context.shapes.mailbox);
  return {
    controller,
    domains: new Set(domains.map((domain) => domain.name)),
    database: database === undefined ? undefined : findDatabase(context, who, database, controller).guid,
    server: server === undefined ? undefined : findServer(context, who, server).index,
    shown: new Set(hiddenSwitches.filter((name) => args.flag(name))),
    types: types === undefined ? undefined : new Set(types),
    unit: unit === undefined ? context.state.recipientViewRoot : findUnit(context, who, domains, unit),
    filter,
    lookup: filter === undefined ? undefined : lookupOf(filter),
    anr: args.text('Anr')?.toLowerCase(),
    archive: args.flag('Archive'),
  };
}

function selects(query: Query, mailbox: Recipient, context: CmdletContext): boolean {
  // The cheap conditions stand first: most mailboxes are refused by one of them.
  if (query.database !== undefined && mailbox.database.guid !== query.database) return false;
  const hidden = mailbox.hiddenBehind;
  if (query.shown.size === 0 ? hidden !== undefined : hidden === undefined || !query.shown.has(hidden)) return false;
  if (!query.domains.has(mailbox.domain.name)) return false;
  if (query.server !== undefined && mailbox.database.server.index !== query.server) return false;
  if (query.types !== undefined && !query.types.has(mailbox.details)) return false;
  if (query.archive && mailbox.archiveGuid === undefined) return false;
  if (
    query.unit !== undefined &&
    !`${mailbox.unit.canonicalName}/`.toLowerCase().startsWith(`${query.unit.toLowerCase()}/`)
  )
    return false;
  if (
    query.anr !== undefined &&
    ![mailbox.name, mailbox.displayName, mailbox.alias, mailbox.samAccountName].some((text) =>
      matchesWildcard(text, `${query.anr}*`),
    )
  )
    return false;
  if (query.filter === undefined) return true;
  const object: PipelineObject = { kind: 'directory', shape: context.shapes.mailbox, source: mailbox };
  return matchesOpath(query.filter, (property) => propertyOf(object, property), context.filterDates);
}

function* scan(
  query: Query,
  context: CmdletContext,
  lookup: IdentityTest['lookup'] = query.lookup,
): Iterable<Recipient | undefined> {
  const { controller } = query;
  controller.refresh();
  const ids = candidateIds(context.organization, controller, lookup);
  if (ids !== undefined) {
    for (const id of ids) {
      const mailbox = controller.mailbox(id);
      if (mailbox !== undefined && selects(query, mailbox, context)) yield mailbox;
    }
    return;
  }
  // A mailbox that is made while the search goes on is found by it, as a paged search of the directory does.
  for (let index = 0; index < controller.idLimit; index += 1) {
    controller.refresh();
    const mailbox = controller.mailbox(index);
    if (mailbox !== undefined && selects(query, mailbox, context)) yield mailbox;
    else if (index % pauseEvery === pauseEvery - 1) yield undefined;
  }
}

function sortKey(mailbox: Recipient, property: string): string {
  switch (property) {
    case 'Name':
      return mailbox.name;
    case 'DisplayName':
      return mailbox.displayName;
    case 'Alias':
      return mailbox.alias;
    case 'Office':
      return mailbox.office;
    default:
      return mailbox.database.server.legacyDn;
  }
}

const collator = new Intl.Collator('en', { sensitivity: 'accent' });

function* sorted(query: Query, context: CmdletContext, property: string): Iterable<Recipient | undefined> {
  const keys: { index: number; key: string }[] = [];
  for (const mailbox of scan(query, context)) {
    if (mailbox === undefined) yield undefined;
    else keys.push({ index: mailbox.index, key: sortKey(mailbox, property) });
  }
  keys.sort((a, b) => collator.compare(a.key, b.key) || a.index - b.index);
  for (const { index } of keys) {
    const mailbox = query.controller.mailbox(index);
    if (mailbox !== undefined) yield mailbox;
  }
}

function* limited(
  args: BoundArguments,
  context: CmdletContext,
  mailboxes: Iterable<Recipient | undefined>,
): Iterable<Emission> {
  const asked = args.number('ResultSize');
  const limit = asked ?? 1000;
  let count = 0;
  for (const mailbox of mailboxes) {
    if (mailbox === undefined) yield { kind: 'pause', awaitsInput: false };
    else if (count === limit) {
      yield { kind: 'warning', text: asked === undefined ? defaultSizeWarning : moreResultsWarning };
      return;
    } else {
      count += 1;
      yield { kind: 'object', object: { kind: 'directory', shape: context.shapes.mailbox, source: mailbox } };
    }
  }
}

function* byIdentity(identity: string, query: Query, args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const found: Recipient[] = [];
  const limit = args.number('ResultSize') ?? 1000;
  const hasWildcard = /^\*|\*$/.test(identity);
  const { matches, lookup } = identityTest(identity);
  for (const mailbox of scan(query, context, lookup)) {
    if (mailbox === undefined) yield { kind: 'pause', awaitsInput: false };
    else if (matches(mailbox)) {
      if (found.length === limit) break;
      found.push(mailbox);
    }
  }
  if (found.length === 0) throw objectNotFound(context, who, identity, query.controller.name);
  if (found.length > 1 && !hasWildcard && identity.includes('@')) {
    throw fail(
      context,
      'ManagementObjectAmbiguousException',
      `The operation couldn't be performed because '${identity}' matches multiple entries.`,
    );
  }
  for (const mailbox of found) {
    const source = ownCopy(context, args, mailbox);
    yield { kind: 'object', object: { kind: 'directory', shape: context.shapes.mailbox, source } };
  }
}

function* run(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const query = planQuery(args, context);
  const sortBy = args.text('SortBy');
  const property =
    sortBy === undefined ? undefined : sortable.find((name) => name.toLowerCase() === sortBy.toLowerCase());
  if (sortBy !== undefined && property === undefined) {
    throw bindingFailure(
      'Get-Mailbox',
      'ParameterBindingFailed',
      `Cannot bind parameter 'SortBy' to the target. Exception setting "SortBy": "The property "${sortBy}" isn't sortable. Use one of: ${sortable.join(', ')}."`,
      { category: ErrorCategory.WriteError },
    );
  }
  // A null identity is no identity: everything is returned, as the cmdlet's documentation warns.
  const identity = args.raw('Identity') === undefined ? undefined : args.text('Identity');
  if (identity !== undefined) yield* byIdentity(identity, query, args, context);
  else yield* limited(args, context, property === undefined ? scan(query, context) : sorted(query, context, property));
}

export const getMailbox: Cmdlet = {
  name: 'Get-Mailbox',
  taskClass,
  parameters,
  parameterSets: sets,
  module: 'Microsoft.Exchange',
  run,
};
