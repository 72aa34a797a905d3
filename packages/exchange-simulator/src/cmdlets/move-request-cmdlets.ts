/* New-, Get-, Remove-MoveRequest and Get-MoveRequestStatistics. */
import type { Recipient } from '../organization/mailbox.ts';
import type { MoveRequest } from '../organization/move-requests.ts';
import {
  moveRequestShape,
  moveStatisticsShape,
  type MoveStatisticsView,
  type MoveView,
} from '../serialization/move-request-shapes.ts';
import type { BoundArguments, Cmdlet, CmdletContext, Emission, Parameter } from './cmdlet.ts';
import { ErrorCategory } from './command-failure.ts';
import { findDatabase } from './configuration-lookup.ts';
import { confirmed } from './confirmation.ts';
import { moreResultsWarning } from './get-mailbox.ts';
import { findToWrite, recipientsNamed, taskFailure } from './recipient-lookup.ts';
import { type Asking, recipientScope } from './recipient-scope.ts';
import {
  domainControllerParameter,
  idParameter,
  switchParameter,
  targetParameter,
  textParameter,
  writeParameters,
} from './write-parameters.ts';

const base = 'Microsoft.Exchange.Management.RecipientTasks';
const megabyte = 1_048_576;
const sizeOf = (mailbox: Recipient): number => ((mailbox.noise(7) % 4_000) + 12) * megabyte;

const creating: Asking = { name: 'New-MoveRequest', taskClass: `${base}.NewMoveRequest` };

function statistics(context: CmdletContext, request: MoveRequest, mailbox: Recipient): MoveStatisticsView {
  return { request, mailbox, nowMs: context.organization.clock.nowMs() };
}

function* runNew(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const { organization } = context;
  const found = findToWrite(context, creating, args, (recipient) => recipient.recipientClass !== 'user');
  const { recipient: mailbox, controller } = found;
  const fail = (message: string, reason = 'RecipientTaskException') =>
    taskFailure(context, creating, reason, message, ErrorCategory.InvalidArgument);
  if (mailbox.recipientClass !== 'mailbox')
    throw fail(`${args.text('Identity')} isn't a mailbox user.`, 'ManagementObjectNotFoundException');
  const known = organization.moves.of(mailbox.index);
  if (known?.status === 'Completed') {
    throw fail(
      `Mailbox '${mailbox.displayName}' has a completed move request associated with it. Before you create a new move request for the mailbox, run the Remove-MoveRequest cmdlet to clear the completed move request.`,
    );
  }
  if (known !== undefined)
    throw fail(
      `Mailbox '${mailbox.displayName}' is already being moved to '${mailbox.databaseNamed(known.target)?.name ?? ''}'.`,
      'ManagementObjectAlreadyExistsException',
    );
  const name = args.text('TargetDatabase');
  const target =
    name === undefined
      ? controller.databases.find(
          (database) => database.guid !== mailbox.database.guid && organization.isMounted(database),
        )
      : findDatabase(context, creating, name, controller);
  if (target === undefined) throw fail('Load balancing failed to find a valid mailbox database.');
  if (target.guid === mailbox.database.guid)
    throw fail(`The mailbox '${mailbox.canonicalName}' is already in the target database '${target.name}'.`);
  if (!organization.isMounted(target))
    throw fail(
      `Database '${target.name}' isn't mounted. Mailboxes can't be moved to it.`,
      'DatabaseUnavailableException',
    );
  if (
    !(yield* confirmed(args, `Creating move request "${mailbox.canonicalName}" to database "${target.name}".`, {
      impact: 'medium',
    }))
  )
    return;
  // The archive goes with its mailbox, wherever it is, unless the primary mailbox alone is named.
  const archiveName = args.text('ArchiveTargetDatabase');
  const archiveTarget = archiveName === undefined ? target : findDatabase(context, creating, archiveName, controller);
  const movesArchive = mailbox.archiveGuid !== undefined && !args.flag('PrimaryOnly');
  const request = organization.moves.queue({
    id: mailbox.index,
    guid: mailbox.guid,
    domainName: mailbox.domain.name,
    source: mailbox.database.guid,
    target: target.guid,
    archiveTarget: movesArchive ? archiveTarget.guid : undefined,
    batchName: args.text('BatchName') ?? '',
    controller,
    sizeBytes: sizeOf(mailbox),
    badItemLimit: args.text('BadItemLimit') ?? '0',
    suspended: args.flag('Suspend'),
  });
  yield {
    kind: 'object',
    object: { kind: 'directory', shape: moveStatisticsShape, source: statistics(context, request, mailbox) },
  };
}

export const newMoveRequest: Cmdlet = {
  ...creating,
  module: 'Microsoft.Exchange',
  parameterSets: ['MigrationLocal'],
  parameters: [
    targetParameter('MailboxOrMailUserIdParameter'),
    idParameter('TargetDatabase', 'DatabaseIdParameter'),
    idParameter('ArchiveTargetDatabase', 'DatabaseIdParameter'),
    textParameter('BatchName'),
    { name: 'BadItemLimit', type: { kind: 'string' }, dotNetType: 'Microsoft.Exchange.Data.Unlimited`1[System.Int32]' },
    { name: 'LargeItemLimit', type: { kind: 'string' } },
    { name: 'Priority', type: { kind: 'string' } },
    switchParameter('PrimaryOnly'),
    switchParameter('ArchiveOnly'),
    switchParameter('AcceptLargeDataLoss'),
    switchParameter('AllowLargeItems'),
    switchParameter('DoNotPreserveMailboxSignature'),
    switchParameter('ForceOffline'),
    switchParameter('Protect'),
    switchParameter('Suspend'),
    textParameter('SuspendComment'),
    switchParameter('SuspendWhenReadyToComplete'),
    { name: 'CompletedRequestAgeLimit', type: { kind: 'string' } },
    ...writeParameters,
  ],
  run: runNew,
};

const reading: Asking = { name: 'Get-MoveRequest', taskClass: `${base}.GetMoveRequest` };
const statuses = [
  'None',
  'Queued',
  'InProgress',
  'AutoSuspended',
  'CompletionInProgress',
  'Completed',
  'CompletedWithWarning',
  'Suspended',
  'Failed',
];
const readParameters: readonly Parameter[] = [
  { ...targetParameter('MoveRequestIdParameter'), mandatory: false, sets: ['Identity'] },
  { ...textParameter('BatchName'), sets: ['Filtering'] },
  {
    name: 'MoveStatus',
    type: { kind: 'enum', type: 'Microsoft.Exchange.Data.Directory.Recipient.RequestStatus', values: statuses },
    sets: ['Filtering'],
  },
  { ...idParameter('SourceDatabase', 'DatabaseIdParameter'), sets: ['Filtering'] },
  { ...idParameter('TargetDatabase', 'DatabaseIdParameter'), sets: ['Filtering'] },
  { name: 'Suspend', type: { kind: 'boolean' }, sets: ['Filtering'] },
  switchParameter('IncludeSoftDeletedObjects'),
  {
    name: 'ResultSize',
    type: { kind: 'resultSize' },
    dotNetType: 'Microsoft.Exchange.Data.Unlimited`1[System.UInt32]',
  },
  { name: 'SortBy', type: { kind: 'string' } },
  domainControllerParameter,
];

function noSuchRequest(context: CmdletContext, asking: Asking, identity: string) {
  return taskFailure(
    context,
    asking,
    'ManagementObjectNotFoundException',
    `Couldn't find a move request that corresponds to the specified identity '${identity}'.`,
  );
}

/** The accounts that tell of a move, as the command's controller knows them. */
function moved(args: BoundArguments, context: CmdletContext, asking: Asking): readonly MoveView[] {
  const { controller, domains } = recipientScope(context, asking, args);
  const names = new Set(domains.map((domain) => domain.name));
  const hasMove = (mailbox: Recipient): boolean => names.has(mailbox.domain.name) && mailbox.move !== undefined;
  const view = (mailbox: Recipient): MoveView => ({ mailbox, move: mailbox.move as MoveView['move'] });
  const identity = args.text('Identity');
  controller.refresh();
  if (identity !== undefined) {
    const found = recipientsNamed(context, controller, identity, hasMove);
    if (found.length === 0) throw noSuchRequest(context, asking, identity);
    return found.map(view);
  }
  // Whoever tells of a move was written to.
  return [...controller.changedIds()]
    .sort((a, b) => a - b)
    .flatMap((id) => controller.recipient(id) ?? [])
    .filter(hasMove)
    .map(view);
}

function* runGet(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const { controller } = recipientScope(context, reading, args);
  const source = args.text('SourceDatabase');
  const target = args.text('TargetDatabase');
  const sourceGuid = source === undefined ? undefined : findDatabase(context, reading, source, controller).guid;
  const targetGuid = target === undefined ? undefined : findDatabase(context, reading, target, controller).guid;
  const status = args.text('MoveStatus');
  const batch = args.text('BatchName')?.toLowerCase();
  const limit = args.number('ResultSize') ?? 1000;
  let count = 0;
  for (const view of moved(args, context, reading)) {
    if (sourceGuid !== undefined && view.move.sourceDatabase !== sourceGuid) continue;
    if (targetGuid !== undefined && view.move.targetDatabase !== targetGuid) continue;
    if (status !== undefined && view.move.status !== status) continue;
    if (batch !== undefined && view.move.batchName.toLowerCase() !== batch) continue;
    if (args.has('Suspend') && view.move.suspended !== args.flag('Suspend')) continue;
    if (count === limit) {
      yield { kind: 'warning', text: moreResultsWarning };
      return;
    }
    count += 1;
    yield { kind: 'object', object: { kind: 'directory', shape: moveRequestShape, source: view } };
  }
}

export const getMoveRequest: Cmdlet = {
  ...reading,
  module: 'Microsoft.Exchange',
  parameterSets: ['Identity', 'Filtering'],
  parameters: readParameters,
  run: runGet,
};

const measuring: Asking = { name: 'Get-MoveRequestStatistics', taskClass: `${base}.GetMoveRequestStatistics` };

function* runStatistics(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  for (const { mailbox } of moved(args, context, measuring)) {
    const request = context.organization.moves.of(mailbox.index);
    if (request === undefined) throw noSuchRequest(context, measuring, args.text('Identity') ?? mailbox.name);
    yield {
      kind: 'object',
      object: { kind: 'directory', shape: moveStatisticsShape, source: statistics(context, request, mailbox) },
    };
  }
}

export const getMoveRequestStatistics: Cmdlet = {
  ...measuring,
  module: 'Microsoft.Exchange',
  parameterSets: ['Identity'],
  parameters: [
    targetParameter('MoveRequestIdParameter'),
    switchParameter('IncludeReport'),
    switchParameter('Diagnostic'),
    domainControllerParameter,
  ],
  run: runStatistics,
};

const removing: Asking = { name: 'Remove-MoveRequest', taskClass: `${base}.RemoveMoveRequest` };

function* runRemove(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const { moves } = context.organization;
  for (const { mailbox } of moved(args, context, removing)) {
    const request = moves.of(mailbox.index);
    if (request === undefined) throw noSuchRequest(context, removing, args.text('Identity') ?? mailbox.name);
    const action =
      request.status === 'Completed'
        ? `Removing completed move request "${mailbox.canonicalName}".`
        : `Removing move request "${mailbox.canonicalName}" will cancel the move.`;
    if (yield* confirmed(args, action, { impact: 'high' })) moves.remove(request);
  }
}

export const removeMoveRequest: Cmdlet = {
  ...removing,
  module: 'Microsoft.Exchange',
  parameterSets: ['Identity'],
  parameters: [targetParameter('MoveRequestIdParameter'), switchParameter('Force'), ...writeParameters],
  run: runRemove,
};
