/* Random fault scripts. The same seed gives the same script, on every machine. */
import { type FaultAction, type FaultPlace, type FaultRule, type FaultStage, formatRule } from './fault-script.ts';

/** How many faults a script of chaos holds, and how many messages lie between two of them at most. */
const ruleCount = 200;
const longestGap = 100;

/** Numbers from a seed: the generator "mulberry32". */
class Numbers {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    const fraction = ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
    return least + Math.floor(fraction * (most - least + 1));
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.between(0, choices.length - 1)] as T;
  }
}

function anyStage(numbers: Numbers): FaultStage {
  return numbers.pick<FaultStage>([
    { kind: 'before' },
    { kind: 'after' },
    { kind: 'halfway' },
    { kind: 'at', bytes: numbers.between(0, 2_000) },
  ]);
}

/** What chaos does, and how often: an action stands as many times as it is likely. `stall` and a death for good end nothing in time, so they are left out. */
const choices: readonly ((numbers: Numbers) => FaultAction)[] = [
  (numbers) => ({ kind: 'drop', stage: anyStage(numbers) }),
  (numbers) => ({ kind: 'drop', stage: anyStage(numbers) }),
  (numbers) => ({ kind: 'reset', stage: anyStage(numbers) }),
  (numbers) => ({ kind: 'half-close', stage: anyStage(numbers) }),
  (numbers) => ({ kind: 'delay', milliseconds: numbers.between(10, 1_500), stage: undefined }),
  (numbers) => ({ kind: 'delay', milliseconds: numbers.between(10, 1_500), stage: { kind: 'after' } }),
  () => ({ kind: 'disconnect', stage: undefined }),
  (numbers) => ({ kind: 'die', milliseconds: numbers.between(100, 2_000), stage: undefined }),
  (numbers) => ({ kind: 'http', status: numbers.pick([500, 502, 503]), stage: undefined }),
  () => ({ kind: 'fault', code: 995 }),
  () => ({ kind: 'refuse' }),
  (numbers) => ({ kind: 'throttle', by: 'budget', milliseconds: numbers.between(1, 3) * 1_000 }),
  () => ({ kind: 'throttle', by: 'shells', most: 18 }),
  () => ({ kind: 'throttle', by: 'operations' }),
  (numbers) => ({ kind: 'throttle', by: 'delay', milliseconds: numbers.between(10, 500) }),
  () => ({ kind: 'forget', what: 'shell' }),
  () => ({ kind: 'lose-cookie' }),
  () => ({ kind: 'renew-cookie' }),
  () => ({ kind: 'misroute' }),
  () => ({ kind: 'truncate', stage: undefined }),
  (numbers) => ({ kind: 'corrupt', what: numbers.pick(['envelope', 'base64', 'fragment', 'body'] as const) }),
];

/** The script of a seed: two hundred faults, each within a hundred messages of the one before. */
export function chaosScript(seed: number): string {
  const numbers = new Numbers(seed);
  const rules: FaultRule[] = [];
  let message = 0;
  while (rules.length < ruleCount) {
    message += numbers.between(1, longestGap);
    const place: FaultPlace = { kind: 'messages', of: 'message', first: message, last: message };
    rules.push({ place, action: numbers.pick(choices)(numbers) });
  }
  return `${rules.map(formatRule).join('\n')}\n`;
}
