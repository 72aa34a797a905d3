/* DatabaseCopyStatusEntry objects, as Get-MailboxDatabaseCopyStatus gives them. */
import type { ExchangeServer, MailboxDatabase } from '../organization/forest.ts';
import { stringList } from './mailbox-shape.ts';
import { type ObjectShape, type PropertyShape, shapeOf } from './object-shape.ts';
import {
  booleanValue,
  chainOf,
  enumValue,
  falseValue,
  integerValue,
  listValue,
  local,
  nullValue,
  type ServerValue,
  stringValue,
  trueValue,
} from './server-value.ts';

/** One copy of a database, on one server. */
export interface DatabaseCopyView {
  readonly database: MailboxDatabase;
  readonly server: ExchangeServer;
  /** Whether the active copy is mounted. */
  readonly mounted: boolean;
}

const isActive = ({ database, server }: DatabaseCopyView): boolean => database.server === server;
/** `DB01\EX02` */
const nameOf = ({ database, server }: DatabaseCopyView): string => `${database.name}\\${server.name}`;

const statuses = { Mounted: 11, Dismounted: 12, Healthy: 2 } as const;

function statusOf(copy: DatabaseCopyView): keyof typeof statuses {
  if (!isActive(copy)) return 'Healthy';
  return copy.mounted ? 'Mounted' : 'Dismounted';
}

/** What a passive copy has, and the active one has not. */
const passive =
  (read: (database: MailboxDatabase) => ServerValue, otherwise: ServerValue) =>
  (copy: DatabaseCopyView): ServerValue =>
    isActive(copy) ? otherwise : read(copy.database);
const moment = (database: MailboxDatabase): ServerValue => local({ ms: database.whenChangedMs, fraction: '' });
const logTime = passive(moment, nullValue);
/** Logs are of a megabyte each, and a database is as large as its logs were. */
const logNumber = passive((database) => integerValue(Math.round(database.sizeBytes / 1_048_576)), integerValue(0));

const always: Readonly<Record<string, ServerValue>> = {
  ActivationSuspended: falseValue,
  ActionInitiator: enumValue('Microsoft.Exchange.Rpc.Cluster.ActionInitiatorType', 'Unknown', 0),
  ErrorMessage: nullValue,
  ErrorEventId: nullValue,
  ExtendedErrorInfo: nullValue,
  SuspendComment: nullValue,
  SinglePageRestore: integerValue(0),
  ContentIndexState: enumValue('Microsoft.Exchange.Rpc.Cluster.ContentIndexStatusType', 'Healthy', 1),
  ContentIndexErrorMessage: nullValue,
  CopyQueueLength: integerValue(0),
  ReplayQueueLength: integerValue(0),
};

const properties: readonly PropertyShape<DatabaseCopyView>[] = [
  { name: 'Identity', value: (copy) => stringValue(nameOf(copy)) },
  { name: 'Id', value: (copy) => stringValue(nameOf(copy)) },
  { name: 'Name', value: (copy) => stringValue(nameOf(copy)) },
  { name: 'DatabaseName', value: ({ database }) => stringValue(database.name) },
  {
    name: 'Status',
    value: (copy) =>
      enumValue(
        'Microsoft.Exchange.Management.SystemConfigurationTasks.CopyStatus',
        statusOf(copy),
        statuses[statusOf(copy)],
      ),
  },
  { name: 'MailboxServer', value: ({ server }) => stringValue(server.name) },
  { name: 'ActiveDatabaseCopy', value: ({ database }) => stringValue(database.server.name.toLowerCase()) },
  ...Object.entries(always).map(([name, value]) => ({ name, value })),
  ...[
    'LatestAvailableLogTime',
    'LastCopyNotificationedLogTime',
    'LastCopiedLogTime',
    'LastInspectedLogTime',
    'LastReplayedLogTime',
  ].map((name) => ({ name, value: logTime })),
  ...['LastLogGenerated', 'LastLogCopyNotified', 'LastLogCopied', 'LastLogInspected', 'LastLogReplayed'].map(
    (name) => ({ name, value: logNumber }),
  ),
  { name: 'LogsReplayedSinceInstanceStart', value: integerValue(0) },
  { name: 'LogsCopiedSinceInstanceStart', value: integerValue(0) },
  { name: 'LatestFullBackupTime', value: ({ database }) => (database.index % 2 === 0 ? moment(database) : nullValue) },
  { name: 'LatestIncrementalBackupTime', value: nullValue },
  { name: 'LatestDifferentialBackupTime', value: nullValue },
  { name: 'LatestCopyBackupTime', value: nullValue },
  { name: 'SnapshotBackup', value: trueValue },
  { name: 'SnapshotLatestFullBackup', value: trueValue },
  { name: 'SnapshotLatestIncrementalBackup', value: nullValue },
  { name: 'SnapshotLatestDifferentialBackup', value: nullValue },
  { name: 'SnapshotLatestCopyBackup', value: nullValue },
  { name: 'LogReplayQueueIncreasing', value: falseValue },
  { name: 'LogCopyQueueIncreasing', value: falseValue },
  { name: 'OutstandingDumpsterRequests', value: listValue(stringList, []) },
  { name: 'OutgoingConnections', value: nullValue },
  { name: 'IncomingLogCopyingNetwork', value: nullValue },
  { name: 'SeedingNetwork', value: nullValue },
  { name: 'ActiveCopy', value: (copy) => booleanValue(isActive(copy)) },
  { name: 'IsValid', value: trueValue },
  { name: 'ObjectState', value: enumValue('Microsoft.Exchange.Data.ObjectState', 'New', 0) },
];

export const databaseCopyShape: ObjectShape<DatabaseCopyView> = shapeOf({
  types: chainOf('Microsoft.Exchange.Management.SystemConfigurationTasks.DatabaseCopyStatusEntry', 'System.Object'),
  properties,
  display: nameOf,
  blob: false,
});
