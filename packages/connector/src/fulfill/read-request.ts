/*
 * The planner's questions as pipelines, and their answers as plain fields. `-Identity` never gets an empty text
 * (which means everything) nor a `*` (which means any text): orders with such identities are refused before.
 */
import {
  type ErrorRecord,
  type PipelineCommand,
  type PipelineRequest,
  property,
  type PsValue,
  psBoolean,
  psString,
  type CommandParameter,
} from '@exchange-connector/psrp';
import { cellText, noRemarks } from '../cell-text.ts';
import { assertNever } from '../errors.ts';
import { describeError, isCommandMissing, isParameterMissing, type PipelineOutcome } from '../pipeline-run.ts';
import { projectOnServer } from '../requests.ts';
import { databaseProperties } from './database-fields.ts';
import { classOfError } from './error-class.ts';
import type { FieldValue, Fields } from './field-value.ts';
import type { LiveObject, Population, Read, ReadResult } from './live-state.ts';
import { mailboxProperties } from './mailbox-fields.ts';

/** How a read is put to the server. */
export interface ReadOptions {
  /** The domain controller to name for objects of a domain; `undefined` as argument: for what has no domain. */
  readonly domainController: (domain: string | undefined) => string | undefined;
  /** Ask for the wanted properties alone; `false` where the endpoint has no `Select-Object`. */
  readonly project: boolean;
}

/** Of each population of a database, this many names are shown. */
export const inhabitantsShown = 5;

const recipientProperties = [
  'Guid',
  'Name',
  'DisplayName',
  'Alias',
  'Identity',
  'DistinguishedName',
  'RecipientType',
  'RecipientTypeDetails',
  'EmailAddresses',
  'PrimarySmtpAddress',
] as const;
const userProperties = [
  'Guid',
  'Name',
  'DisplayName',
  'SamAccountName',
  'UserPrincipalName',
  'Identity',
  'DistinguishedName',
  'RecipientType',
  'RecipientTypeDetails',
  'UserAccountControl',
  'WindowsEmailAddress',
] as const;
const moveProperties = ['Guid', 'Identity', 'DisplayName', 'Status', 'SourceDatabase', 'TargetDatabase'] as const;
const inhabitantProperties = ['Guid', 'Name', 'DisplayName', 'Database', 'ArchiveDatabase'] as const;

function text(name: string, value: string): CommandParameter {
  return { name, value: psString(value) };
}
function flag(name: string): CommandParameter {
  return { name, value: psBoolean(true) };
}

/** A value inside the quotes of an OPATH filter. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

interface Question {
  readonly cmdlet: string;
  readonly parameters: readonly CommandParameter[];
  readonly properties: readonly string[];
  /** Which domain's controller is named; `none`: the question goes to the forest. */
  readonly domain: { readonly of: string | undefined } | 'none';
}

const hiddenSwitch = {
  arbitration: 'Arbitration',
  publicFolder: 'PublicFolder',
  auditLog: 'AuditLog',
  auxAuditLog: 'AuxAuditLog',
  migration: 'Migration',
  monitoring: 'Monitoring',
  archives: 'Archive',
} as const;

function housedQuestion(database: string, population: 'mailboxes' | keyof typeof hiddenSwitch): Question {
  const size = text('ResultSize', String(inhabitantsShown + 1));
  const kind = population === 'mailboxes' ? [] : [flag(hiddenSwitch[population])];
  const parameters = [text('Database', database), ...kind, size];
  return { cmdlet: 'Get-Mailbox', parameters, properties: inhabitantProperties, domain: 'none' };
}

function inhabitantsQuestion(database: string, population: Population): Question {
  const domain = 'none';
  switch (population) {
    case 'mailboxPlans':
      return { cmdlet: 'Get-MailboxPlan', parameters: [], properties: inhabitantProperties, domain };
    case 'moveRequests':
      return {
        cmdlet: 'Get-MoveRequest',
        parameters: [text('TargetDatabase', database), text('ResultSize', String(inhabitantsShown + 1))],
        properties: moveProperties,
        domain,
      };
    case 'archives':
      // -Database is where the mailbox is, not its archive; and the filter takes nothing but a distinguished name.
      if (/^CN=/i.test(database)) {
        const filter = text('Filter', `ArchiveDatabase -eq ${quoted(database)}`);
        const parameters = [filter, text('ResultSize', String(inhabitantsShown + 1))];
        return { cmdlet: 'Get-Mailbox', parameters, properties: inhabitantProperties, domain };
      }
      return housedQuestion(database, population);
    case 'mailboxes':
    case 'arbitration':
    case 'publicFolder':
    case 'auditLog':
    case 'auxAuditLog':
    case 'migration':
    case 'monitoring':
      return housedQuestion(database, population);
    default:
      return assertNever(population);
  }
}

function questionOf(read: Read): Question {
  const own = { of: undefined };
  switch (read.kind) {
    case 'user':
      return {
        cmdlet: 'Get-User',
        parameters:
          read.by === 'samAccountName'
            ? [text('Filter', `SamAccountName -eq ${quoted(read.value)}`), text('ResultSize', '3')]
            : [text('Identity', read.value)],
        properties: userProperties,
        domain: read.view === 'forest' ? 'none' : own,
      };
    case 'mailbox':
      return {
        cmdlet: 'Get-Mailbox',
        parameters: [text('Identity', read.guid)],
        properties: mailboxProperties,
        domain: { of: read.domain },
      };
    case 'addressHolders':
      return {
        cmdlet: 'Get-Recipient',
        parameters: [text('Filter', `EmailAddresses -eq ${quoted(read.address)}`), text('ResultSize', '10')],
        properties: recipientProperties,
        domain: read.view === 'forest' ? 'none' : own,
      };
    case 'recipient':
      return {
        cmdlet: 'Get-Recipient',
        parameters: [text('Identity', read.identity)],
        properties: recipientProperties,
        domain: 'none',
      };
    case 'database':
      return {
        cmdlet: 'Get-MailboxDatabase',
        parameters: [text('Identity', read.identity), flag('Status')],
        properties: databaseProperties,
        domain: own,
      };
    case 'inhabitants':
      return inhabitantsQuestion(read.database, read.population);
    case 'moveRequest':
      return {
        cmdlet: 'Get-MoveRequest',
        parameters: [text('Identity', read.guid)],
        properties: moveProperties,
        domain: { of: read.domain },
      };
    case 'command':
      return {
        cmdlet: 'Get-Command',
        parameters: [text('Name', read.name)],
        properties: ['Name', 'Parameters'],
        domain: 'none',
      };
    case 'mailboxCount':
      return {
        cmdlet: 'Get-Mailbox',
        parameters: [text('ResultSize', String(read.upTo))],
        properties: ['Guid'],
        domain: 'none',
      };
    default:
      return assertNever(read);
  }
}

/** The pipeline that answers a read. */
export function readRequest(read: Read, options: ReadOptions): PipelineRequest {
  const { cmdlet, parameters, properties, domain } = questionOf(read);
  const controller = domain === 'none' ? undefined : options.domainController(domain.of);
  const commands: PipelineCommand[] = [
    {
      name: cmdlet,
      parameters: controller === undefined ? parameters : [...parameters, text('DomainController', controller)],
    },
  ];
  // A selection's dictionary of parameters would be no more than its type's name.
  if (options.project && read.kind !== 'command') commands.push(projectOnServer(properties));
  return { statements: [commands] };
}

function listTexts(items: readonly PsValue[]): string[] {
  return items.filter((item) => item.kind !== 'Nil').map((item) => cellText(item, noRemarks()));
}

/** One property's value as plain data. */
function fieldOf(value: PsValue): FieldValue {
  switch (value.kind) {
    case 'Nil':
      return null;
    case 'B':
      return value.value;
    case 'By':
    case 'SB':
    case 'U16':
    case 'I16':
    case 'U32':
    case 'I32':
      return value.value;
    case 'LST':
    case 'IE':
    case 'STK':
    case 'QUE':
      return listTexts(value.items);
    case 'DCT':
      return listTexts(value.entries.map(({ key }) => key));
    case 'Obj':
      if (value.base?.kind === 'DCT') return fieldOf(value.base);
      if (value.base?.kind === 'Obj' || value.base?.kind === 'LST' || value.base?.kind === 'IE')
        return fieldOf(value.base);
      if (value.base?.kind === 'B') return value.base.value;
      return cellText(value, noRemarks());
    default:
      return cellText(value, noRemarks());
  }
}

function objectOf(value: PsValue, properties: readonly string[]): LiveObject {
  const fields: Record<string, FieldValue> = {};
  for (const name of properties) {
    const found = property(value, name);
    if (found === undefined) continue;
    const field = fieldOf(found);
    fields[name] = name === 'Guid' && typeof field === 'string' ? field.toLowerCase() : field;
  }
  return fields satisfies Fields;
}

/** The first reason why a read gave nothing, if there is one. */
function failureOf(outcome: PipelineOutcome): { readonly record: ErrorRecord | undefined } | undefined {
  if (outcome.kind === 'left') return undefined;
  if (outcome.kind === 'failed') return { record: outcome.error ?? outcome.errors[0] };
  return outcome.errors.length > 0 ? { record: outcome.errors[0] } : undefined;
}

/** An endpoint that has no `Select-Object`: the read is to be put again with `project: false`. */
export function isProjectionMissing(outcome: PipelineOutcome): boolean {
  const failure = failureOf(outcome);
  return failure !== undefined && isCommandMissing(failure.record, 'Select-Object');
}

/** Whether some versions and roles lack a question, and nothing is lost by it: Exchange looks once more itself. */
function mayBeMissing(read: Read): boolean {
  return read.kind === 'inhabitants' && read.population !== 'mailboxes';
}

/** `Get-Command` says that a cmdlet is not there; or it is not there itself, and nobody knows. */
function commandResult(name: string, record: ErrorRecord | undefined): ReadResult {
  if (isCommandMissing(record, name)) return { kind: 'read', objects: [] };
  return { kind: 'unavailable', reason: `Get-Command: ${describeError(record)}` };
}

/**
 * What a read gave.
 * @param objects the objects of the answer, decoded whole
 * @param outcome how its pipeline ended (`runPipeline`)
 */
export function readResultOf(read: Read, objects: readonly PsValue[], outcome: PipelineOutcome): ReadResult {
  const { cmdlet, properties } = questionOf(read);
  const failure = failureOf(outcome);
  if (failure === undefined) {
    return { kind: 'read', objects: objects.map((value) => objectOf(value, properties)) };
  }
  const { record } = failure;
  if (read.kind === 'command') return commandResult(read.name, record);
  if (classOfError(record) === 'not-found' && objects.length === 0) return { kind: 'read', objects: [] };
  if (isCommandMissing(record, cmdlet) || isParameterMissing(record)) {
    if (mayBeMissing(read)) return { kind: 'unavailable', reason: `${cmdlet}: ${describeError(record)}` };
    const lacking = isParameterMissing(record) ? `a parameter of ${cmdlet} that is needed` : cmdlet;
    const role = read.kind === 'database' ? 'View-Only Configuration' : 'View-Only Recipients';
    return {
      kind: 'failed',
      class: 'not-allowed',
      reason: `the account may not use ${lacking}, and without it nobody knows what is there: give it a management role that holds it, e.g. "${role}" (${describeError(record)})`,
      errorId: record?.fullyQualifiedErrorId ?? '',
    };
  }
  return {
    kind: 'failed',
    class: classOfError(record),
    reason: `${cmdlet} failed: ${describeError(record)}`,
    errorId: record?.fullyQualifiedErrorId ?? '',
  };
}
