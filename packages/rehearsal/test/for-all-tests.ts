import { after, before } from 'node:test';

/**
 * What the tests of a file share: made before the first of them, ended after the last. Where none of a file is chosen
 * (`--test-name-pattern`), Node calls `after` without waiting for `before`: what is ended then is not made yet, and
 * keeps the process alive for ever.
 */
export function forAllTests(setUp: () => Promise<void>, tearDown: () => Promise<void> | void): void {
  let ready: Promise<void> | undefined;
  before(() => {
    ready = setUp();
    return ready;
  });
  after(async () => {
    await ready;
    await tearDown();
  });
}
