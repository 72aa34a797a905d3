/*
 * Whether the account may send what a plan holds. A cmdlet or parameter that no role of the account has is absent in its
 * session: Get-Command tells so before anything is written. Where it tells nothing, nothing is held against the plan.
 */
import { listOf } from './field-rule.ts';
import type { LiveState, Read } from './live-state.ts';
import type { Step } from './plan.ts';
import { Refused } from './refused.ts';
import { callRequest } from './step-request.ts';

/** Exchange's own role for each cmdlet. */
const roles: Readonly<Record<string, string>> = {
  'Enable-Mailbox': 'Mail Recipients',
  'Set-Mailbox': 'Mail Recipients',
  'Disable-Mailbox': 'Mail Recipients',
  'Connect-Mailbox': 'Mail Recipients',
  'Remove-Mailbox': 'Mail Recipient Creation',
  'New-MoveRequest': 'Move Mailboxes',
  'Remove-MoveRequest': 'Move Mailboxes',
  'Get-MoveRequestStatistics': 'Move Mailboxes',
};

/** Every cmdlet has these where it changes something; not every server lists them. */
const unlisted: ReadonlySet<string> = new Set(['confirm', 'whatif']);

/** What the account's rights say to the steps of a plan. */
export type Rights =
  | { readonly kind: 'readsNeeded'; readonly reads: readonly Read[] }
  /** Orders that cannot be carried out, by their index; none where all can. */
  | { readonly kind: 'read'; readonly refusals: ReadonlyMap<number, Refused> };

function commandRead(name: string): Read {
  return { kind: 'command', name };
}

function commandsOf({ cmdlet, follow }: Step): readonly string[] {
  return follow === 'move' ? [cmdlet, 'Get-MoveRequestStatistics'] : [cmdlet];
}

function lacking(step: Step, live: LiveState, domainController: string | undefined): string | undefined {
  for (const name of commandsOf(step)) {
    const result = live.result(commandRead(name));
    if (result?.kind !== 'read') continue;
    const [command] = result.objects;
    if (command === undefined) return name;
    const known = new Set(listOf(command['Parameters']).map((parameter) => parameter.toLowerCase()));
    if (name !== step.cmdlet || known.size === 0) continue;
    const sent = callRequest(step, { domainController, whatIf: false }).statements[0]?.[0]?.parameters ?? [];
    const absent = sent
      .flatMap(({ name: parameter }) => (parameter === undefined ? [] : [parameter]))
      .filter((parameter) => !known.has(parameter.toLowerCase()) && !unlisted.has(parameter.toLowerCase()));
    if (absent.length > 0) return `${absent.map((parameter) => `-${parameter}`).join(', ')} of ${name}`;
  }
  return undefined;
}

/** Holds a plan's steps against what the account may use. */
export function rightsTo(steps: readonly Step[], live: LiveState, domainController: string | undefined): Rights {
  const names = [...new Set(steps.flatMap(commandsOf))];
  const reads = names.map(commandRead).filter((read) => live.result(read) === undefined);
  if (reads.length > 0) return { kind: 'readsNeeded', reads };
  const refusals = new Map<number, Refused>();
  for (const step of steps) {
    if (refusals.has(step.orderIndex)) continue;
    const what = lacking(step, live, domainController);
    if (what === undefined) continue;
    const role = roles[step.cmdlet] ?? 'Databases';
    const reason = `the account may not use ${what}, without which the order cannot be carried out (${step.purpose}): give it a management role that holds it, e.g. "${role}"`;
    refusals.set(step.orderIndex, new Refused('not-allowed', reason));
  }
  return { kind: 'read', refusals };
}
