import type { BareContext } from './commands/command.ts';
import { type PasswordRead, promptForPassword, readPasswordFrom } from './password.ts';

/** Asks for a secret on a terminal, where there is one. */
export async function askForSecret(
  { terminal, input, signal }: BareContext,
  question: string,
): Promise<PasswordRead | undefined> {
  if (input.isTTY !== true || !terminal.canAsk) return undefined;
  const stream = input as unknown as import('node:tty').ReadStream;
  return promptForPassword(stream, (text) => terminal.ask(text), question, signal);
}

/**
 * Reads the secret that a command is about: at a prompt on a terminal, else from standard input, else from
 * EXCHANGE_PASSWORD. With `--password-stdin` from standard input alone.
 */
export async function readSecret(context: BareContext, question: string, fromInput: boolean): Promise<PasswordRead> {
  const asked = fromInput ? undefined : await askForSecret(context, question);
  if (asked !== undefined) return asked;
  const piped = await readPasswordFrom(context.input, context.signal);
  const inEnvironment = context.environment['EXCHANGE_PASSWORD'];
  const isEmpty = piped.kind === 'unusable' && /is empty/.test(piped.reason);
  if (isEmpty && !fromInput && inEnvironment) return { kind: 'read', password: inEnvironment };
  return piped;
}
