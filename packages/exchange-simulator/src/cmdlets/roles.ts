/*
 * Management roles: which cmdlets each gives. What an account has is the union of its roles' cmdlets; a cmdlet
 * or parameter outside of them is not refused but absent.
 * https://learn.microsoft.com/exchange/understanding-management-roles-exchange-2013-help
 */

const reading = ['Set-ADServerSettings', 'Get-DomainController', 'Get-ExchangeServer', 'Get-OrganizationalUnit'];
const recipientReads = ['Get-Mailbox', 'Get-Recipient', 'Get-User'];
/** Every session has these. */
export const publicCommands: readonly string[] = ['Get-Command', 'Select-Object', 'Measure-Object', 'Out-Default'];

/** The cmdlets of this simulator by role, as Exchange names the roles. */
export const managementRoles: Readonly<Record<string, readonly string[]>> = {
  'View-Only Recipients': [
    ...reading,
    ...recipientReads,
    'Get-MailboxDatabase',
    'Get-MoveRequest',
    'Get-MoveRequestStatistics',
  ],
  'View-Only Configuration': [...reading, 'Get-MailboxDatabase', 'Get-MailboxDatabaseCopyStatus'],
  'Mail Recipients': [
    ...reading,
    ...recipientReads,
    'Get-MailboxDatabase',
    'Enable-Mailbox',
    'Set-Mailbox',
    'Disable-Mailbox',
    'Connect-Mailbox',
  ],
  'Mail Recipient Creation': [...reading, ...recipientReads, 'Get-MailboxDatabase', 'Remove-Mailbox'],
  'Move Mailboxes': [
    ...reading,
    ...recipientReads,
    'Get-MailboxDatabase',
    'New-MoveRequest',
    'Get-MoveRequest',
    'Get-MoveRequestStatistics',
    'Remove-MoveRequest',
  ],
  Databases: [
    ...reading,
    'Get-MailboxDatabase',
    'New-MailboxDatabase',
    'Set-MailboxDatabase',
    'Remove-MailboxDatabase',
    'Mount-Database',
    'Dismount-Database',
    'Get-MailboxDatabaseCopyStatus',
  ],
  'Database Copies': [
    ...reading,
    'Get-MailboxDatabase',
    'Get-MailboxDatabaseCopyStatus',
    'Add-MailboxDatabaseCopy',
    'Remove-MailboxDatabaseCopy',
  ],
};
