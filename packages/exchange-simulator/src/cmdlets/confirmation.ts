/*
 * ShouldProcess as PowerShell does it: -WhatIf tells the host and does nothing; cmdlets that destroy ask the
 * host unless -Confirm:$false came along, the runspace's $ConfirmPreference being High.
 */
import type { BoundArguments, Emission, HostAnswer, Parameter } from './cmdlet.ts';
import { CommandFailure, ErrorCategory } from './command-failure.ts';

/** -Confirm and -WhatIf, which every cmdlet that changes something has. */
export const confirmationParameters: readonly Parameter[] = [
  { name: 'Confirm', type: { kind: 'switch' }, aliases: ['cf'] },
  { name: 'WhatIf', type: { kind: 'switch' }, aliases: ['wi'] },
];

const choices = [
  { label: '&Yes', help: 'Continue with only the next step of the operation.' },
  { label: 'Yes to &All', help: 'Continue with all the steps of the operation.' },
  { label: '&No', help: 'Skip this operation and proceed with the next operation.' },
  { label: 'No to A&ll', help: 'Skip this operation and all subsequent operations.' },
];

/** What a null host says to a question. */
export const noHostRecord = {
  message:
    'A command that prompts the user failed because the host program or the command type does not support user interaction. The host was attempting to request confirmation.',
  fullyQualifiedErrorId: 'HostFunctionNotImplemented',
  category: ErrorCategory.NotImplemented,
  categoryReason: 'HostException',
  exceptionTypeNames: [
    'System.Management.Automation.Host.HostException',
    'System.Management.Automation.RuntimeException',
    'System.SystemException',
    'System.Exception',
    'System.Object',
  ],
} as const;

/**
 * Whether to go on.
 *
 * @param action what would be done, as `Removing mailbox "x".`
 * @param options `impact`: `high` asks without being told to; `message`: what the question says
 */
export function* confirmed(
  args: BoundArguments,
  action: string,
  options: { readonly impact: 'high' | 'medium'; readonly message?: string },
): Generator<Emission, boolean> {
  if (args.flag('WhatIf')) {
    yield { kind: 'hostLine', text: `What if: ${action}` };
    return false;
  }
  const asks = args.raw('Confirm') === undefined ? options.impact === 'high' : args.flag('Confirm');
  if (!asks) return true;
  return yield* answered(`Are you sure you want to perform this action?\r\n${options.message ?? action}`);
}

/** ShouldContinue: a question of its own, which -Confirm:$false does not answer, and -Force does. */
export function* continued(args: BoundArguments, question: string): Generator<Emission, boolean> {
  return args.flag('Force') || (yield* answered(question));
}

function* answered(message: string): Generator<Emission, boolean> {
  let answer: HostAnswer | undefined;
  yield {
    kind: 'prompt',
    prompt: {
      caption: 'Confirm',
      message,
      choices,
      defaultChoice: 0,
    },
    answered: (given) => {
      answer = given;
    },
  };
  // The answer comes in between.
  const answerNow = (): HostAnswer | undefined => answer;
  for (;;) {
    const given = answerNow();
    if (given?.kind === 'refused') throw new CommandFailure(given.record);
    if (given !== undefined) return given.choice === 0 || given.choice === 1;
    yield { kind: 'pause', awaitsInput: true };
  }
}
