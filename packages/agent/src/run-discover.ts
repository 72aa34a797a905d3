import { randomUUID } from 'node:crypto';
import {
  cellText,
  commandFailed,
  databaseColumns,
  databasesRequest,
  describeError,
  exchangeServersRequest,
  isCommandMissing,
  isParameterMissing,
  mailboxColumns,
  mailboxCountRequest,
  mailboxesRequest,
  type MailboxSelection,
  mailboxSelections,
  noRemarks,
  openForestView,
  oneMailboxRequest,
  type PipelineOutcome,
  propertiesOf,
  propertyNames,
  readWholeObject,
  runPipeline,
  statusMissing,
} from '@exchange-connector/connector';
import {
  decodeCliXml,
  type PipelineRequest,
  property,
  type PsObject,
  psString,
  type RemoteSession,
} from '@exchange-connector/psrp';
import { stateFolder } from './export-paths.ts';
import { ShellNotes } from './left-over-shells.ts';
import { mendLeftovers } from './leftovers.ts';
import { RunLog } from './log.ts';
import { logRequests } from './request-log.ts';
import type {
  ColumnAvailability,
  DiscoveredDatabase,
  DiscoveredServer,
  Discovery,
  DiscoverOutcome,
  RunRequest,
} from './run.ts';
import { endOf } from './run-failure.ts';
import { RunCredential } from './run-credential.ts';
import { openFirstSession } from './session-opening.ts';
import { WarningList } from './warning-list.ts';

/** A session, and where its warnings go. */
interface Look {
  readonly session: RemoteSession;
  readonly warnings: WarningList;
  readonly signal: AbortSignal;
}

/** Tells what the server of a connection offers. Reads only; never throws. */
export async function runDiscover(request: RunRequest): Promise<DiscoverOutcome> {
  const { connection, signal } = request;
  const runId = request.runId ?? randomUUID();
  const log = new RunLog(runId, connection.id);
  const warnings = new WarningList((message, isKept) => {
    log.write(isKept ? 'Warning' : 'Information', message);
    if (isKept) request.onWarning?.(message);
  });
  log.write('Information', `run ${runId} begins: a discovery of ${connection.id}`);
  const stopLogging = logRequests(log);
  const notes = new ShellNotes(stateFolder(request.folders.work, connection.id), runId, false);
  try {
    for (const sentence of await mendLeftovers(stateFolder(request.folders.work, connection.id), runId))
      warnings.add(sentence);
    const onWarning = (message: string): void => warnings.add(message);
    const { session, server } = await openFirstSession(
      new RunCredential(connection, { ...request, onWarning }),
      { ...request, onShell: (notice) => notes.take(notice) },
      onWarning,
    );
    try {
      const discovery = await discover({ session, warnings, signal }, request, server.url);
      return { kind: 'done', exitCode: 0, discovery };
    } finally {
      await session.close();
    }
  } catch (error) {
    const end = endOf(error, signal);
    if (end.kind === 'failed')
      log.write('Error', `discover failed: ${end.failure.message}`, {
        code: end.failure.code,
        recovery: end.failure.recovery,
      });
    return end;
  } finally {
    stopLogging();
  }
}

async function discover(look: Look, request: RunRequest, server: string): Promise<Discovery> {
  const { connection } = request;
  const pins = { domainController: connection.domainController, globalCatalog: connection.globalCatalog };
  const view = await openForestView(look.session, pins, {
    onWarning: (message) => look.warnings.add(message),
    signal: look.signal,
  });
  const servers = await exchangeServers(look);
  const { objects: databases, names: databaseNames } = await readDatabases(look, view.domainController);
  const [first] = mailboxSelections(connection);
  const mailbox = await oneMailbox(
    look,
    first ?? { description: 'all mailboxes', parameters: [] },
    view.domainController,
  );
  const counted: DiscoveredDatabase[] = [];
  for (const database of databases) {
    request.onProgress?.({
      phase: 'counting',
      done: counted.length,
      total: databases.length,
      perSecond: 0,
      secondsLeft: undefined,
    });
    counted.push({ ...database, mailboxes: await countIn(look, database.name, view.domainController) });
  }
  const sum = counted.reduce<number | undefined>(
    (total, { mailboxes }) => (total === undefined || mailboxes === undefined ? undefined : total + mailboxes),
    0,
  );
  return {
    connection: connection.id,
    server,
    protocolVersion: look.session.server.protocolVersion,
    servers,
    forestView: view.forestView,
    selectObject: await offersSelectObject(look, mailbox, view.domainController),
    mailboxColumns: availability(
      mailboxColumns(connection.additionalColumns).columns.map((column) => ({
        name: column.name,
        properties: propertiesOf(column),
      })),
      mailbox === undefined ? undefined : propertyNames(mailbox),
    ),
    databaseColumns: availability(
      databaseColumns().columns.map((column) => ({ name: column.name, properties: propertiesOf(column) })),
      databaseNames,
    ),
    databases: counted,
    mailboxes: sum,
    warnings: look.warnings.list(),
  };
}

/** Which columns the properties of one object fill; unknown where there was no object to look at. */
function availability(
  columns: readonly { readonly name: string; readonly properties: readonly string[] }[],
  names: readonly string[] | undefined,
): ColumnAvailability {
  if (names === undefined) return { known: false, available: [], missing: [], other: [] };
  const has = new Set(names.map((name) => name.toLowerCase()));
  const isFilled = ({ properties }: { readonly properties: readonly string[] }): boolean =>
    properties.some((name) => has.has(name.toLowerCase()));
  const used = new Set(columns.flatMap(({ properties }) => properties.map((name) => name.toLowerCase())));
  return {
    known: true,
    available: columns.filter(isFilled).map(({ name }) => name),
    missing: columns.filter((column) => !isFilled(column)).map(({ name }) => name),
    other: names.filter((name) => !used.has(name.toLowerCase())),
  };
}

async function run(
  look: Look,
  request: PipelineRequest,
  onOutput: (body: Uint8Array) => boolean,
): Promise<PipelineOutcome> {
  return runPipeline(look.session, request, {
    signal: look.signal,
    onOutput,
    onWarning: (message) => {
      if (!/\bResultSize\b/.test(message)) look.warnings.add(message);
    },
  });
}

function errorOf(outcome: PipelineOutcome): ReturnType<() => Extract<PipelineOutcome, { kind: 'failed' }>['error']> {
  return outcome.kind === 'left' ? undefined : outcome.kind === 'failed' ? outcome.error : outcome.errors[0];
}

function textIn(object: PsObject, name: string): string {
  return cellText(property(object, name), noRemarks());
}

async function exchangeServers(look: Look): Promise<DiscoveredServer[]> {
  const found: DiscoveredServer[] = [];
  const outcome = await run(look, exchangeServersRequest(), (body) => {
    const object = readWholeObject(body, 'an Exchange server');
    if (object !== undefined) {
      found.push({
        name: textIn(object, 'Name'),
        version: textIn(object, 'AdminDisplayVersion'),
        roles: textIn(object, 'ServerRole'),
      });
    }
    return true;
  });
  const error = errorOf(outcome);
  if (outcome.kind === 'failed' || error !== undefined) {
    look.warnings.add(`the versions of the servers are not known: Get-ExchangeServer: ${describeError(error)}`);
  }
  return found.sort((left, right) => (left.name < right.name ? -1 : 1));
}

async function readDatabases(
  look: Look,
  domainController: string | undefined,
): Promise<{
  readonly objects: Omit<DiscoveredDatabase, 'mailboxes'>[];
  readonly names: readonly string[] | undefined;
}> {
  const objects: Omit<DiscoveredDatabase, 'mailboxes'>[] = [];
  let names: readonly string[] | undefined;
  const take = (body: Uint8Array): boolean => {
    const object = readWholeObject(body, 'a mailbox database');
    if (object === undefined) return true;
    names ??= propertyNames(object);
    objects.push({
      name: textIn(object, 'Name'),
      guid: textIn(object, 'Guid'),
      server: textIn(object, 'Server'),
      mounted: textIn(object, 'Mounted'),
    });
    return true;
  };
  let outcome = await run(look, databasesRequest({ status: true, domainController }), take);
  if (objects.length === 0 && isParameterMissing(errorOf(outcome))) {
    look.warnings.add(statusMissing);
    outcome = await run(look, databasesRequest({ status: false, domainController }), take);
  }
  if (outcome.kind === 'failed')
    throw commandFailed('reading the mailbox databases', 'Get-MailboxDatabase', outcome.error);
  const error = errorOf(outcome);
  if (error !== undefined) look.warnings.add(`reading the mailbox databases: ${describeError(error)}`);
  return { objects: objects.sort((left, right) => (left.name < right.name ? -1 : 1)), names };
}

async function oneMailbox(
  look: Look,
  selection: MailboxSelection,
  domainController: string | undefined,
): Promise<PsObject | undefined> {
  let found: PsObject | undefined;
  const outcome = await run(look, mailboxesRequest(selection, { resultSize: 1, domainController }), (body) => {
    found ??= readWholeObject(body, 'one whole mailbox');
    return true;
  });
  if (outcome.kind === 'failed') throw commandFailed('reading one mailbox', 'Get-Mailbox', outcome.error);
  if (found === undefined) look.warnings.add('no mailbox is in view: which columns its objects have is not known');
  return found;
}

async function offersSelectObject(
  look: Look,
  mailbox: PsObject | undefined,
  domainController: string | undefined,
): Promise<boolean> {
  const guid = mailbox === undefined ? '' : textIn(mailbox, 'Guid');
  const request =
    guid === ''
      ? databasesRequest({ status: false, properties: ['Guid'], domainController })
      : oneMailboxRequest(guid, ['Guid']);
  const outcome = await run(look, request, () => true);
  const error = errorOf(outcome);
  return outcome.kind !== 'failed' && !isCommandMissing(error, 'Select-Object');
}

async function countIn(
  look: Look,
  database: string,
  domainController: string | undefined,
): Promise<number | undefined> {
  let count: number | undefined;
  const selection = {
    description: `-Database ${database}`,
    parameters: [{ name: 'Database', value: psString(database) }],
  };
  const outcome = await run(look, mailboxCountRequest(selection, domainController), (body) => {
    const value = property(decodeCliXml(body), 'Count');
    if (value?.kind === 'I32') count = value.value;
    return true;
  });
  const error = errorOf(outcome);
  if (error !== undefined)
    look.warnings.add(`the mailboxes of ${database} could not be counted: ${describeError(error)}`);
  return error === undefined ? count : undefined;
}
