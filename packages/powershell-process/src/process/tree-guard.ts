/*
 * A program of its own that ends a tree of processes when the process that started it was killed and can no
 * longer do it. A PowerShell in server mode whose standard input ends does end by itself, but not in the
 * middle of a blocking call, and what it has started does not end with it.
 *
 *   standard input    the number of the tree's first process and its mark (JSON); then `done` when it has ended. Where `done` is
 *                     missing at the end of the input, the tree is killed after the time to end by itself
 *   argument          that time, in milliseconds
 */
import { killTree } from '../kill-tree.ts';

// Ctrl-C and the end of a terminal come to all processes there; this one is to outlive them.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

let received = '';
function end(): void {
  const [first = '', done] = received.split('\n');
  const [, leader, mark = ''] = /^(\d+) (.*)$/.exec(first) ?? [];
  if (leader === undefined || done === 'done') return;
  const tree = JSON.parse(mark) as Readonly<Record<string, string>>;
  setTimeout(() => killTree(Number(leader), tree), Number(process.argv[2] ?? 0));
}

process.stdin.setEncoding('utf8');
process.stdin.on('data', (text: string) => {
  received += text;
});
process.stdin.once('end', end);
process.stdin.once('error', end);
