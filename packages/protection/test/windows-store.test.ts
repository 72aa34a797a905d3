/*
 * The script for the Windows store in PowerShell's own engine, on the X509Store that .NET keeps in the home folder of
 * an account where there is no Windows.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { openTestHost } from '../../powershell-process/test/test-host.ts';
import { openStoreCertificate, type StartStoreProgram, storeScript } from '../src/certificate/windows-store.ts';
import { decryptLeaf, encryptLeaf, openCertificate } from '../src/index.ts';
import { fileIn, makePair, makePfx, noOpenSsl } from './test-certificates.ts';

const host = noOpenSsl === false ? await openTestHost() : undefined;
const skip = noOpenSsl !== false ? noOpenSsl : host?.kind === 'absent' ? host.reason : false;
const program = host?.kind === 'ready' ? host.program : '';
const home = fileIn('home');
const environment = { ...process.env, HOME: home };
const search = { thumbprint: undefined, distinguishedName: undefined, location: undefined, store: undefined };
const now = new Date();

function runScript(text: string): void {
  const script = fileIn('setup.ps1');
  writeFileSync(script, text);
  const { status, stderr } = spawnSync(program, ['-NoProfile', '-NonInteractive', '-File', script], {
    env: environment,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
}

const start: StartStoreProgram = () => {
  const script = fileIn('store.ps1');
  writeFileSync(script, storeScript);
  return spawn(program, ['-NoProfile', '-NonInteractive', '-File', script], { env: environment, stdio: 'pipe' });
};

test('a certificate of the store is found by thumbprint and by name, and its key opens leaves where it lies', {
  skip,
}, async () => {
  mkdirSync(home, { recursive: true });
  const [pair, other] = [makePair('stored'), makePair('other')];
  const files = [pair, other].map((each) => makePfx(each, 'p'));
  runScript(`
$store = New-Object -TypeName System.Security.Cryptography.X509Certificates.X509Store -ArgumentList 'My', 'CurrentUser'
$store.Open('ReadWrite')
foreach ($file in '${files.join("', '")}') {
  $store.Add([System.Security.Cryptography.X509Certificates.X509CertificateLoader]::LoadPkcs12FromFile($file, 'p', 'PersistKeySet'))
}
$store.Close()`);
  const fromFile = await openCertificate({ file: pair.certificateFile });
  const byThumbprint = await openStoreCertificate(
    { ...search, thumbprint: fromFile.thumbprint.sha1.toLowerCase() },
    now,
    start,
  );
  assert.deepEqual(byThumbprint.thumbprint, fromFile.thumbprint);
  assert.equal(byThumbprint.privateKey, undefined);
  const leaves = ['one', 'zwei €', 'three'].map((value) => encryptLeaf(value, fromFile));
  const opened = await Promise.all(leaves.map((leaf) => decryptLeaf(leaf, 'A.B', byThumbprint)));
  assert.deepEqual(opened, ['one', 'zwei €', 'three']);
  await assert.rejects(
    decryptLeaf(encryptLeaf('x', await openCertificate({ file: other.certificateFile })), 'A.B', byThumbprint),
    {
      code: 'LEAF_OTHER_CERTIFICATE',
    },
  );
  const byName = await openStoreCertificate({ ...search, distinguishedName: 'O=contoso, CN=OTHER' }, now, start);
  assert.equal(byName.subject, 'CN=other, O=Contoso');
  await assert.rejects(openStoreCertificate({ ...search, thumbprint: '00'.repeat(20) }, now, start), {
    code: 'CERTIFICATE_NOT_FOUND',
    message: /CurrentUser\\My: 0+ is not there; there: .*CN=stored/,
  });
});

test('where there is no Windows and no PowerShell, the error names the way', async () => {
  const wanted = { ...search, thumbprint: '00'.repeat(20) };
  if (process.platform !== 'win32')
    await assert.rejects(openCertificate({ thumbprint: '00'.repeat(20) }), {
      code: 'CERTIFICATE_STORE_UNAVAILABLE',
      mend: /PFX/,
    });
  await assert.rejects(
    openStoreCertificate(wanted, now, () => spawn(fileIn('no-such-program'), { stdio: 'pipe' })),
    { code: 'CERTIFICATE_STORE_UNAVAILABLE', message: /did not start/ },
  );
  await assert.rejects(
    openStoreCertificate(wanted, now, () => spawn(process.execPath, ['-e', ''], { stdio: 'pipe' })),
    { code: 'CERTIFICATE_STORE_UNAVAILABLE', message: /PowerShell ended/ },
  );
});
