/* A session without a wire gives what one on the wire gives, body by body. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PipelineEvent, type PipelineRequest, psString, type RemoteSession } from '@exchange-connector/psrp';
import { openWsmanSession } from '@exchange-connector/wsman';
import { createTestOrganization, openInProcessSession, startSimulator } from '../src/index.ts';
import { cmd } from './command-line.ts';
import { psArgument } from './in-process.ts';

const hashtable = { Add: ['smtp:more@example.test'], Remove: 'smtp:none@example.test' };
const requests: readonly PipelineRequest[] = [
  { statements: [[cmd('Get-Mailbox', { ResultSize: 5 })]] },
  { statements: [[cmd('Set-ADServerSettings', { ViewEntireForest: true })]] },
  {
    statements: [
      [cmd('Get-Mailbox', { ResultSize: 'Unlimited' }), cmd('Select-Object', { Property: ['Guid', 'EmailAddresses'] })],
      [cmd('Get-MailboxDatabase', { Status: true })],
    ],
  },
  { statements: [[cmd('Enable-Mailbox', { Identity: 'nora', Database: 'DB02' })]] },
  {
    statements: [
      [
        {
          name: 'Set-Mailbox',
          parameters: [
            { name: 'Identity', value: psString('nora') },
            { name: 'EmailAddresses', value: psArgument(hashtable) },
          ],
        },
      ],
      [cmd('Get-Mailbox', { Identity: 'nora' })],
    ],
  },
  { statements: [[cmd('Get-Recipient', { Identity: 'nobody' })]] },
  { statements: [[cmd('Get-Mailbox', { Nope: true })]] },
  { statements: [[cmd('Disable-Mailbox', { Identity: 'nora' })]] },
  { statements: [[{ name: 'Get-Mailbox | Out-Null', isScript: true, parameters: [] }]] },
  { statements: [[cmd('Set-Mailbox', { Identity: 'nora', DisplayName: 'Nora' })]] },
];

/** What a session told, without what differs from run to run. */
function told(event: PipelineEvent): unknown {
  const id = (text: string): string => text.replace(/RequestId=[^,]+,TimeStamp=[^\]]+/, 'RequestId,TimeStamp');
  switch (event.kind) {
    case 'output':
      return Buffer.from(event.body).toString('utf8');
    case 'error':
      return [event.record.message, id(event.record.fullyQualifiedErrorId), event.record.exceptionTypeNames];
    case 'warning':
      return event.message;
    case 'state':
      return [event.state, event.error?.message, event.error?.fullyQualifiedErrorId];
    default:
      return event.kind;
  }
}

async function play(session: RemoteSession): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for (const request of requests) {
    const one: unknown[] = [];
    for await (const event of session.invoke(request)) one.push(told(event));
    all.push(one);
  }
  await session.close();
  return all;
}

function organisation() {
  const organization = createTestOrganization({ mailboxes: 120, clock: 'virtual', seed: 9 });
  organization.change({ kind: 'createRecipient', recipientClass: 'user', name: 'Nora', samAccountName: 'nora' });
  return organization;
}

test('the same commands give the same bodies, errors, warnings and ends, with a wire and without', async () => {
  const simulator = await startSimulator({
    basic: { login: 'admin', password: 'secret' },
    organization: organisation(),
  });
  try {
    const wired = await play(
      await openWsmanSession({
        url: simulator.url,
        authentication: { scheme: 'basic', login: 'admin', password: () => 'secret', allowUnencrypted: true },
      }),
    );
    const direct = await play(openInProcessSession(organisation()));
    assert.deepEqual(direct, wired);
    assert.equal(direct.length, requests.length);
  } finally {
    await simulator.close();
  }
});

test('it takes pipeline input, ends by a signal, and refuses two pipelines at a time', async () => {
  const session = openInProcessSession(organisation());
  const names: unknown[] = [];
  for await (const event of session.invoke(
    { statements: [[cmd('Get-Mailbox'), cmd('Select-Object', { ExpandProperty: 'SamAccountName' })]] },
    { input: [psString('Administrator')] },
  ))
    if (event.kind === 'output') names.push(Buffer.from(event.body).toString('utf8'));
  assert.deepEqual(names, ['<S>Administrator</S>']);
  // It forgets pipelines, those that were left early too: a session may run any number of them.
  for (let count = 0; count < 1_100; count += 1)
    for await (const event of session.invoke({ statements: [[cmd('Get-ExchangeServer')]] }))
      if (count % 2 === 0 && event.kind === 'output') break;
  const aborted = AbortSignal.abort(new Error('enough'));
  await assert.rejects(async () => {
    for await (const _ of session.invoke({ statements: [[cmd('Get-Mailbox')]] }, { signal: aborted }));
  }, /enough/);
  const first = session.invoke({ statements: [[cmd('Get-Mailbox')]] })[Symbol.asyncIterator]();
  await first.next();
  await assert.rejects(async () => {
    for await (const _ of session.invoke({ statements: [[cmd('Get-Mailbox')]] }));
  }, /another one runs/);
  await first.return?.();
  await session.close();
  await assert.rejects(async () => {
    for await (const _ of session.invoke({ statements: [[cmd('Get-Mailbox')]] }));
  }, /the session is closed/);
});
