// `npm test [-- FOLDER … --fresh-seeds]`: brings in what the tests need, checks types, lint and format, runs
// every test (the walls are among them), and ends with the counts. Starts on an older Node with
// nothing installed.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findNewerNode, oldestNodeMajor } from '../packages/launcher/launch.mjs';
import { installDebianPackages } from './debian-packages.mjs';
import { installPackages, root, run } from './set-up.mjs';

/** No single test file takes a quarter of this; one that hangs is ended by it. */
const fileTimeLimitMs = 600_000;
/** As many as the smallest machine has cores. */
const filesAtOnce = 2;

function onNewNode() {
  const own = Number.parseInt(process.versions.node, 10) >= oldestNodeMajor;
  const binary = own ? process.execPath : findNewerNode();
  if (binary === undefined)
    throw new Error('the packages are installed, but none of them holds a newer Node for this system');
  return binary;
}

/** Says what a step does, runs it, keeps its name when it fails. */
async function step(name, failed, work) {
  const started = Date.now();
  process.stdout.write(`— ${name}\n`);
  if (!(await work())) failed.push(name);
  else process.stdout.write(`  done in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

async function findTestFiles(node, folders) {
  const list = `
    import { globSync } from 'node:fs';
    const files = globSync(['packages/*/test/**/*.test.ts', 'e2e/**/*.test.ts'], { exclude: (name) => /node_modules/.test(name) });
    process.stdout.write(JSON.stringify(files.sort()));`;
  const { execFileSync } = await import('node:child_process');
  const all = JSON.parse(execFileSync(node, ['--input-type=module', '-e', list], { cwd: root, encoding: 'utf8' }));
  const wanted = folders.map((folder) => folder.replace(/^\.\//, '').replace(/\/$/, ''));
  return all.filter(
    (file) => wanted.length === 0 || wanted.some((folder) => file === folder || file.startsWith(`${folder}/`)),
  );
}

const parameters = process.argv.slice(2);
const folders = parameters.filter((parameter) => !parameter.startsWith('--'));
const freshSeeds = '--fresh-seeds';
const runnerOptions = parameters.filter((parameter) => parameter.startsWith('--') && parameter !== freshSeeds);
const propertySeed = parameters.includes(freshSeeds)
  ? []
  : [`--import=${new URL('property-seed.mjs', import.meta.url)}`];
const failed = [];

await installPackages();
const node = onNewNode();
const missing = await installDebianPackages();
if (missing !== undefined)
  process.stdout.write(`Not to be had here — ${missing}. Tests that need it are skipped and say so.\n`);

/** The C# programs of the tests: each is built once here, not by the first test files side by side. */
const dotnetPrograms = [
  {
    name: 'PowerShell’s own engine, the judge of the protocol core',
    module: 'packages/psrp/test/oracle-program.ts',
    open: 'openOracle',
    usedBy: ['packages/psrp', 'packages/exchange-simulator'],
  },
  {
    name: 'PowerShell’s own engine, standing in for pwsh',
    module: 'packages/powershell-process/test/test-host.ts',
    open: 'openTestHost',
    usedBy: [
      'packages/powershell-process',
      'packages/agent',
      'packages/cli',
      'packages/protection',
      'packages/psrp-cli',
      'e2e',
    ],
  },
];
for (const program of dotnetPrograms) {
  if (!existsSync(join(root, ...program.module.split('/')))) continue;
  if (folders.length > 0 && !folders.some((folder) => program.usedBy.some((user) => folder.startsWith(user)))) continue;
  const build = `
    const { ${program.open} } = await import('./${program.module}');
    const built = await ${program.open}();
    if (built.kind === 'absent') process.stdout.write('  ' + built.reason + '. Tests that need it are skipped and say so.\\n');`;
  await step(program.name, failed, async () => (await run(node, ['--input-type=module', '-e', build])) === 0);
}
await step('types', failed, async () => (await run(node, [join('scripts', 'types.mjs'), ...folders])) === 0);
const biome = join('node_modules', '@biomejs', 'biome', 'bin', 'biome');
await step(
  'lint',
  failed,
  async () =>
    (await run(node, [biome, 'lint', '--error-on-warnings', ...(folders.length === 0 ? ['.'] : folders)])) === 0,
);

const files = await findTestFiles(node, folders);
if (files.length === 0) {
  process.stderr.write(`no test files below ${folders.join(', ')}\n`);
  process.exit(2);
}
process.stdout.write(`— tests: ${files.length} files\n`);
const code = await run(node, [
  // For clients inside test files: on a busy machine half a second is no reason to leave one address of `localhost`.
  '--network-family-autoselection-attempt-timeout=20000',
  ...propertySeed,
  '--test',
  `--test-concurrency=${filesAtOnce}`,
  `--test-timeout=${fileTimeLimitMs}`,
  `--test-reporter=${join(root, 'scripts', 'test-reporter.mjs')}`,
  '--test-reporter-destination=stdout',
  ...runnerOptions,
  ...files,
]);
if (failed.length > 0) process.stderr.write(`\nFailed besides the tests: ${failed.join(', ')}. See above.\n`);
process.exitCode = code === 0 && failed.length === 0 ? 0 : 1;
