/*
 * What the two files hold, and what the server is asked for to fill them. The headers are a contract with
 * the product that loads the files: names, order and spelling are fixed.
 */

/** The header of `<connectionIdentifier>_mailboxes.csv`: `Command` and 43 columns. */
export const mailboxHeader =
  'Command,Database,EmailAddresses,UseDatabaseRetentionDefaults,RetainDeletedItemsUntilBackup,DeliverToMailboxAndForward,ExchangeGuid,ExchangeUserAccountControl,ForwardingAddress,ForwardingSmtpAddress,IsMailboxEnabled,ProhibitSendQuota,ProhibitSendReceiveQuota,RecoverableItemsQuota,RecoverableItemsWarningQuota,CalendarLoggingQuota,IsResource,IsLinked,IsShared,SamAccountName,AntispamBypassEnabled,ServerName,UseDatabaseQuotaDefaults,UserPrincipalName,WhenMailboxCreated,IsInactiveMailbox,AccountDisabledIsDirSynced,Alias,OrganizationalUnit,DisplayName,MaxSendSize,MaxReceiveSize,PrimarySmtpAddress,RecipientType,RecipientTypeDetails,Identity,IsValid,Name,DistinguishedName,Guid,ObjectCategory,WhenChangedUTC,WhenCreatedUTC,ObjectState';

/** The header of `<connectionIdentifier>_databases.csv`: `Command` and 8 columns. */
export const databaseHeader =
  'Command,Name,Server,Mounted,ObjectCategory,Guid,WhenChangedUTC,WhenCreatedUTC,ObjectState';

/** One column after `Command`, and where its text comes from. */
export type Column =
  /** The text of one property. */
  | { readonly kind: 'property'; readonly name: string; readonly property: string }
  /** Proxy addresses: several values in one cell, the primary one first. */
  | { readonly kind: 'addresses'; readonly name: string; readonly property: string }
  /** Two properties joined by `;`; where one is missing the other stands alone. */
  | { readonly kind: 'pair'; readonly name: string; readonly properties: readonly [string, string] };

/** The columns of one file, in order, without `Command`. */
export interface ColumnPlan {
  readonly columns: readonly Column[];
  /** The names of the properties to ask for, each once, in the order of first use. */
  readonly properties: readonly string[];
  /** Names that were asked for in addition but stand in the header already. */
  readonly repeated: readonly string[];
}

function columnOf(name: string): Column {
  if (name === 'EmailAddresses') return { kind: 'addresses', name, property: name };
  if (name === 'AccountDisabledIsDirSynced') {
    return { kind: 'pair', name, properties: ['AccountDisabled', 'IsDirSynced'] };
  }
  return { kind: 'property', name, property: name };
}

/** The properties that a column reads. */
export function propertiesOf(column: Column): readonly string[] {
  return column.kind === 'pair' ? column.properties : [column.property];
}

function planColumns(names: readonly string[], additional: readonly string[]): ColumnPlan {
  const taken = new Set(['command', ...names.map((name) => name.toLowerCase())]);
  const repeated: string[] = [];
  const columns: Column[] = names.map(columnOf);
  for (const name of additional) {
    if (taken.has(name.toLowerCase())) {
      repeated.push(name);
    } else {
      taken.add(name.toLowerCase());
      columns.push({ kind: 'property', name, property: name });
    }
  }
  return { columns, properties: [...new Set(columns.flatMap(propertiesOf))], repeated };
}

/**
 * The columns of the mailbox file.
 * @param additional property names that follow at the end (`AdditionalColumns`), in the user's spelling;
 *   one that the header has already is left out and told of in `repeated`
 */
export function mailboxColumns(additional: readonly string[] = []): ColumnPlan {
  return planColumns(mailboxHeader.split(',').slice(1), additional);
}

/** The columns of the database file. */
export function databaseColumns(): ColumnPlan {
  return planColumns(databaseHeader.split(',').slice(1), []);
}
