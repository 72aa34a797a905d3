/*
 * Errors as cmdlets report them. PowerShell's own have short identifiers; Exchange's carry the server, a
 * request id, the time and a failure category, then a hash of the call site and the cmdlet's class.
 */
import type { ErrorRecordInit } from '@exchange-connector/psrp';
import { createHash, randomUUID } from 'node:crypto';

/** `ErrorCategory` numbers ([MS-PSRP] 2.2.3.9) in use here. */
export const ErrorCategory = {
  NotSpecified: 0,
  InvalidArgument: 5,
  InvalidData: 6,
  InvalidOperation: 7,
  NotImplemented: 11,
  ObjectNotFound: 13,
  OperationStopped: 14,
  ParserError: 17,
  WriteError: 23,
} as const;

/**
 * Ends a cmdlet. A terminating one ends its pipeline too (state Failed); what an Exchange task reports
 * becomes an error record, and the pipeline completes.
 */
export class CommandFailure extends Error {
  readonly record: ErrorRecordInit;
  readonly terminating: boolean;

  constructor(record: ErrorRecordInit, options: { terminating?: boolean } = {}) {
    super(record.message);
    this.name = 'CommandFailure';
    this.record = record;
    this.terminating = options.terminating ?? true;
  }
}

const runtime = [
  'System.Management.Automation.RuntimeException',
  'System.SystemException',
  'System.Exception',
  'System.Object',
];

/** Script text where there is no language. */
export function scriptsNotAllowed(script: string): CommandFailure {
  return new CommandFailure({
    message: 'The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode.',
    fullyQualifiedErrorId: 'ScriptsNotAllowed',
    category: ErrorCategory.ParserError,
    categoryReason: 'ParseException',
    categoryTargetName: script.slice(0, 100),
    categoryTargetType: 'String',
    exceptionTypeNames: ['System.Management.Automation.ParseException', ...runtime],
  });
}

/** Windows PowerShell 5.1's words for a command that is not there. */
export function commandNotFound(name: string, fullyQualifiedErrorId = 'CommandNotFoundException'): ErrorRecordInit {
  return {
    message: `The term '${name}' is not recognized as the name of a cmdlet, function, script file, or operable program. Check the spelling of the name, or if a path was included, verify that the path is correct and try again.`,
    fullyQualifiedErrorId,
    category: ErrorCategory.ObjectNotFound,
    categoryReason: 'CommandNotFoundException',
    categoryTargetName: name,
    categoryTargetType: 'String',
    exceptionTypeNames: ['System.Management.Automation.CommandNotFoundException', ...runtime],
  };
}

/** A failure to bind a parameter; `reason` is the exception's short name. */
export function bindingFailure(
  cmdlet: string,
  id: string,
  message: string,
  options: { reason?: string; category?: number } = {},
): CommandFailure {
  const reason = options.reason ?? 'ParameterBindingException';
  const derived =
    reason === 'ParameterBindingException' ? [] : ['System.Management.Automation.ParameterBindingException'];
  return new CommandFailure({
    message,
    fullyQualifiedErrorId: `${id},${cmdlet}`,
    category: options.category ?? ErrorCategory.InvalidArgument,
    categoryActivity: cmdlet,
    categoryReason: reason,
    exceptionTypeNames: [`System.Management.Automation.${reason}`, ...derived, ...runtime],
  });
}

/** `5/19/2020 10:19:41 PM` */
export function timeStamp(date: Date): string {
  const hours = date.getUTCHours();
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getUTCMonth() + 1}/${date.getUTCDate()}/${date.getUTCFullYear()}`;
  return `${day} ${hours % 12 === 0 ? 12 : hours % 12}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} ${hours < 12 ? 'AM' : 'PM'}`;
}

/** An error of an Exchange cmdlet; non-terminating unless thrown inside a {@link CommandFailure}. */
export function exchangeError(options: {
  cmdlet: string;
  /** `Microsoft.Exchange.Management.RecipientTasks.GetMailbox` */
  taskClass: string;
  server: string;
  /** The exception's short name, `ManagementObjectNotFoundException`. */
  reason: string;
  message: string;
  category?: number;
}): ErrorRecordInit {
  const hash = createHash('md5')
    .update(`${options.taskClass} ${options.reason}`)
    .digest('hex')
    .slice(0, 8)
    .toUpperCase();
  const origin = `[Server=${options.server},RequestId=${randomUUID()},TimeStamp=${timeStamp(new Date())}]`;
  return {
    message: options.message,
    fullyQualifiedErrorId: `${origin} [FailureCategory=Cmdlet-${options.reason}] ${hash},${options.taskClass}`,
    category: options.category ?? ErrorCategory.NotSpecified,
    categoryActivity: options.cmdlet,
    categoryReason: options.reason,
    exceptionTypeNames: [
      `Microsoft.Exchange.Configuration.Tasks.${options.reason}`,
      'System.Exception',
      'System.Object',
    ],
  };
}

/** The failure of a whole Exchange task. */
export function exchangeFailure(options: Parameters<typeof exchangeError>[0]): CommandFailure {
  return new CommandFailure(exchangeError(options), { terminating: false });
}
