/* Microsoft's own client (PowerShell's engine, see packages/psrp/test/oracle) writes, is asked and is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Oracle, openOracle, runOracle } from '../../psrp/test/oracle-program.ts';
import { createTestOrganization, startSimulator } from '../src/index.ts';

const oracle = await openOracle();
const skip = oracle.kind === 'ready' ? false : oracle.reason;
const pipe = `simulator-${process.pid}-writes`;

interface Answer {
  readonly state: string;
  readonly failure: { readonly id: string; readonly message: string } | null;
  readonly error?: readonly { readonly id: string; readonly message: string }[];
  readonly warning?: readonly string[];
  readonly host?: readonly string[] | null;
  readonly thrown?: string;
}

/** One command; values are PowerShell text. */
function command(name: string, parameters: Readonly<Record<string, string>>) {
  return {
    statements: [[{ name, parameters: Object.entries(parameters).map(([key, value]) => ({ name: key, value })) }]],
  };
}

async function drive(lines: readonly unknown[]): Promise<readonly Answer[]> {
  const input = lines.map((line) => JSON.stringify(line)).join('\n');
  const told = await runOracle(oracle as Oracle & { kind: 'ready' }, ['conform'], input);
  return told
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);
}

const nora = { Identity: "'nora'" };

test('it writes with hashtables, lists and sizes; with a host it is asked, and without one it fails', {
  skip,
}, async () => {
  const organization = createTestOrganization({ mailboxes: 40, clock: 'virtual' });
  const { guid } = organization.change({ kind: 'createRecipient', recipientClass: 'user', samAccountName: 'nora' });
  const simulator = await startSimulator({ pipe, organization });
  const properties = () => [...organization.truth().mailboxes()].find((mailbox) => mailbox.guid === guid)?.properties;
  try {
    const enabled = await drive([
      { open: pipe },
      command('Enable-Mailbox', nora),
      command('Set-Mailbox', {
        ...nora,
        EmailAddressPolicyEnabled: '$false',
        EmailAddresses: "@{ Add = 'smtp:one@example.test', 'SMTP:two@example.test'; Remove = 'smtp:no@example.test' }",
        ProhibitSendQuota: '3GB',
        IssueWarningQuota: "'2 GB'",
        UseDatabaseQuotaDefaults: '$false',
      }),
      command('Set-Mailbox', { ...nora, EmailAddresses: "@{ Add = 'team1@example.test' }" }),
      command('Disable-Mailbox', nora),
      { close: true },
    ]);
    assert.deepEqual(
      enabled.map(({ state, thrown }) => thrown ?? state),
      ['Opened', 'Completed', 'Completed', 'Completed', 'Failed', 'Closed'],
    );
    assert.match(enabled[3]?.error?.[0]?.message ?? '', /already being used by the proxy addresses/);
    assert.match(enabled[3]?.error?.[0]?.id ?? '', /FailureCategory=Cmdlet-ProxyAddressExistsException\] [0-9A-F]{8},/);
    assert.equal(enabled[4]?.failure?.id, 'HostFunctionNotImplemented');
    const { EmailAddresses, ProhibitSendQuota } = properties() ?? {};
    assert.deepEqual(
      [EmailAddresses, ProhibitSendQuota],
      [['SMTP:two@example.test', 'smtp:nora@example.test', 'smtp:one@example.test'], '3 GB (3,221,225,472 bytes)'],
    );
    const asked = await drive([
      { open: pipe, host: true },
      command('Disable-Mailbox', { ...nora, WhatIf: '$true' }),
      command('Disable-Mailbox', nora),
      { close: true },
    ]);
    assert.deepEqual(
      asked.map(({ state, thrown }) => thrown ?? state),
      ['Opened', 'Completed', 'Completed', 'Closed'],
    );
    assert.match(asked[1]?.host?.[0] ?? '', /^WriteLine What if: Disabling Mailbox "example\.test\/Staff\//);
    assert.match(
      asked[2]?.host?.[0] ?? '',
      /^PromptForChoice Confirm Are you sure.*&Yes:.*Yes to &All:.*&No:.*No to A&ll:.* 0$/s,
    );
    // The host says yes to all.
    assert.equal(properties(), undefined);
  } finally {
    await simulator.close();
  }
});
