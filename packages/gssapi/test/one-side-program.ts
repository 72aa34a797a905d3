/*
 * One side of a hand-shake as a process of its own, so that its clock (faketime) and environment can differ from the
 * other side's. The argument is JSON: { initiate: InitiateOptions } or { accept: AcceptOptions }; a password comes as
 * text. Tokens come and go as lines of base64; the last line out is JSON.
 */
import { createInterface } from 'node:readline';
import { exitImmediately, type GssapiError, gssapiMechanism, hasBlockedCall } from '@exchange-connector/gssapi';

const request = JSON.parse(process.argv[2] ?? '{}');
if (request.initiate?.credential.kind === 'password') {
  const { password } = request.initiate.credential;
  request.initiate.credential.password = () => password;
}
const mechanism = gssapiMechanism();
const context =
  request.initiate === undefined ? mechanism.accept(request.accept) : mechanism.initiate(request.initiate);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const base64 = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString('base64');

async function run(): Promise<void> {
  let token = request.initiate === undefined ? undefined : await context.step();
  while (!context.complete || token !== undefined) {
    if (token !== undefined) console.log(base64(token));
    if (context.complete) break;
    const line = await lines.next();
    if (line.done) return;
    token = await context.step(Buffer.from(line.value, 'base64'));
  }
  console.log(JSON.stringify({ peer: context.peer }));
}

await run().catch((error: unknown) => {
  const { code, message, replyToken } = error as GssapiError;
  console.log(JSON.stringify({ code, message, replyToken: base64(replyToken), blocked: hasBlockedCall() }));
});
if (request.leave === 'at once') exitImmediately(3);
process.exit(3);
