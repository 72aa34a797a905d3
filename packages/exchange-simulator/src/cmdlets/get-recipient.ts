/*
 * Get-Recipient, of every kind that has mail, and Get-User, of accounts whether they have mail or not.
 * https://learn.microsoft.com/powershell/module/exchangepowershell/get-recipient, …/get-user
 */
import type { Recipient } from '../organization/mailbox.ts';
import type { ObjectShape } from '../serialization/object-shape.ts';
import { recipientShape, userShape } from '../serialization/recipient-shapes.ts';
import type { BoundArguments, Cmdlet, CmdletContext, Emission, Parameter } from './cmdlet.ts';
import { objectNotFound } from './configuration-lookup.ts';
import { lookupOf, parseFilter } from './filter-argument.ts';
import { defaultSizeWarning, findUnit, moreResultsWarning } from './get-mailbox.ts';
import { candidateIds, identityTest } from './mailbox-identity.ts';
import { matchesOpath } from './opath.ts';
import { propertyOf } from '../serialization/object-shape.ts';
import { ownCopy } from './recipient-lookup.ts';
import { type Asking, recipientScope } from './recipient-scope.ts';
import { matchesWildcard } from './wildcard.ts';
import { domainControllerParameter, switchParameter, targetParameter } from './write-parameters.ts';

const pauseEvery = 2_000;
const base = 'Microsoft.Exchange.Management.RecipientTasks';

const detailValues = [
  'UserMailbox',
  'LinkedMailbox',
  'SharedMailbox',
  'RoomMailbox',
  'EquipmentMailbox',
  'DiscoveryMailbox',
  'ArbitrationMailbox',
  'PublicFolderMailbox',
  'MonitoringMailbox',
  'AuditLogMailbox',
  'MailContact',
  'MailUser',
  'RemoteUserMailbox',
  'MailUniversalDistributionGroup',
  'MailUniversalSecurityGroup',
  'DynamicDistributionGroup',
  'PublicFolder',
  'User',
  'DisabledUser',
];
const typeValues = [
  'UserMailbox',
  'MailUser',
  'MailContact',
  'MailUniversalDistributionGroup',
  'MailUniversalSecurityGroup',
  'MailNonUniversalGroup',
  'DynamicDistributionGroup',
  'PublicFolder',
  'User',
];

interface Kind {
  readonly asking: Asking;
  readonly shape: ObjectShape<Recipient>;
  /** Whether a recipient is one at all; `named` types of details show hidden ones too. */
  readonly isOne: (recipient: Recipient, named: ReadonlySet<string> | undefined) => boolean;
}

/** One after another, `undefined` where others may have a turn. */
function* search(kind: Kind, args: BoundArguments, context: CmdletContext): Iterable<Recipient | undefined> {
  const { asking, shape } = kind;
  const { controller, domains } = recipientScope(context, asking, args);
  const names = new Set(domains.map((domain) => domain.name));
  const details = args.texts('RecipientTypeDetails');
  const wantedDetails = details === undefined ? undefined : new Set(details);
  const types = args.texts('RecipientType');
  const unitArgument = args.text('OrganizationalUnit');
  const unit =
    unitArgument === undefined ? context.state.recipientViewRoot : findUnit(context, asking, domains, unitArgument);
  const filterArgument = args.text('Filter');
  const filter = filterArgument === undefined ? undefined : parseFilter(context, asking.name, filterArgument, shape);
  const anr = args.text('Anr');
  const identity = args.raw('Identity') === undefined ? undefined : args.text('Identity');
  const test = identity === undefined ? undefined : identityTest(identity);
  const lookup = test?.lookup ?? (filter === undefined ? undefined : lookupOf(filter));
  controller.refresh();
  const ids = candidateIds(context.organization, controller, lookup);
  const accepts = (recipient: Recipient): boolean => {
    if (!names.has(recipient.domain.name) || !kind.isOne(recipient, wantedDetails)) return false;
    if (wantedDetails !== undefined && !wantedDetails.has(recipient.details)) return false;
    if (types !== undefined && !types.includes(recipient.recipientType)) return false;
    if (unit !== undefined && !`${recipient.unit.canonicalName}/`.toLowerCase().startsWith(`${unit.toLowerCase()}/`))
      return false;
    if (
      anr !== undefined &&
      ![recipient.name, recipient.displayName, recipient.alias].some((text) => matchesWildcard(text, `${anr}*`))
    )
      return false;
    if (test !== undefined && !test.matches(recipient)) return false;
    const object = { kind: 'directory', shape, source: recipient } as const;
    return (
      filter === undefined || matchesOpath(filter, (property) => propertyOf(object, property), context.filterDates)
    );
  };
  const limit = ids?.length ?? Number.POSITIVE_INFINITY;
  for (let place = 0; place < limit && (ids !== undefined || place < controller.idLimit); place += 1) {
    const recipient = controller.recipient(ids === undefined ? place : (ids[place] as number));
    if (recipient !== undefined && accepts(recipient)) yield recipient;
    else if (place % pauseEvery === pauseEvery - 1) yield undefined;
  }
}

function* runGet(kind: Kind, args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const asked = args.number('ResultSize');
  const limit = asked ?? 1000;
  const identity = args.raw('Identity') === undefined ? undefined : args.text('Identity');
  let count = 0;
  for (const recipient of search(kind, args, context)) {
    if (recipient === undefined) {
      yield { kind: 'pause', awaitsInput: false };
      continue;
    }
    if (count === limit) {
      yield { kind: 'warning', text: asked === undefined ? defaultSizeWarning : moreResultsWarning };
      return;
    }
    count += 1;
    yield {
      kind: 'object',
      object: { kind: 'directory', shape: kind.shape, source: ownCopy(context, args, recipient) },
    };
  }
  if (count === 0 && identity !== undefined && !identity.includes('*')) {
    const { controller } = recipientScope(context, kind.asking, args);
    throw objectNotFound(context, kind.asking, identity, controller.name);
  }
}

function searchParameters(idType: string): readonly Parameter[] {
  return [
    { ...targetParameter(idType), mandatory: false, sets: ['Identity'] },
    { name: 'Anr', type: { kind: 'string' }, sets: ['AnrSet'] },
    { name: 'Filter', type: { kind: 'string' } },
    {
      name: 'OrganizationalUnit',
      type: { kind: 'identity' },
      dotNetType: 'Microsoft.Exchange.Configuration.Tasks.OrganizationalUnitIdParameter',
    },
    {
      name: 'RecipientTypeDetails',
      type: {
        kind: 'enums',
        type: 'Microsoft.Exchange.Data.Directory.Recipient.RecipientTypeDetails[]',
        values: detailValues,
      },
    },
    {
      name: 'ResultSize',
      type: { kind: 'resultSize' },
      dotNetType: 'Microsoft.Exchange.Data.Unlimited`1[System.UInt32]',
    },
    { name: 'SortBy', type: { kind: 'string' } },
    switchParameter('IgnoreDefaultScope'),
    switchParameter('ReadFromDomainController'),
    domainControllerParameter,
  ];
}

const recipients: Kind = {
  asking: { name: 'Get-Recipient', taskClass: `${base}.GetRecipient` },
  shape: recipientShape,
  isOne: (recipient, named) =>
    recipient.recipientClass !== 'user' &&
    (recipient.hiddenBehind === undefined || named?.has(recipient.details) === true),
};

export const getRecipient: Cmdlet = {
  ...recipients.asking,
  module: 'Microsoft.Exchange',
  parameterSets: ['Identity', 'AnrSet'],
  parameters: [
    ...searchParameters('RecipientIdParameter'),
    {
      name: 'RecipientType',
      type: {
        kind: 'enums',
        type: 'Microsoft.Exchange.Data.Directory.Recipient.RecipientType[]',
        values: typeValues,
      },
    },
    { name: 'PropertySet', type: { kind: 'string' } },
    { name: 'Properties', type: { kind: 'strings' } },
  ],
  run: (args, context) => runGet(recipients, args, context),
};

const users: Kind = {
  asking: { name: 'Get-User', taskClass: `${base}.GetUser` },
  shape: userShape,
  isOne: (recipient, named) =>
    recipient.recipientClass !== 'contact' &&
    recipient.recipientClass !== 'group' &&
    recipient.recipientClass !== 'publicFolder' &&
    (recipient.hiddenBehind === undefined || named?.has(recipient.details) === true),
};

export const getUser: Cmdlet = {
  ...users.asking,
  module: 'Microsoft.Exchange',
  parameterSets: ['Identity', 'AnrSet'],
  parameters: [...searchParameters('UserIdParameter'), switchParameter('Arbitration'), switchParameter('PublicFolder')],
  run: (args, context) => runGet(users, args, context),
};
