/* The password of the Basic account: from the environment, from standard input, or asked for on a terminal. */
import { createInterface } from 'node:readline';
import { SimulatorError } from './errors.ts';

const maxPasswordBytes = 4_096;

async function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    text += String(chunk);
    const end = text.indexOf('\n');
    if (end >= 0) return text.slice(0, end).replace(/\r$/, '');
    if (text.length > maxPasswordBytes) break;
  }
  if (text.length > maxPasswordBytes)
    throw new SimulatorError(
      'SIMULATOR_OPTION_INVALID',
      `--password-stdin: the first line is longer than ${maxPasswordBytes} characters`,
    );
  return text;
}

function ask(login: string): Promise<string> {
  return new Promise((resolve) => {
    process.stderr.write(`Password that ${login} is to have: `);
    const reader = createInterface({ input: process.stdin, terminal: true });
    reader.once('line', (line) => {
      process.stderr.write('\n');
      reader.close();
      resolve(line);
    });
  });
}

/** @throws SimulatorError SIMULATOR_OPTION_INVALID where there is none */
export async function readPassword(login: string, fromStandardInput: boolean): Promise<string> {
  const fromEnvironment = process.env['EXCHANGE_PASSWORD'];
  const password = fromStandardInput
    ? await firstLine(process.stdin)
    : (fromEnvironment ?? (process.stdin.isTTY ? await ask(login) : undefined));
  if (password !== undefined && password !== '') return password;
  throw new SimulatorError(
    'SIMULATOR_OPTION_INVALID',
    `--login ${login} needs a password: set EXCHANGE_PASSWORD, or give it with --password-stdin`,
  );
}
