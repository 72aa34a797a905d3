/* The steps of `check` inside an open session: what the account may use, and one object of each kind. */
import type { ConnectionSettings } from '@exchange-connector/config';
import {
  commandRequest,
  databaseColumns,
  databasesRequest,
  describeError,
  isParameterMissing,
  mailboxColumns,
  mailboxesRequest,
  mailboxSelections,
  openForestView,
  propertiesOf,
  propertyNames,
  readWholeObject,
  runPipeline,
  statusMissing,
} from '@exchange-connector/connector';
import {
  decodeCliXml,
  type ErrorRecord,
  type PipelineRequest,
  property,
  type PsObject,
  type PsValue,
  type RemoteSession,
  textOf,
} from '@exchange-connector/psrp';
import type { Finding } from './reach-server.ts';

/** A session that is being looked into. */
export interface SessionLook {
  readonly session: RemoteSession;
  readonly connection: ConnectionSettings;
  readonly signal: AbortSignal;
  readonly warnings: string[];
  /** The one that the cmdlets are told, where the session could not be pinned. */
  domainController: string | undefined;
}

interface NeededCommand {
  readonly name: string;
  readonly parameters: readonly string[];
  /** What is lost without it, where the export can do without. */
  readonly without: string | undefined;
  /** What is lost where the cmdlet is there and a parameter is not; the same as without the cmdlet where this is not said. */
  readonly withoutParameters?: string;
}

function neededCommands(connection: ConnectionSettings): NeededCommand[] {
  const scope = new Set(
    mailboxSelections(connection).flatMap(({ parameters }) => parameters.map(({ name }) => name ?? '')),
  );
  const pins = [
    ...(connection.globalCatalog === undefined ? [] : ['PreferredGlobalCatalog']),
    ...(connection.domainController === undefined ? [] : ['SetPreferredDomainControllers']),
  ];
  return [
    { name: 'Get-Mailbox', parameters: ['Identity', 'ResultSize', ...scope], without: undefined },
    {
      name: 'Get-MailboxDatabase',
      parameters: ['Status'],
      without: undefined,
      withoutParameters: 'the column Mounted is empty',
    },
    { name: 'Set-ADServerSettings', parameters: ['ViewEntireForest', ...pins], without: 'only one domain is in view' },
    { name: 'Select-Object', parameters: ['Property'], without: 'whole objects are read, which takes longer' },
    { name: 'Measure-Object', parameters: [], without: 'mailboxes are not counted before they are read' },
  ];
}

/** The keys of `Parameters`, where the server lists them; undefined where it does not. */
function parameterNames(value: PsValue | undefined): Set<string> | undefined {
  if (value === undefined) return undefined;
  const inner = value.kind === 'Obj' ? value.base : value;
  if (inner?.kind !== 'DCT') return undefined;
  return new Set(inner.entries.map(({ key }) => (textOf(key) ?? '').toLowerCase()));
}

interface CommandLook {
  readonly isThere: boolean;
  readonly parameters: ReadonlySet<string> | undefined;
}

async function lookAtCommand(look: SessionLook, name: string): Promise<CommandLook | 'unknown'> {
  let found: CommandLook = { isThere: false, parameters: undefined };
  const outcome = await runPipeline(look.session, commandRequest(name), {
    signal: look.signal,
    onWarning: (message) => void look.warnings.push(message),
    onOutput: (body) => {
      found = { isThere: true, parameters: parameterNames(property(decodeCliXml(body), 'Parameters')) };
      return true;
    },
  });
  if (outcome.kind === 'failed' && outcome.error?.fullyQualifiedErrorId.includes('CommandNotFoundException') === true) {
    // Either the command asked for is not there, or Get-Command itself is not: the target tells which.
    const target = `${outcome.error.categoryTargetName} ${outcome.error.message}`;
    return /Get-Command/i.test(target) ? 'unknown' : found;
  }
  return found;
}

/** Whether the account has each cmdlet and parameter that an export with these settings uses. */
export async function checkCmdlets(look: SessionLook): Promise<Finding> {
  const missing: string[] = [];
  const soft: string[] = [];
  const passed: string[] = [];
  for (const needed of neededCommands(look.connection)) {
    const seen = await lookAtCommand(look, needed.name);
    if (seen === 'unknown') {
      return {
        ok: true,
        detail: 'the account may not use Get-Command, so cmdlets show only when they are used',
        warning: undefined,
      };
    }
    const { parameters } = seen;
    const lacking =
      parameters === undefined ? [] : needed.parameters.filter((name) => !parameters.has(name.toLowerCase()));
    if (seen.isThere && lacking.length === 0) {
      passed.push(needed.name);
      continue;
    }
    const what = seen.isThere ? `${needed.name} without -${lacking.join(', -')}` : `no ${needed.name}`;
    const lost = seen.isThere ? (needed.withoutParameters ?? needed.without) : needed.without;
    if (lost === undefined) missing.push(what);
    else soft.push(`${what}: ${lost}`);
  }
  if (missing.length > 0) {
    return {
      ok: false,
      detail: `the account has ${missing.join('; ')}${soft.length > 0 ? ` (and ${soft.join('; ')})` : ''}`,
      mend: 'give the account a management role that holds them, e.g. Add-RoleGroupMember "View-Only Organization Management" -Member <account>',
    };
  }
  return {
    ok: true,
    detail: `the account may use ${passed.join(', ')}`,
    warning: soft.length > 0 ? `the account has ${soft.join('; ')}` : undefined,
  };
}

async function firstObject(
  look: SessionLook,
  request: PipelineRequest,
  what: string,
): Promise<{
  readonly object: PsObject | undefined;
  readonly error: ErrorRecord | undefined;
  readonly failure: string | undefined;
}> {
  let object: PsObject | undefined;
  const outcome = await runPipeline(look.session, request, {
    signal: look.signal,
    onWarning: (message) => void look.warnings.push(message),
    onOutput: (body) => {
      object = readWholeObject(body, what);
      return false;
    },
  });
  if (outcome.kind === 'failed') return { object, error: outcome.error, failure: describeError(outcome.error) };
  const error = outcome.kind === 'completed' ? outcome.errors[0] : undefined;
  return { object, error, failure: error === undefined || object !== undefined ? undefined : describeError(error) };
}

function describeObject(
  object: PsObject,
  columns: readonly { readonly properties: readonly string[]; readonly name: string }[],
): string {
  const names = new Set(propertyNames(object).map((name) => name.toLowerCase()));
  const missing = columns.filter(({ properties }) => !properties.some((name) => names.has(name.toLowerCase())));
  const filled = `it fills ${columns.length - missing.length} of ${columns.length} columns`;
  return missing.length === 0 ? filled : `${filled}, not ${missing.map(({ name }) => name).join(', ')}`;
}

/** Opens the forest view and reads one mailbox. */
export async function checkMailbox(look: SessionLook): Promise<Finding> {
  const { connection } = look;
  const remarks: string[] = [];
  const view = await openForestView(
    look.session,
    { domainController: connection.domainController, globalCatalog: connection.globalCatalog },
    { signal: look.signal, onWarning: (message) => void remarks.push(message) },
  );
  look.domainController = view.domainController;
  for (const selection of mailboxSelections(connection)) {
    const request = mailboxesRequest(selection, { resultSize: 1, domainController: look.domainController });
    const { object, failure } = await firstObject(look, request, 'one mailbox');
    if (failure !== undefined) {
      return {
        ok: false,
        detail: `Get-Mailbox (${selection.description}): ${failure}`,
        mend: 'check the scope in the settings and the management roles of the account',
      };
    }
    if (object !== undefined) {
      const columns = mailboxColumns(connection.additionalColumns).columns.map((column) => ({
        name: column.name,
        properties: propertiesOf(column),
      }));
      const scope = view.forestView ? 'the whole forest is in view' : 'one domain is in view';
      return {
        ok: true,
        detail: `one mailbox was read: ${describeObject(object, columns)}; ${scope}`,
        warning: remarks[0],
      };
    }
  }
  return {
    ok: true,
    detail: 'no mailbox is in view',
    warning: 'check the scope in the settings: an export would have no mailbox',
  };
}

/** Reads one database. */
export async function checkDatabase(look: SessionLook): Promise<Finding> {
  const { domainController } = look;
  const read = (status: boolean) =>
    firstObject(look, databasesRequest({ status, domainController }), 'one mailbox database');
  let found = await read(true);
  const isStatusMissing = found.object === undefined && isParameterMissing(found.error);
  if (isStatusMissing) found = await read(false);
  const { object, failure } = found;
  if (failure !== undefined) {
    return {
      ok: false,
      detail: `Get-MailboxDatabase${isStatusMissing ? '' : ' -Status'}: ${failure}`,
      mend: 'check the management roles of the account',
    };
  }
  if (object === undefined)
    return { ok: true, detail: 'no mailbox database is in view', warning: 'an export would have no database' };
  const columns = databaseColumns().columns.map((column) => ({ name: column.name, properties: propertiesOf(column) }));
  const detail = `one database was read: ${describeObject(object, columns)}`;
  return isStatusMissing ? { ok: true, detail, warning: statusMissing } : { ok: true, detail };
}
