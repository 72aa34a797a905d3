import type { ErrorRecord } from '@exchange-connector/psrp';
import type { RefusalClass } from './refusal.ts';

/** Exchange's exception types, without their namespace and the word Exception, by our class. */
const byReason: readonly (readonly [RegExp, RefusalClass])[] = [
  [/^(ManagementObjectNotFound|ADNoSuchObject|MailboxNotFound|ObjectNotFound|CouldNotFind\w*)$/, 'not-found'],
  [
    /^(ProxyAddressExists|ManagementObjectAmbiguous|ManagementObjectAlreadyExists|ADObjectAlreadyExists|UserAlreadyExists|ObjectAlreadyExists|MailboxIsInUse|AssociatedUserMailboxExist|AssociatedMailboxPlanExist|AssociatedMDBNotEmpty|Associated\w*Exist|NonUniqueRecipient|WLCDManagedMemberExists|UserPrincipalNameAlreadyExists|DatabaseNotEmpty)$/,
    'conflict',
  ],
  [
    /^(CommandNotFound|NamedParameterNotFound|UnauthorizedAccess|ADInvalidCredential|OperationRequiresRole|PSSecurity|OutOfScope|AccessDenied|AuthorizationFailed|CannotModifyRestrictedObject)$/,
    'not-allowed',
  ],
  [
    /^(ADTransient|DataSourceTransient|ADServerSettings\w*|SuitabilityDirectory|ADOperation|OverBudget|ServerOverBudget|MapiExceptionNetworkError|StorageTransient|ADServerNotSuitable|ADUnavailable|NoSuitableServerFound|DomainControllerNotFound|MailboxDatabaseTransient|Transient|Timeout|RpcServerUnavailable|RpcServerTooBusy|ClusterTransient|AmServerTransient|AmDbActionTransient|MailboxReplicationTransient|NoAvailableServer|DatabaseUnavailable|MapiExceptionMdbOffline|AmCommonTransient|ADExternal|ReplicationLag)$/,
    'transient',
  ],
];

/** The type's name alone: `Microsoft.Exchange.Data.Directory.ADTransientException` → `ADTransient`. */
function bareName(typeName: string): string {
  return (typeName.split('.').at(-1) ?? typeName).replace(/Exception$/, '');
}

function failureCategory(errorId: string): string {
  return /\[FailureCategory=(?:[^\]-]+-)?([^\]]+)\]/.exec(errorId)?.[1] ?? '';
}

/**
 * The class of an error that Exchange reported: by the type of its exception, most derived first, else by its
 * identifier. What is of no known type is `invalid`: asking again would give the same.
 */
export function classOfError(record: ErrorRecord | undefined): RefusalClass {
  if (record === undefined) return 'transient';
  const id = record.fullyQualifiedErrorId;
  if (id.includes('CommandNotFoundException') || id.includes('NamedParameterNotFound')) return 'not-allowed';
  const names = [record.categoryReason, failureCategory(id), ...record.exceptionTypeNames]
    .map(bareName)
    .filter((name) => name !== '');
  for (const name of names) {
    const known = byReason.find(([pattern]) => pattern.test(name));
    if (known !== undefined) return known[1];
  }
  if (/already being used by|is already in use|already exists/i.test(record.message)) return 'conflict';
  return 'invalid';
}
