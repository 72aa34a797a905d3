/* How Exchange refuses a runspace to whoever has had enough: the pool breaks, with these words. */
import { randomUUID } from 'node:crypto';
import { timeStamp } from '../cmdlets/command-failure.ts';
import type { ErrorRecordInit } from '@exchange-connector/psrp';

export interface PoolRefusal {
  readonly category: string;
  readonly reason: string;
  readonly text: string;
}

const policy =
  'Policy: CN=GlobalThrottlingPolicy_6f3a4e2e-6d8a-4b8b-9a60-2f5f0a3f7f10,CN=Global Settings,CN=First Organization,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=example,DC=test';

const authorization = { category: 'AuthZ-AuthorizationException', reason: 'AuthorizationException' } as const;

/** PowerShellMaxRunspaces in its period is spent. */
export function budgetSpent(seconds: number): PoolRefusal {
  return {
    ...authorization,
    text: `Fail to create runspace because you have exceeded your budget to create runspace. Please wait for ${seconds} seconds. ${policy}`,
  };
}

/** PowerShellMaxConcurrency: no time is named, for it depends on the user's other sessions. */
export function tooManyConnections(most: number): PoolRefusal {
  return {
    ...authorization,
    text: `Fail to create a runspace because you have exceeded the maximum number of connections allowed : ${most} for the policy party : MaxConcurrency. Please close existing runspace and try again. ${policy}`,
  };
}

export function withoutRoles(user: string): PoolRefusal {
  return {
    category: 'AuthZ-CmdletAccessDeniedException',
    reason: 'CmdletAccessDeniedException',
    text: `The user "${user}" isn't assigned to any management roles.`,
  };
}

/** The record that a pool breaks with. */
export function refusalRecord(refusal: PoolRefusal, serverName: string): ErrorRecordInit {
  const origin = `[Server=${serverName},RequestId=${randomUUID()},TimeStamp=${timeStamp(new Date())}]`;
  return {
    message: `${origin} [FailureCategory=${refusal.category}] ${refusal.text}`,
    fullyQualifiedErrorId: refusal.reason,
    category: 0,
    categoryReason: refusal.reason,
    exceptionTypeNames: [
      `Microsoft.Exchange.Configuration.Authorization.${refusal.reason}`,
      'System.Exception',
      'System.Object',
    ],
  };
}

/** The warning of a command that was slowed down. */
export function microDelayWarning(user: string, milliseconds: number): string {
  return `Micro delay applied. Actual delayed: ${milliseconds} msecs, Enforced: True, Capped delay: ${milliseconds} msecs, Required: False, Additional info: .; PolicyDN: ${policy.slice('Policy: '.length)}; Snapshot: Owner: ${user}, BudgetType: PowerShell, ActiveRunspaces: 1/18, Balance: -${milliseconds}/2160000/-3000000`;
}
