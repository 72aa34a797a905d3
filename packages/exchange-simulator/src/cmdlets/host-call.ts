/* A cmdlet's question or line as a call of the client's host ([MS-PSRP] 2.2.2.27, 2.2.2.28), and the answer. */
import { type HostResponse, psArray, psInt32, psObject, psString, type PsValue } from '@exchange-connector/psrp';
import type { HostAnswer, HostPrompt } from './cmdlet.ts';
import { noHostRecord } from './confirmation.ts';

/** `RemoteHostMethodId` ([MS-PSRP] 2.2.3.17). */
export const HostMethod = { WriteLine2: 16, PromptForChoice: 26 } as const;
/** The call id of calls that want no answer. */
export const noAnswer = -100n;

/** The parameters of PromptForChoice; a ChoiceDescription is written as its fields. */
export function promptParameters(prompt: HostPrompt): readonly PsValue[] {
  const choices = prompt.choices.map(({ label, help }) =>
    psObject({ extended: { label: psString(label), helpMessage: psString(help) } }),
  );
  return [psString(prompt.caption), psString(prompt.message), psArray(choices), psInt32(prompt.defaultChoice)];
}

/** What the host's response amounts to. */
export function answerOf(response: HostResponse, prompt: HostPrompt): HostAnswer {
  if (response.error !== undefined) {
    const { message, fullyQualifiedErrorId, category, categoryReason, exceptionTypeNames } = response.error;
    return {
      kind: 'refused',
      record: { message, fullyQualifiedErrorId, category, categoryReason, exceptionTypeNames },
    };
  }
  const value = response.returnValue;
  const choice = value?.kind === 'I32' ? value.value : value?.kind === 'I64' ? Number(value.value) : -1;
  return choice >= 0 && choice < prompt.choices.length
    ? { kind: 'chosen', choice }
    : { kind: 'refused', record: noHostRecord };
}
