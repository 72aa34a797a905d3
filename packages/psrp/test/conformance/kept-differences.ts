/* Where this package differs from PowerShell 7.6 and keeps it, each with its reason. An entry that no longer differs fails the suite. */
import type { SessionName } from './scenario.ts';

/** Who talks to whom, besides the real client and the real server, who tell the truth. */
export const ways = ['our client, real server', 'real client, our server', 'our client, our server'] as const;
export type Way = (typeof ways)[number];

export interface KeptDifference {
  /** The scenario's name; `the session itself` for what is told when it opens. */
  readonly scenario: string;
  readonly sessions: readonly SessionName[];
  readonly ways: readonly Way[];
  /** Aspects of the outcome (see outcome.ts), or `request`: what our server was asked, or `private data`. */
  readonly aspects: readonly string[];
  readonly reason: string;
}

export const theSessionItself = 'the session itself';

const noHost =
  'Our client has no host and says so: it is for programs, which have nobody to ask. The server calls nothing then, and what needs an answer fails.';
const noPlaces =
  'Our server runs no script: it has no lines to tell of, so its records never have invocation information.';

export const keptDifferences: readonly KeptDifference[] = [
  {
    scenario: theSessionItself,
    sessions: ['2.1', '2.2', '2.3', '2.4', 'with a host'],
    ways: ['our client, real server'],
    aspects: ['private data'],
    reason:
      'The real server tells a client that has a host what its debugger is set to, and the real client always has one. Ours has none, and no debugger.',
  },
  {
    scenario: 'input that is empty ends at once',
    sessions: ['2.4'],
    ways: ['our client, real server'],
    aspects: ['output'],
    reason:
      'The real client takes a collection that is empty and complete for no input at all, so that a process block runs once. Ours sends an input that ends at once, as `@() |` does.',
  },
  {
    scenario: 'input that is empty ends at once',
    sessions: ['2.4'],
    ways: ['real client, our server'],
    aspects: ['request'],
    reason: 'The same, seen by our server: the real client says that it has no input.',
  },
  {
    scenario: 'a value of the wrong type ends the pipeline',
    sessions: ['2.4'],
    ways: ['our client, real server', 'our client, our server'],
    aspects: ['failure'],
    reason:
      'The message of an error’s category is told as it came over the wire; the real client makes it anew, and shortens names to 40 characters in it.',
  },
  {
    scenario: 'the place of a record is told where it is asked for',
    sessions: ['2.4'],
    ways: ['real client, our server', 'our client, our server'],
    aspects: ['error', 'warning', 'verbose', 'debug'],
    reason: noPlaces,
  },
  ...(
    [
      ['every stream is told at every version', ['hostCalls']],
      ['a choice is asked of the host', ['output', 'error', 'hostCalls']],
      ['a line is read from the host', ['output', 'error', 'hostCalls']],
      ['text is written to the host', ['hostCalls']],
      ['a missing mandatory parameter is prompted for', ['output', 'error', 'hostCalls']],
    ] as const
  ).map(
    ([scenario, aspects]): KeptDifference => ({
      scenario,
      sessions: ['with a host'],
      ways: ['our client, real server'],
      aspects,
      reason: noHost,
    }),
  ),
];

/** The aspects that may differ there. */
export function keptAspects(way: Way, session: SessionName, scenario: string): string[] {
  return keptDifferences
    .filter((kept) => kept.scenario === scenario && kept.sessions.includes(session) && kept.ways.includes(way))
    .flatMap((kept) => kept.aspects);
}

/** The list as the table in docs/conformance.md. */
export function formatKeptDifferences(): string {
  const rows = keptDifferences.map(
    ({ scenario, sessions, ways: where, aspects, reason }) =>
      `| ${scenario} (${sessions.join(', ')}) | ${where.join('; ')} | ${aspects.join(', ')} | ${reason} |`,
  );
  return ['| Scenario (session) | Way | Differs | Reason |', '|---|---|---|---|', ...rows].join('\n');
}
