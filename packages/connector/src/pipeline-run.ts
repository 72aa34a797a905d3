import { type ErrorRecord, type PipelineRequest, PipelineState, type RemoteSession } from '@exchange-connector/psrp';
import { ConnectorError } from './errors.ts';

/** What is done with what a pipeline tells while it runs. */
export interface PipelineHandlers {
  /** Each object's body; `false` stops the pipeline on the server and ends the run as `left`. */
  readonly onOutput: (body: Uint8Array) => boolean;
  readonly onWarning: (message: string) => void;
  readonly signal: AbortSignal;
}

/** How a pipeline ended. `errors` are the error records that came beside the output. */
export type PipelineOutcome =
  | { readonly kind: 'completed'; readonly errors: readonly ErrorRecord[] }
  /** `error` is why; a server that says nothing leaves it undefined. */
  | { readonly kind: 'failed'; readonly error: ErrorRecord | undefined; readonly errors: readonly ErrorRecord[] }
  /** `onOutput` had enough. */
  | { readonly kind: 'left' };

/** Error records kept of one pipeline; what comes after them is counted by the last one alone. */
const mostErrors = 1000;

/**
 * Runs one request to its end.
 * @throws what the session throws when the session, not the pipeline, fails
 */
export async function runPipeline(
  session: RemoteSession,
  request: PipelineRequest,
  handlers: PipelineHandlers,
): Promise<PipelineOutcome> {
  const errors: ErrorRecord[] = [];
  for await (const event of session.invoke(request, { signal: handlers.signal })) {
    switch (event.kind) {
      case 'output':
        if (!handlers.onOutput(event.body)) return { kind: 'left' };
        break;
      case 'error':
        if (errors.length < mostErrors) errors.push(event.record);
        break;
      case 'warning':
        handlers.onWarning(event.message);
        break;
      case 'state':
        if (event.state === PipelineState.Completed) return { kind: 'completed', errors };
        if (event.state === PipelineState.Failed) return { kind: 'failed', error: event.error, errors };
        throw new ConnectorError(
          'EXCHANGE_COMMAND_STOPPED',
          `running ${describeRequest(request)}: the server ended it in state ${event.state} (Stopped), without having been asked to`,
          { recovery: 'reopen-session' },
        );
      default:
    }
  }
  throw new ConnectorError(
    'EXCHANGE_COMMAND_STOPPED',
    `running ${describeRequest(request)}: the session ended before the server said how the command ended`,
    { recovery: 'reopen-session' },
  );
}

/** The names of a request's commands, as a person would type them: `Get-Mailbox | Select-Object`. */
export function describeRequest(request: PipelineRequest): string {
  return request.statements.map((commands) => commands.map((command) => command.name).join(' | ')).join('; ');
}

/** One line for a person: the message, and the error id that a search finds. */
export function describeError(record: ErrorRecord | undefined): string {
  if (record === undefined) return 'the server gave no reason';
  const id = record.fullyQualifiedErrorId.replace(/\s+/g, ' ').trim();
  const message = (record.details ?? record.message).replace(/\s+/g, ' ').trim();
  return id === '' || id === message ? message : `${message} [${id}]`;
}

/** True where the server says that the account has no such command. */
export function isCommandMissing(record: ErrorRecord | undefined, name: string): boolean {
  if (record === undefined || !record.fullyQualifiedErrorId.includes('CommandNotFoundException')) return false;
  const named = record.categoryTargetName === '' ? record.message : record.categoryTargetName;
  return named.toLowerCase().includes(name.toLowerCase());
}

/** True where an error names this command as its own, in its category or its id (`SelectObjectCommand`). */
export function isOfCommand(record: ErrorRecord | undefined, name: string): boolean {
  if (record === undefined) return false;
  const id = record.fullyQualifiedErrorId.toLowerCase();
  const wanted = name.toLowerCase();
  return (
    record.categoryActivity.toLowerCase() === wanted || id.includes(wanted) || id.includes(wanted.replace('-', ''))
  );
}

/** True where the server says that the account's command has no such parameter: the role leaves it out. */
export function isParameterMissing(record: ErrorRecord | undefined): boolean {
  return record?.fullyQualifiedErrorId.includes('NamedParameterNotFound') === true;
}

function mendOf(name: string, record: ErrorRecord | undefined): string | undefined {
  if (isParameterMissing(record))
    return `the account's management role leaves out a parameter of ${name}: give it a role that holds the cmdlet with all its parameters, e.g. "View-Only Recipients"`;
  if (record?.fullyQualifiedErrorId.includes('SuitabilityDirectoryException') === true)
    return 'if that directory server is gone, name another one in DomainController or GlobalCatalog, or leave those out';
  return undefined;
}

/** The error to throw for a command that the export cannot do without. */
export function commandFailed(doing: string, name: string, record: ErrorRecord | undefined): ConnectorError {
  if (isCommandMissing(record, name)) {
    return new ConnectorError('EXCHANGE_COMMAND_FAILED', `${doing}: the account may not use ${name} on this server`, {
      mend: `give the account a management role that holds ${name}, e.g. membership of the role group "View-Only Organization Management"`,
    });
  }
  return new ConnectorError('EXCHANGE_COMMAND_FAILED', `${doing}: ${name} failed: ${describeError(record)}`, {
    mend: mendOf(name, record),
  });
}
