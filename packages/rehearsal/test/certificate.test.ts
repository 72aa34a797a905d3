import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, createServer } from 'node:tls';
import { type MadeCertificate, makeCertificate } from '@exchange-connector/rehearsal';

/** What a verifying TLS client says of a server with this certificate: `authorized`, or the error's code. */
async function verdictOf(made: MadeCertificate, servername: string): Promise<string> {
  const server = createServer({ cert: made.certificatePem, key: made.keyPem }, (socket) => socket.end());
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect({ host: '127.0.0.1', port, ca: made.caPem, servername });
  const verdict = await new Promise<string>((resolve) => {
    client.once('secureConnect', () => resolve('authorized'));
    client.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  client.destroy();
  server.close();
  return verdict;
}

test('a TLS client that trusts the private authority accepts the certificate for each of its names', async () => {
  const made = await makeCertificate({ hosts: ['mail.example.test', 'localhost', '127.0.0.1', '::1'] });
  assert.equal(await verdictOf(made, 'mail.example.test'), 'authorized');
  assert.equal(await verdictOf(made, 'localhost'), 'authorized');
  assert.equal(new X509Certificate(made.certificatePem).checkIP('127.0.0.1'), '127.0.0.1');
  assert.equal(new X509Certificate(made.certificatePem).checkIP('::1'), '::1');
});

test('a TLS client refuses the certificate for another name, and each flawed one for its own flaw', async () => {
  const hosts = ['mail.example.test'];
  assert.equal(await verdictOf(await makeCertificate({ hosts }), 'other.example.test'), 'ERR_TLS_CERT_ALTNAME_INVALID');
  const verdicts = {
    expired: await verdictOf(await makeCertificate({ hosts, flaw: 'expired' }), 'mail.example.test'),
    'not-yet-valid': await verdictOf(await makeCertificate({ hosts, flaw: 'not-yet-valid' }), 'mail.example.test'),
    'self-signed': await verdictOf(await makeCertificate({ hosts, flaw: 'self-signed' }), 'mail.example.test'),
    'wrong-authority': await verdictOf(await makeCertificate({ hosts, flaw: 'wrong-authority' }), 'mail.example.test'),
  };
  assert.deepEqual(verdicts, {
    expired: 'CERT_HAS_EXPIRED',
    'not-yet-valid': 'CERT_NOT_YET_VALID',
    'self-signed': 'DEPTH_ZERO_SELF_SIGNED_CERT',
    'wrong-authority': 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  });
});

test('a folder gets the three files, the key for its owner alone', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'certificate-'));
  t.after(() => rm(folder, { recursive: true }));
  const made = await makeCertificate({ hosts: ['localhost'], folder });
  assert.ok(made.files);
  assert.equal(await readFile(made.files.ca, 'utf8'), made.caPem);
  assert.equal(await readFile(made.files.certificate, 'utf8'), made.certificatePem);
  assert.equal(await readFile(made.files.key, 'utf8'), made.keyPem);
  assert.equal((await stat(made.files.key)).mode & 0o777, 0o600);
});
