// Runs a script or program of the project on the newer Node: `node scripts/run.mjs FILE [ARGUMENT …]`,
// FILE counted from the project's folder. Brings the packages in first where they are missing.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { launch, oldestNodeMajor } from '../packages/launcher/launch.mjs';
import { installPackages, root } from './set-up.mjs';

const file = process.argv[2];
if (file === undefined) {
  process.stderr.write('usage: node scripts/run.mjs FILE [ARGUMENT …]\n');
  process.exit(2);
}
await installPackages();
const absolute = join(root, file);
// Only where this process runs FILE itself: the launcher hands the whole command line on.
if (Number.parseInt(process.versions.node, 10) >= oldestNodeMajor) process.argv.splice(1, 2, absolute);
await launch(pathToFileURL(absolute));
