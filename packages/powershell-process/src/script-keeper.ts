/*
 * A program of its own, between the connector and a script's process, which it never outlives and which
 * never outlives the connector: a process that is killed cannot tidy up, but its end of a pipe closes.
 *
 *   standard input    one line of JSON: the text for the script's standard input, or null; then nothing more:
 *                     when it ends, the script's whole tree of processes is killed
 *   3                 `pid <n>`, then `exit <code>`, `killed <signal>` or `failed <code> <message>`
 *   standard output, standard error   the script's own
 *   arguments         the program and its arguments
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import { killTree } from './kill-tree.ts';

const [program = '', ...parameters] = process.argv.slice(2);

let child: ChildProcess | undefined;
let told = false;

function tell(line: string): void {
  try {
    writeSync(3, `${line}\n`);
  } catch {
    // The connector is gone; what is left to do is the same.
  }
}

function end(line: string): void {
  if (told) return;
  told = true;
  if (child?.pid !== undefined) killTree(child.pid, process.env);
  tell(line);
  process.exit(0);
}

function start(input: string | null): void {
  const started = spawn(program, parameters, {
    stdio: ['pipe', 'inherit', 'inherit'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  child = started;
  started.on('error', (error: NodeJS.ErrnoException) => end(`failed ${error.code ?? 'ERROR'} ${error.message}`));
  started.on('exit', (code, signal) => end(signal === null ? `exit ${code}` : `killed ${signal}`));
  if (started.pid !== undefined) tell(`pid ${started.pid}`);
  // A script that does not read its input may end first.
  started.stdin.on('error', () => undefined);
  started.stdin.end(input === null ? '' : `${input}\n`);
}

let received = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (text: string) => {
  if (child !== undefined) return;
  received += text;
  const lineEnd = received.indexOf('\n');
  if (lineEnd >= 0) start(JSON.parse(received.slice(0, lineEnd)) as string | null);
});
process.stdin.on('end', () => end('killed SIGKILL'));
process.stdin.on('error', () => end('killed SIGKILL'));
