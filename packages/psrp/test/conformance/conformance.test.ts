/*
 * The conformance suite: the scenarios of ./scenarios.ts, run four ways. What the real client tells of the real server
 * is the truth; the other three must tell the same, but for what stands in ./kept-differences.ts.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { openOracle } from '../oracle-program.ts';
import { casesOf, type FourWays, runFourWays } from './four-ways.ts';
import {
  formatKeptDifferences,
  keptAspects,
  keptDifferences,
  theSessionItself,
  type Way,
  ways,
} from './kept-differences.ts';
import { answerOfOurs, answerOfReal } from './negotiation.ts';
import type { Difference } from './outcome.ts';
import { type Case, type SessionName, sessionNames } from './scenario.ts';
import { scenarios } from './scenarios.ts';

const oracle = await openOracle();
const skip = oracle.kind === 'ready' ? false : oracle.reason;
if (oracle.kind === 'absent') console.log(`the conformance suite is skipped: ${oracle.reason}`);
const program = oracle.kind === 'ready' ? oracle.program : '';

const titleOf = ({ scenario, session }: Case): string =>
  session === '2.4' ? scenario.name : `${scenario.name} (${session})`;

/** Exactly the kept differences must be found: no other, and each of them. */
function assertKept(found: readonly Difference[], way: Way, session: SessionName, scenario: string): void {
  const kept = keptAspects(way, session, scenario);
  const others = found.filter(({ aspect }) => !kept.includes(aspect)).map(({ what }) => what);
  assert.deepEqual(others, []);
  const settled = kept.filter((aspect) => !found.some((one) => one.aspect === aspect));
  assert.deepEqual(settled, [], 'a kept difference that is none any more');
}

describe('real and ours', { skip }, () => {
  let results: FourWays;
  before(async () => {
    results = await runFourWays(program, scenarios);
  });

  for (const way of ways) {
    describe(way, () => {
      for (const session of sessionNames) {
        test(`a session opens, tells the same of itself, and closes: ${session}`, () => {
          assertKept(results.sessionDifferences(way, session), way, session, theSessionItself);
        });
      }
      for (const one of sessionNames.flatMap((session) => casesOf(scenarios, session))) {
        test(titleOf(one), () => assertKept(results.differences(way, one), way, one.session, one.scenario.name));
      }
    });
  }
});

for (const version of ['1.0', '2.0', '2.1', '2.4', '2.5', '3.0']) {
  test(`a client that announces ${version} is answered by both servers alike`, { skip }, async () => {
    assert.deepEqual(answerOfOurs(version), await answerOfReal(program, version));
  });
}

test('every kept difference is of a scenario that runs, and stands in docs/conformance.md', () => {
  for (const { scenario, sessions } of keptDifferences) {
    for (const session of sessions) {
      const names = [theSessionItself, ...casesOf(scenarios, session).map((one) => one.scenario.name)];
      assert.ok(names.includes(scenario), `${scenario} (${session})`);
    }
  }
  assert.equal(new Set(scenarios.map((one) => one.name)).size, scenarios.length);
  const page = readFileSync(new URL('../../../../docs/conformance.md', import.meta.url), 'utf8');
  assert.ok(
    page.includes(formatKeptDifferences()),
    `the table in docs/conformance.md is to be\n${formatKeptDifferences()}`,
  );
});
