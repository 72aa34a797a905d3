/* `config scan`: for a person's own pipeline, so that no credential is checked in readable. */
import type { ScanEvent } from '@exchange-connector/config';
import type { CommonOptions } from '../command-options.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import type { BareContext, CommandDescription } from './command.ts';
import { sayCancelled } from './command.ts';

interface Counts {
  findings: number;
  scanned: number;
  unread: number;
  passedOver: number;
}

function show({ terminal }: BareContext, json: boolean, event: ScanEvent, counts: Counts): void {
  switch (event.kind) {
    case 'finding': {
      const { kind, name, line, column } = event.finding;
      counts.findings += 1;
      if (json) terminal.resultJson({ file: event.file, line, column, kind, name });
      else terminal.result(`${event.file}:${line}:${column}: ${name}: stands in plain text (${kind})`);
      return;
    }
    case 'scanned':
      counts.scanned += 1;
      return;
    case 'unread':
      counts.unread += 1;
      terminal.say(`warning: ${event.file}: not scanned: ${event.reason}`);
      return;
    case 'passed-over':
      counts.passedOver += 1;
  }
}

function sayCounts({ terminal }: BareContext, { findings, scanned, unread, passedOver }: Counts): void {
  const others = [`${unread} that could not be scanned`, `${passedOver} without text`];
  terminal.say(`${findings} credential(s) in ${scanned} file(s); ${others.join(', ')}`);
}

async function runScan(paths: readonly string[], options: CommonOptions, context: BareContext): Promise<ExitCode> {
  const { scanPaths } = await import('@exchange-connector/config');
  const counts: Counts = { findings: 0, scanned: 0, unread: 0, passedOver: 0 };
  try {
    for await (const event of scanPaths(paths, context.signal)) show(context, options.json, event, counts);
  } catch (error) {
    if (context.signal.aborted) return sayCancelled(context.terminal);
    throw error;
  }
  sayCounts(context, counts);
  if (counts.findings > 0) return exitCode.failed;
  return counts.unread > 0 ? exitCode.partial : exitCode.done;
}

/** Paths that are not there: a slip of the pen would make a pipeline green. */
async function findMissing(paths: readonly string[]): Promise<readonly string[]> {
  const { existsSync } = await import('node:fs');
  return paths.filter((path) => !existsSync(path)).map((path) => `config scan ${path}: it is not there`);
}

export const configScanCommand: CommandDescription = {
  words: ['config', 'scan'],
  usage: '<path...> [options]',
  summary:
    'Finds credentials that stand readable in files and folders: JSON, XML, ini, env, YAML, CSV, PowerShell and other programs. Each is told with file, line and column, never with its value. Exit 0: none; 1: some; 5: none, but files could not be scanned. A line with "config-scan: ignore" is left out.',
  operands: [{ flags: '<path...>', description: 'files and folders; inside folders links are not followed' }],
  examples: [
    ['Fail a build where a password was checked in:', 'exchange-connector config scan .'],
    ['List the places for a script:', 'exchange-connector config scan --json /etc/exchange-connector'],
  ],
  prepare(given, common) {
    const paths = given.texts('path');
    return {
      needs: 'nothing',
      findFaults: () => findMissing(paths),
      run: (context) => runScan(paths, common, context),
    };
  },
};
