/* MoveRequest and MoveRequestStatistics objects. */
import { byteSizeText } from '../organization/byte-size.ts';
import type { MailboxMove, Recipient } from '../organization/mailbox.ts';
import type { Moment } from '../organization/moment.ts';
import type { MoveRequest } from '../organization/move-requests.ts';
import { moveDatabase } from './mailbox-shape.ts';
import { type ObjectShape, type PropertyShape, shapeOf } from './object-shape.ts';
import {
  chainOf,
  directoryId,
  emptyGuidValue,
  enumValue,
  falseValue,
  guidValue,
  integerValue,
  local,
  nullValue,
  opaque,
  type ServerValue,
  stringValue,
  trueValue,
  utc,
} from './server-value.ts';

/** An account that tells of its move. */
export interface MoveView {
  readonly mailbox: Recipient;
  readonly move: MailboxMove;
}
/** What the replication service knows of a move. */
export interface MoveStatisticsView {
  readonly request: MoveRequest;
  readonly mailbox: Recipient;
  readonly nowMs: number;
}

const statusNumbers = { Queued: 1, InProgress: 2, Completed: 10, Suspended: 98, Failed: 99 } as const;
const status = (name: keyof typeof statusNumbers): ServerValue =>
  enumValue('Microsoft.Exchange.Data.Directory.Recipient.RequestStatus', name, statusNumbers[name]);
const flags = enumValue('Microsoft.Exchange.Data.Directory.Recipient.RequestFlags', 'IntraOrg, Pull', 5);
const direction = enumValue('Microsoft.Exchange.Data.Directory.Recipient.RequestDirection', 'Pull', 1);
const style = enumValue('Microsoft.Exchange.Data.Directory.Recipient.RequestStyle', 'IntraOrg', 1);
const mailboxId = (m: Recipient): ServerValue =>
  directoryId(m.canonicalName, { dn: m.distinguishedName, guid: m.guid, domain: m.domain.name, name: m.name });
const moment = (ms: number): Moment => ({ ms: Math.floor(ms / 1000) * 1000, fraction: '' });
const details = (m: Recipient): ServerValue =>
  enumValue('Microsoft.Exchange.Data.Directory.Recipient.RecipientTypeDetails', m.details, m.detailsValue);

const requestProperties: readonly PropertyShape<MoveView>[] = [
  { name: 'ExchangeGuid', value: ({ mailbox }) => guidValue(mailbox.exchangeGuid) },
  { name: 'SourceDatabase', value: ({ mailbox, move }) => moveDatabase(mailbox, move.sourceDatabase) },
  { name: 'TargetDatabase', value: ({ mailbox, move }) => moveDatabase(mailbox, move.targetDatabase) },
  { name: 'SourceArchiveDatabase', value: nullValue },
  { name: 'TargetArchiveDatabase', value: nullValue },
  { name: 'Flags', value: flags },
  { name: 'RemoteHostName', value: stringValue('') },
  { name: 'BatchName', value: ({ move }) => stringValue(move.batchName) },
  { name: 'Status', value: ({ move }) => status(move.status) },
  { name: 'RequestStyle', value: style },
  { name: 'Direction', value: direction },
  { name: 'IsOffline', value: falseValue },
  { name: 'Protect', value: falseValue },
  { name: 'Suspend', value: ({ move }) => (move.suspended ? trueValue : falseValue) },
  { name: 'SuspendWhenReadyToComplete', value: falseValue },
  { name: 'Alias', value: ({ mailbox }) => stringValue(mailbox.alias) },
  { name: 'DisplayName', value: ({ mailbox }) => stringValue(mailbox.displayName) },
  {
    name: 'RecipientType',
    value: enumValue('Microsoft.Exchange.Data.Directory.Recipient.RecipientType', 'UserMailbox', 1),
  },
  { name: 'RecipientTypeDetails', value: ({ mailbox }) => details(mailbox) },
  { name: 'Identity', value: ({ mailbox }) => mailboxId(mailbox) },
  { name: 'IsValid', value: trueValue },
  { name: 'ExchangeVersion', value: opaque('Microsoft.Exchange.Data.ExchangeObjectVersion', '0.20 (15.0.0.0)') },
  { name: 'Name', value: ({ mailbox }) => stringValue(mailbox.name) },
  { name: 'DistinguishedName', value: ({ mailbox }) => stringValue(mailbox.distinguishedName) },
  { name: 'Guid', value: ({ mailbox }) => guidValue(mailbox.guid) },
  { name: 'WhenChanged', value: ({ mailbox }) => local(mailbox.whenChanged) },
  { name: 'WhenCreated', value: ({ mailbox }) => local(mailbox.whenCreated) },
  { name: 'WhenChangedUTC', value: ({ mailbox }) => utc(mailbox.whenChanged) },
  { name: 'WhenCreatedUTC', value: ({ mailbox }) => utc(mailbox.whenCreated) },
  { name: 'OrganizationId', value: opaque('Microsoft.Exchange.Data.Directory.OrganizationId', '') },
  { name: 'Id', value: ({ mailbox }) => mailboxId(mailbox) },
  { name: 'OriginatingServer', value: ({ mailbox }) => stringValue(mailbox.originatingServer) },
  { name: 'ObjectState', value: enumValue('Microsoft.Exchange.Data.ObjectState', 'Unchanged', 1) },
];

export const moveRequestShape: ObjectShape<MoveView> = shapeOf({
  types: chainOf(
    'Microsoft.Exchange.Data.Directory.Management.MoveRequest',
    'Microsoft.Exchange.Data.Directory.Management.ADPresentationObject',
    'Microsoft.Exchange.Data.Directory.ADObject',
    'Microsoft.Exchange.Data.Directory.ADRawEntry',
    'Microsoft.Exchange.Data.ConfigurableObject',
    'System.Object',
  ),
  properties: requestProperties,
  display: ({ mailbox }) => mailbox.displayName,
});

/** How much of it is done, in percent: the last twentieth is taken by completing. */
function percent({ request, nowMs }: MoveStatisticsView): number {
  if (request.status === 'Completed') return 100;
  if (request.status !== 'InProgress') return 0;
  const part = (nowMs - request.startsAtMs) / Math.max(1, request.endsAtMs - request.startsAtMs);
  return Math.max(10, Math.min(95, Math.floor(part * 95)));
}
const detailOf = ({ request }: MoveStatisticsView): string =>
  request.status === 'InProgress' ? 'CopyingMessages' : request.status;
const time = (ms: number | undefined): ServerValue => (ms === undefined ? nullValue : local(moment(ms)));

const statisticsProperties: readonly PropertyShape<MoveStatisticsView>[] = [
  { name: 'MailboxIdentity', value: ({ mailbox }) => mailboxId(mailbox) },
  { name: 'DistinguishedName', value: ({ mailbox }) => stringValue(mailbox.distinguishedName) },
  { name: 'DisplayName', value: ({ mailbox }) => stringValue(mailbox.displayName) },
  { name: 'Alias', value: ({ mailbox }) => stringValue(mailbox.alias) },
  { name: 'ExchangeGuid', value: ({ mailbox }) => guidValue(mailbox.exchangeGuid) },
  {
    name: 'ArchiveGuid',
    value: ({ mailbox }) => (mailbox.archiveGuid === undefined ? nullValue : guidValue(mailbox.archiveGuid)),
  },
  { name: 'Status', value: ({ request }) => status(request.status) },
  {
    name: 'StatusDetail',
    value: (view) => opaque('Microsoft.Exchange.Management.RecipientTasks.RequestState', detailOf(view)),
  },
  {
    name: 'SyncStage',
    value: ({ request }) =>
      stringValue(
        request.status === 'Completed' ? 'SyncFinished' : request.status === 'InProgress' ? 'CopyingMessages' : 'None',
      ),
  },
  { name: 'Flags', value: flags },
  { name: 'RequestStyle', value: style },
  { name: 'Direction', value: direction },
  { name: 'IsOffline', value: falseValue },
  { name: 'Protect', value: falseValue },
  { name: 'Suspend', value: ({ request }) => (request.status === 'Suspended' ? trueValue : falseValue) },
  { name: 'SourceDatabase', value: ({ mailbox, request }) => moveDatabase(mailbox, request.source) },
  { name: 'TargetDatabase', value: ({ mailbox, request }) => moveDatabase(mailbox, request.target) },
  { name: 'BatchName', value: ({ request }) => stringValue(request.batchName) },
  {
    name: 'BadItemLimit',
    value: ({ request }) => opaque('Microsoft.Exchange.Data.Unlimited`1', request.badItemLimit),
  },
  { name: 'BadItemsEncountered', value: integerValue(0) },
  { name: 'QueuedTimestamp', value: ({ request }) => time(request.queuedAtMs) },
  {
    name: 'StartTimestamp',
    value: ({ request }) =>
      time(request.status === 'Queued' || request.status === 'Suspended' ? undefined : request.startsAtMs),
  },
  { name: 'LastUpdateTimestamp', value: ({ nowMs }) => time(nowMs) },
  {
    name: 'CompletionTimestamp',
    value: ({ request }) => time(request.status === 'Completed' ? request.endsAtMs : undefined),
  },
  {
    name: 'FailureTimestamp',
    value: ({ request }) => time(request.status === 'Failed' ? request.endsAtMs : undefined),
  },
  {
    name: 'FailureCode',
    value: ({ request }) => (request.failure === undefined ? nullValue : integerValue(-2_146_233_088)),
  },
  {
    name: 'FailureType',
    value: ({ request }) => stringValue(request.failure === undefined ? '' : 'MapiPermanentException'),
  },
  {
    name: 'Message',
    value: ({ request }) => stringValue(request.failure === undefined ? '' : `Error: ${request.failure}`),
  },
  {
    name: 'TotalMailboxSize',
    value: ({ request }) => opaque('Microsoft.Exchange.Data.ByteQuantifiedSize', byteSizeText(request.sizeBytes)),
  },
  { name: 'TotalMailboxItemCount', value: ({ request }) => integerValue(Math.floor(request.sizeBytes / 65_536)) },
  {
    name: 'BytesTransferred',
    value: (view) =>
      opaque(
        'Microsoft.Exchange.Data.ByteQuantifiedSize',
        byteSizeText(Math.floor((view.request.sizeBytes * percent(view)) / 100)),
      ),
  },
  { name: 'PercentComplete', value: (view) => integerValue(percent(view)) },
  { name: 'RequestGuid', value: emptyGuidValue },
  { name: 'Identity', value: ({ mailbox }) => mailboxId(mailbox) },
  { name: 'IsValid', value: trueValue },
  { name: 'ObjectState', value: enumValue('Microsoft.Exchange.Data.ObjectState', 'New', 0) },
];

export const moveStatisticsShape: ObjectShape<MoveStatisticsView> = shapeOf({
  types: chainOf(
    'Microsoft.Exchange.Management.RecipientTasks.MoveRequestStatistics',
    'Microsoft.Exchange.Management.RecipientTasks.RequestStatisticsBase',
    'Microsoft.Exchange.Data.ConfigurableObject',
    'System.Object',
  ),
  properties: statisticsProperties,
  display: ({ mailbox }) => mailbox.displayName,
  blob: false,
});
