/* The kinds of mailbox, how Exchange names them, and which of them Get-Mailbox hides. */

export const MailboxKind = {
  user: { details: 'UserMailbox', detailsValue: 1n, hidden: undefined },
  linked: { details: 'LinkedMailbox', detailsValue: 2n, hidden: undefined },
  shared: { details: 'SharedMailbox', detailsValue: 4n, hidden: undefined },
  room: { details: 'RoomMailbox', detailsValue: 16n, hidden: undefined },
  equipment: { details: 'EquipmentMailbox', detailsValue: 32n, hidden: undefined },
  discovery: { details: 'DiscoveryMailbox', detailsValue: 536_870_912n, hidden: undefined },
  arbitration: { details: 'ArbitrationMailbox', detailsValue: 8_388_608n, hidden: 'Arbitration' },
  publicFolder: { details: 'PublicFolderMailbox', detailsValue: 68_719_476_736n, hidden: 'PublicFolder' },
  monitoring: { details: 'MonitoringMailbox', detailsValue: 549_755_813_888n, hidden: 'Monitoring' },
  auditLog: { details: 'AuditLogMailbox', detailsValue: 4_398_046_511_104n, hidden: 'AuditLog' },
} as const;

/** A kind's key in `MailboxKind`. */
export type MailboxKindName = keyof typeof MailboxKind;

/** The switch of Get-Mailbox that shows a hidden kind. */
export type HiddenSwitch = Exclude<(typeof MailboxKind)[MailboxKindName]['hidden'], undefined>;

/** The first mailboxes are one of each kind, so that a small organisation has them all. */
const first: readonly MailboxKindName[] = [
  'user',
  'shared',
  'room',
  'equipment',
  'linked',
  'user',
  'user',
  'discovery',
  'arbitration',
  'publicFolder',
  'auditLog',
  'monitoring',
];

/** Index of the mailbox whose account is disabled, and of the one that is synchronised, among the first ones. */
export const firstDisabled = 5;
export const firstDirSynced = 6;

/** Mailboxes before this index have a fixed kind. */
export const fixedKinds = first.length;

const perThousand: readonly (readonly [MailboxKindName, number])[] = [
  ['shared', 60],
  ['room', 40],
  ['equipment', 20],
  ['linked', 20],
  ['discovery', 1],
  ['arbitration', 3],
  ['publicFolder', 4],
  ['auditLog', 2],
  ['monitoring', 10],
];

const table: readonly MailboxKindName[] = [
  ...perThousand.flatMap(([kind, count]) => Array.from({ length: count }, () => kind)),
  ...Array.from({ length: 840 }, () => 'user' as const),
];

/** Between the fixed kinds and this index stand users only, who carry the certain peculiarities. */
const usersBefore = 48;

/** The kind of mailbox `index`, given 32 bits of its own. */
export function kindOf(index: number, value: number): MailboxKindName {
  return first[index] ?? (index < usersBefore ? 'user' : (table[value % table.length] as MailboxKindName));
}
