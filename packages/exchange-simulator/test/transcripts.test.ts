/*
 * The client's side of recorded sessions (pypsrp against Windows servers), sent to the simulator as it stands:
 * what a client that nobody here wrote asks is understood, and answered with the same kinds of answer wherever
 * an Exchange endpoint would. Where the recorded server ran a script, this one refuses it, as Exchange does.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Simulator, startSimulator } from '@exchange-connector/exchange-simulator';
import { type ParsedResponse, parseRequest, parseResponse } from '@exchange-connector/wsman/codec';
import { parse } from 'yaml';
import { forAllTests } from '../../rehearsal/test/for-all-tests.ts';
import { RawClient } from './raw-client.ts';

const folder = fileURLToPath(new URL('../../../../shared/samples/transcripts/', import.meta.url));
const skip = existsSync(folder) ? false : `the recordings are not at ${folder}`;
const names =
  skip === false
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.yml'))
        .sort()
    : [];

let simulator: Simulator;
forAllTests(
  async () => {
    simulator = await startSimulator({ basic: { login: 'admin', password: 'secret' }, mailboxes: 50 });
  },
  () => simulator.close(),
);

interface Exchange {
  readonly request: string;
  readonly response: string;
}

/** The recorded request for this server: its resource, its ids, and a timeout short enough to wait for. */
function adapted(text: string, ids: ReadonlyMap<string, string>): string {
  let result = text
    .replace(
      /(<wsman:ResourceURI[^>]*>)http:\/\/schemas\.microsoft\.com\/powershell\/[^<]*/,
      '$1http://schemas.microsoft.com/powershell/Microsoft.Exchange',
    )
    .replace(/PT\d+(?:\.\d+)?S<\/wsman:OperationTimeout>/, 'PT0.3S</wsman:OperationTimeout>');
  for (const [recorded, own] of ids) result = result.replaceAll(recorded, own);
  return result;
}

interface Seen {
  readonly operation: string;
  readonly recorded: string;
  readonly answered: string;
}

const kindOf = (body: ParsedResponse['body']): string =>
  body.kind === 'fault' ? `fault ${body.fault.code}` : body.kind;

/** Sends a recorded client's requests in order; a Receive is repeated where this server cuts answers otherwise. */
async function replay(client: RawClient, exchanges: readonly Exchange[]): Promise<{ seen: Seen[]; text: string }> {
  const ids = new Map<string, string>();
  const seen: Seen[] = [];
  let text = '';
  const done = new Set<string>();
  for (const { request, response } of exchanges) {
    const asked = parseRequest(Buffer.from(request)).body;
    const recorded = parseResponse(Buffer.from(response)).body;
    // Once this server has said all of a command there is nothing left to ask for: it has less to say than the recorded one.
    if (asked.kind === 'receive' && asked.commandId !== undefined && done.has(asked.commandId)) continue;
    const answer = await client.post(adapted(request, ids));
    const cookie = answer.headers['set-cookie']?.[0];
    if (cookie !== undefined) client.cookie = cookie.split(';')[0];
    const own = parseResponse(answer.body).body;
    if (recorded.kind === 'created' && own.kind === 'created') ids.set(recorded.shellId, own.shellId);
    if (recorded.kind === 'commandAccepted' && own.kind === 'commandAccepted')
      ids.set(recorded.commandId, own.commandId);
    if (own.kind === 'received') {
      text += own.streams.map(({ data }) => Buffer.from(data).toString('utf8')).join('');
      if (own.commandState?.state === 'Done' && asked.kind === 'receive' && asked.commandId !== undefined)
        done.add(asked.commandId);
    }
    seen.push({ operation: asked.kind, recorded: kindOf(recorded), answered: kindOf(own) });
  }
  return { seen, text };
}

/** Answers that differ from the recorded ones, and why that is right. */
const differences: Readonly<Record<string, readonly string[]>> = {
  // `Get` of the WinRM service's configuration is no shell's, and Exchange's endpoint has no such resource.
  psrp_small_msg_size: ['get got → fault 2150858811'],
};

for (const name of names) {
  test(`a recorded client is understood: ${name}`, { skip }, async () => {
    const { messages } = parse(readFileSync(`${folder}${name}`, 'utf8')) as { messages: Exchange[] };
    const client = new RawClient({ url: simulator.url });
    const { seen, text } = await replay(client, messages);
    client.close();
    const other = seen
      .filter((step) => step.recorded !== step.answered)
      .map((step) => `${step.operation} ${step.recorded} → ${step.answered}`);
    // A pool that has nothing to say is quiet here where the recorded one said a thing of its own, and the reverse.
    const unexplained = other.filter(
      (line) =>
        !/^receive (?:received → fault 2150858793|fault 2150858793 → received|fault 2150858843 → received)$/.test(line),
    );
    assert.deepEqual([...new Set(unexplained)], differences[name.replace('.yml', '')] ?? []);
    assert.match(text, /<I32 N="RunspaceState">2<\/I32>/, 'the pool opened');
    if (seen.some((step) => step.operation === 'command'))
      assert.match(text, /<I32 N="PipelineState">[45]<\/I32>/, 'a pipeline ended');
    assert.deepEqual([simulator.facts.shellsOpen, simulator.facts.shellsCreated], [0, simulator.facts.shellsDeleted]);
  });
}

test('the recorded script is refused as Exchange refuses it', { skip }, async () => {
  const { messages } = parse(readFileSync(`${folder}psrp_error_failed.yml`, 'utf8')) as { messages: Exchange[] };
  const client = new RawClient({ url: simulator.url });
  const { text } = await replay(client, messages);
  client.close();
  assert.match(text, /<S N="FullyQualifiedErrorId">ScriptsNotAllowed<\/S>/);
  assert.match(text, /<I32 N="ErrorCategory_Category">17<\/I32>/);
});
