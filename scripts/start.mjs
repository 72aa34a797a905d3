// `npm start` and `npm run start:kerberos`: brings in what is missing, then runs the demonstration.
// Starts on an older Node with nothing installed.
import { launch } from '../packages/launcher/launch.mjs';
import { installRealmPackages } from './debian-packages.mjs';
import { installPackages } from './set-up.mjs';

await installPackages();
if (process.argv.includes('--kerberos') && !process.argv.includes('--help')) await installRealmPackages();
await launch(new URL('../packages/rehearsal/src/demonstration.ts', import.meta.url));
