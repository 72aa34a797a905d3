/* Parameters that cmdlets which write have in common, and the error texts of attributes' own rules. */
import { byteSizeText } from '../organization/byte-size.ts';
import type { Parameter } from './cmdlet.ts';
import { confirmationParameters } from './confirmation.ts';

export const domainControllerParameter: Parameter = {
  name: 'DomainController',
  type: { kind: 'string' },
  dotNetType: 'Microsoft.Exchange.Data.Fqdn',
};

/** -Identity of the one object, which must be given or come by the pipeline. */
export function targetParameter(type: string): Parameter {
  return {
    name: 'Identity',
    type: { kind: 'identity' },
    position: 0,
    mandatory: true,
    fromPipeline: 'any',
    dotNetType: `Microsoft.Exchange.Configuration.Tasks.${type}`,
  };
}

/** -DomainController, -Confirm and -WhatIf. */
export const writeParameters: readonly Parameter[] = [domainControllerParameter, ...confirmationParameters];

const sizeType = 'Microsoft.Exchange.Data.Unlimited`1[Microsoft.Exchange.Data.ByteQuantifiedSize]';
export const sizeParameter = (name: string): Parameter => ({ name, type: { kind: 'size' }, dotNetType: sizeType });
export const switchParameter = (name: string, sets?: readonly string[]): Parameter => ({
  name,
  type: { kind: 'switch' },
  ...(sets === undefined ? {} : { sets }),
});
export const booleanParameter = (name: string): Parameter => ({ name, type: { kind: 'boolean' } });
export const textParameter = (name: string): Parameter => ({ name, type: { kind: 'string' } });
export const idParameter = (name: string, type: string, mandatory = false): Parameter => ({
  name,
  type: { kind: 'identity' },
  dotNetType: `Microsoft.Exchange.Configuration.Tasks.${type}`,
  ...(mandatory ? { mandatory } : {}),
});

interface Quotas {
  readonly issueWarningQuota: number | undefined;
  readonly prohibitSendQuota: number | undefined;
  readonly prohibitSendReceiveQuota: number | undefined;
  readonly recoverableItemsQuota: number | undefined;
  readonly recoverableItemsWarningQuota: number | undefined;
  readonly calendarLoggingQuota: number | undefined;
}

const ordered = [
  ['IssueWarningQuota', 'ProhibitSendQuota'],
  ['ProhibitSendQuota', 'ProhibitSendReceiveQuota'],
  ['IssueWarningQuota', 'ProhibitSendReceiveQuota'],
  ['RecoverableItemsWarningQuota', 'RecoverableItemsQuota'],
  ['CalendarLoggingQuota', 'RecoverableItemsQuota'],
] as const;

const keyOf = (name: string): keyof Quotas => `${(name[0] as string).toLowerCase()}${name.slice(1)}` as keyof Quotas;

/**
 * What is wrong with the order of quotas, in Exchange's words; undefined where nothing is. Those that are unlimited
 * are compared with none, and of two that stay as they were nothing is said.
 */
export function quotaDisorder(before: Quotas, changes: Partial<Quotas>): string | undefined {
  const after = (name: string): number | undefined => (keyOf(name) in changes ? changes : before)[keyOf(name)];
  const isChanged = (name: string): boolean => before[keyOf(name)] !== after(name);
  for (const [lower, upper] of ordered) {
    const [least, most] = [after(lower), after(upper)];
    if (least === undefined || most === undefined || least <= most) continue;
    if (isChanged(lower) || isChanged(upper))
      return `The value of property '${upper}' must be greater than or equal to that of property '${lower}'. ${upper}: '${byteSizeText(most)}', ${lower}: '${byteSizeText(least)}'.`;
  }
  return undefined;
}

const aliasForm = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*$/;

/** What is wrong with an alias. */
export function aliasFault(alias: string): string | undefined {
  if (alias.length > 64)
    return `The length of the property is too long. The maximum length is 64 and the length of the value provided is ${alias.length}.`;
  if (aliasForm.test(alias)) return undefined;
  return `Property expression "${alias}" isn't valid. Valid values are: Strings formed with characters from A to Z (uppercase or lowercase), digits from 0 to 9, !, #, $, %, &, ', *, +, -, /, =, ?, ^, _, \`, {, |, } or ~. One or more periods may be embedded in an alias, but each period should be preceded and followed by at least one of the other characters.`;
}
