/*
 * What is asked of Exchange: cmdlets and typed parameters, never script text, because the endpoint runs in
 * no-language mode. Sizes, identities and filters are strings that the server's parameter binder converts.
 */
import {
  type CommandParameter,
  type PipelineCommand,
  type PipelineRequest,
  psArray,
  psBoolean,
  psString,
} from '@exchange-connector/psrp';

/** What a connection's settings leave in view; everything where nothing is set. */
export interface ExportScope {
  readonly organizationalUnits: readonly string[];
  readonly databases: readonly string[];
  readonly recipientTypeDetails: readonly string[];
  readonly filter: string | undefined;
  readonly includeArbitration: boolean;
  readonly includePublicFolder: boolean;
  readonly includeAuditLog: boolean;
  readonly includeMonitoring: boolean;
}

/** One `Get-Mailbox` to run; the mailboxes of an export are those of all of them, each once. */
export interface MailboxSelection {
  /** For messages: `all mailboxes`, or what narrows the selection. */
  readonly description: string;
  readonly parameters: readonly CommandParameter[];
}

function text(name: string, value: string): CommandParameter {
  return { name, value: psString(value) };
}

function flag(name: string): CommandParameter {
  return { name, value: psBoolean(true) };
}

function texts(name: string, values: readonly string[]): CommandParameter {
  return { name, value: psArray(values.map((value) => psString(value))) };
}

function command(name: string, parameters: readonly CommandParameter[] = []): PipelineCommand {
  return { name, parameters };
}

/** A request of one statement. */
function pipeline(...commands: PipelineCommand[]): PipelineRequest {
  return { statements: [commands] };
}

/** `Select-Object -Property …`: the server sends only these. */
export function projectOnServer(properties: readonly string[]): PipelineCommand {
  return command('Select-Object', [texts('Property', properties)]);
}

/** Which directory servers a session is to read from. */
export interface PinnedServers {
  readonly domainController: string | undefined;
  readonly globalCatalog: string | undefined;
  /** Those that an earlier session of the same reading read from, at most one a domain. */
  readonly alsoDomainControllers?: readonly string[];
}

/** `Set-ADServerSettings`: the whole forest in view, reads pinned where servers are named. */
export function forestViewRequest(pins: PinnedServers): PipelineRequest {
  const parameters = [flag('ViewEntireForest')];
  if (pins.globalCatalog !== undefined) parameters.push(text('PreferredGlobalCatalog', pins.globalCatalog));
  const controllers = [pins.domainController, ...(pins.alsoDomainControllers ?? [])].filter(
    (name) => name !== undefined,
  );
  if (controllers.length > 0) parameters.push(texts('SetPreferredDomainControllers', [...new Set(controllers)]));
  return pipeline(command('Set-ADServerSettings', parameters));
}

/** `Get-MailboxDatabase`; without `-Status` the server leaves `Mounted` empty. */
export function databasesRequest(options: {
  readonly status: boolean;
  readonly properties?: readonly string[] | undefined;
  readonly domainController?: string | undefined;
}): PipelineRequest {
  const parameters: CommandParameter[] = options.status ? [flag('Status')] : [];
  if (options.domainController !== undefined) parameters.push(text('DomainController', options.domainController));
  const commands = [command('Get-MailboxDatabase', parameters)];
  if (options.properties !== undefined) commands.push(projectOnServer(options.properties));
  return pipeline(...commands);
}

/** The kinds of mailboxes that `Get-Mailbox` hides unless its switch asks for them, and then gives alone. */
const hiddenKinds = [
  ['includeArbitration', 'Arbitration'],
  ['includePublicFolder', 'PublicFolder'],
  ['includeAuditLog', 'AuditLog'],
  ['includeMonitoring', 'Monitoring'],
] as const;

/**
 * The selections of a scope: organizational units times databases (a cmdlet takes one of each), and the
 * same again for each hidden kind that is switched on. `-RecipientTypeDetails` does not narrow those: no
 * value of it names an arbitration or audit-log mailbox.
 */
export function mailboxSelections(scope: ExportScope): MailboxSelection[] {
  const units = scope.organizationalUnits.length > 0 ? scope.organizationalUnits : [undefined];
  const databases = scope.databases.length > 0 ? scope.databases : [undefined];
  const kinds = [undefined, ...hiddenKinds.filter(([setting]) => scope[setting]).map(([, name]) => name)];
  const selections: MailboxSelection[] = [];
  for (const kind of kinds) {
    for (const unit of units) {
      for (const database of databases) selections.push(selection(scope, kind, unit, database));
    }
  }
  return selections;
}

/**
 * A filter of the settings as it may stand beside another one in parentheses: PowerShell's documentation writes filters
 * in braces, and a server takes those around the whole alone. Undefined for one that is blank.
 */
export function plainFilter(filter: string | undefined): string | undefined {
  const text = filter?.trim() ?? '';
  const plain = text.startsWith('{') && text.endsWith('}') ? text.slice(1, -1).trim() : text;
  return plain === '' ? undefined : plain;
}

function selection(
  scope: ExportScope,
  kind: string | undefined,
  unit: string | undefined,
  database: string | undefined,
): MailboxSelection {
  const parameters: CommandParameter[] = [];
  const words: string[] = [];
  if (kind !== undefined) {
    parameters.push(flag(kind));
    words.push(`-${kind}`);
  }
  if (unit !== undefined) {
    parameters.push(text('OrganizationalUnit', unit));
    words.push(`-OrganizationalUnit ${unit}`);
  }
  if (database !== undefined) {
    parameters.push(text('Database', database));
    words.push(`-Database ${database}`);
  }
  if (kind === undefined && scope.recipientTypeDetails.length > 0) {
    parameters.push(texts('RecipientTypeDetails', scope.recipientTypeDetails));
    words.push(`-RecipientTypeDetails ${scope.recipientTypeDetails.join(',')}`);
  }
  const filter = plainFilter(scope.filter);
  if (filter !== undefined) {
    parameters.push(text('Filter', filter));
    words.push(`-Filter "${filter}"`);
  }
  return { description: words.length === 0 ? 'all mailboxes' : words.join(' '), parameters };
}

/** A selection with less in view: one database, a filter beside its own. */
export function narrowSelection(
  selection: MailboxSelection,
  by: {
    readonly database?: { readonly guid: string; readonly name: string } | undefined;
    readonly filter?: string | undefined;
  },
): MailboxSelection {
  const words = selection.parameters.length === 0 ? [] : [selection.description];
  let parameters = [...selection.parameters];
  if (by.database !== undefined) {
    // By its GUID, which a rename during the reading leaves alone.
    parameters.push(text('Database', by.database.guid));
    words.push(`-Database ${by.database.name}`);
  }
  if (by.filter !== undefined) {
    const own = parameters.find(({ name }) => name === 'Filter')?.value;
    const filter = own?.kind === 'S' ? `(${own.value}) -and ${by.filter}` : by.filter;
    parameters = [...parameters.filter(({ name }) => name !== 'Filter'), text('Filter', filter)];
    words.push(`-Filter "${by.filter}"`);
  }
  return { description: words.length === 0 ? selection.description : words.join(' '), parameters };
}

/** Where a session is bound to one domain, the domain controller that every cmdlet is told. */
export interface MailboxesOptions {
  readonly resultSize: 'Unlimited' | number;
  readonly properties?: readonly string[] | undefined;
  readonly domainController?: string | undefined;
}

function getMailbox(selection: MailboxSelection, options: MailboxesOptions): PipelineCommand {
  const parameters = [text('ResultSize', String(options.resultSize)), ...selection.parameters];
  if (options.domainController !== undefined) parameters.push(text('DomainController', options.domainController));
  return command('Get-Mailbox', parameters);
}

/** `Get-Mailbox -ResultSize …`, projected on the server where `properties` are named. */
export function mailboxesRequest(selection: MailboxSelection, options: MailboxesOptions): PipelineRequest {
  const commands = [getMailbox(selection, options)];
  if (options.properties !== undefined) commands.push(projectOnServer(options.properties));
  return pipeline(...commands);
}

/** How many mailboxes a selection has: the server reads and counts them, one object comes back. */
export function mailboxCountRequest(selection: MailboxSelection, domainController?: string): PipelineRequest {
  return pipeline(getMailbox(selection, { resultSize: 'Unlimited', domainController }), command('Measure-Object'));
}

/**
 * One mailbox by its GUID.
 * @param guid must not be empty: `Get-Mailbox -Identity` with an empty identity returns everything
 * @param among a selection that it is of: its switches show kinds that are hidden otherwise
 */
export function oneMailboxRequest(
  guid: string,
  properties?: readonly string[],
  among?: MailboxSelection,
): PipelineRequest {
  if (guid === '') throw new RangeError('Get-Mailbox with an empty identity would return every mailbox');
  const switches = (among?.parameters ?? []).filter(({ value }) => value.kind === 'B');
  const commands = [command('Get-Mailbox', [text('Identity', guid), ...switches])];
  if (properties !== undefined) commands.push(projectOnServer(properties));
  return pipeline(...commands);
}

/** The Exchange servers of the organisation, with their versions. */
export function exchangeServersRequest(): PipelineRequest {
  return pipeline(command('Get-ExchangeServer'));
}

/** Whether the account may use a cmdlet, and with which parameters. */
export function commandRequest(name: string): PipelineRequest {
  return pipeline(command('Get-Command', [text('Name', name)]));
}
