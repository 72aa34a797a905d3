/* The program. What is heavy is imported once it is known to be needed: `--help` needs commander alone. */
import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import { readCommandLine } from './command-line.ts';
import { exitCode } from './exit-code.ts';
import { ProcessEnd } from './process-end.ts';
import { Terminal } from './terminal.ts';

// Also for clients that cannot be told (Key Vault's): Node would leave each of several addresses after half a second.
setDefaultAutoSelectFamilyAttemptTimeout(5_000);

const terminal = new Terminal(process.stdout, process.stderr, process.env);
const asked = readCommandLine(process.argv.slice(2));

switch (asked.kind) {
  case 'answer':
    for (const line of asked.text.split('\n')) terminal.result(line);
    break;
  case 'refused':
    terminal.say(`error: ${asked.message}`);
    process.exitCode = exitCode.usage;
    break;
  case 'run': {
    const { runCommand } = await import('./run-command.ts');
    const ending = new ProcessEnd();
    const code = await runCommand(asked.invocation, terminal, ending);
    await terminal.flush();
    ending.now(code);
  }
}
