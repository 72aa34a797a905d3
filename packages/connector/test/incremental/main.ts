/*
 * `npm run test:histories [-- COUNT [SEED]]`: many random histories, of fresh seeds unless one is given. Ends with
 * exit 1 after the first that fails, whose seed and course it prints.
 */
import { randomBytes } from 'node:crypto';
import { History, newTally } from './history.ts';

const [count = '2000', series = randomBytes(4).toString('hex')] = process.argv.slice(2);
const total = Number(count);
if (!Number.isInteger(total) || total < 1) {
  console.error(`found ${count}; allowed is a number of histories, then a seed`);
  process.exit(2);
}
const tally = newTally();
const started = performance.now();
console.log(`${total} histories, seed ${series}`);
for (let number = 0; number < total; number += 1) {
  const history = new History(`${series}-${number}`, tally);
  try {
    await history.run(6);
  } catch (error) {
    console.error(history.log.join('\n'));
    console.error(error);
    console.error(`failed: history ${number}; again: npm run test:histories -- ${number + 1} ${series}`);
    process.exit(1);
  }
  if ((number + 1) % 100 === 0)
    console.log(`${number + 1} histories, ${((performance.now() - started) / 1000).toFixed(0)} s`);
}
const { reasons, ...counts } = tally;
console.log(JSON.stringify(counts));
console.log('complete runs, by reason:');
for (const [reason, times] of [...reasons].sort(([, left], [, right]) => right - left))
  console.log(`  ${times}  ${reason}…`);
