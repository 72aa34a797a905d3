/*
 * What Exchange changes of a mailbox without being told in so many words: the addresses of an e-mail address policy, and
 * whether the account of a mailbox of another kind can log on. A record of what a command did has them too.
 */
import type { Fields, FieldValue, Step } from '@exchange-connector/connector';

const ofNewMailbox = ['EmailAddresses', 'EmailAddressPolicyEnabled', 'Alias'] as const;
const policySwitch = 'EmailAddressPolicyEnabled';

/** The fields that a step may change beside those that it names. */
export function namesBeside({ cmdlet, parameters, before, after }: Step): readonly string[] {
  const named = new Set([...Object.keys(before), ...Object.keys(after)]);
  const names =
    cmdlet === 'Enable-Mailbox' || cmdlet === 'Connect-Mailbox'
      ? ofNewMailbox
      : cmdlet === 'Set-Mailbox'
        ? ['EmailAddresses', policySwitch, ...('Type' in parameters ? ['AccountDisabled'] : [])]
        : [];
  return names.filter((name) => !named.has(name));
}

function isEmpty(value: FieldValue | undefined): boolean {
  return value === undefined || value === null || value === '' || value === false || value === 0;
}

/**
 * Those of the fields beside that are otherwise now.
 * @param beside as they were before the step
 * @param seen as they were read back
 */
export function changedBeside(step: Step, beside: Fields | undefined, seen: Fields): readonly string[] {
  if (beside === undefined) return [];
  const isUnderPolicy = beside[policySwitch] === true || seen[policySwitch] === true;
  return namesBeside(step).filter((name) => {
    // Without a policy whoever changed an address of a mailbox meanwhile was another hand.
    if (step.cmdlet === 'Set-Mailbox' && !isUnderPolicy && name !== 'AccountDisabled') return false;
    if (!(name in seen) || (isEmpty(seen[name]) && isEmpty(beside[name]))) return false;
    return JSON.stringify(seen[name]) !== JSON.stringify(beside[name] ?? null);
  });
}
