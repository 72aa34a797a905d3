import { onInterrupt } from '@exchange-connector/launcher';

// What a test wants the program to do stands in its first argument.
const [task, argument]: (string | undefined)[] = process.argv.slice(2);

function say(fact: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(fact)}\n`);
}

function stayUntilToldToLeave(): void {
  const alive = setInterval(() => {}, 1 << 30);
  onInterrupt((interrupt) => {
    say(interrupt as unknown as Record<string, unknown>);
    if (argument !== undefined && interrupt.signal === argument) {
      clearInterval(alive);
      process.exitCode = 130;
    }
    if (interrupt.atOnce) process.exit(130);
  });
  say({ ready: process.pid });
}

switch (task) {
  case 'facts':
    say({
      major: Number.parseInt(process.versions.node, 10),
      arguments: process.argv.slice(3),
      marker: Object.keys(process.env).filter((name) => name.startsWith('EXCHANGE_CONNECTOR_')),
      channelVariable: process.env['NODE_CHANNEL_FD'],
    });
    break;
  case 'exit':
    process.exitCode = Number(argument);
    break;
  case 'echo':
    process.stdin.pipe(process.stdout);
    break;
  case 'die':
    process.kill(process.pid, argument as NodeJS.Signals);
    setInterval(() => {}, 1 << 30);
    break;
  case 'stay':
    stayUntilToldToLeave();
    break;
  case 'deaf':
    // Takes no interrupts at all.
    setInterval(() => {}, 1 << 30);
    say({ ready: process.pid });
    break;
  case 'stuck':
    onInterrupt((interrupt) => {
      say(interrupt as unknown as Record<string, unknown>);
      // Who should kill it may have been killed first.
      for (const end = Date.now() + 120_000; Date.now() < end; );
    });
    setInterval(() => {}, 1 << 30);
    say({ ready: process.pid });
    break;
  default:
    throw new Error(`no such task: ${task}`);
}
