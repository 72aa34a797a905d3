// `npm start` and `npm run start:kerberos`: brings in what is missing, then runs the demonstration.
// Starts on an older Node with nothing installed.
import { launch } from '../packages/launcher/launch.mjs';
import { installDebianPackages } from './debian-packages.mjs';
import { installPackages } from './set-up.mjs';

await installPackages();
if (process.argv.includes('--kerberos') && !process.argv.includes('--help')) {
  const missing = await installDebianPackages(['krb5-kdc', 'krb5-admin-server', 'krb5-user', 'libgssapi-krb5-2']);
  // The demonstration itself says what it lacks: another system may have a KDC under another name.
  if (missing !== undefined) process.stderr.write(`Not installed — ${missing}.\n`);
}
await launch(new URL('../packages/rehearsal/src/demonstration.ts', import.meta.url));
