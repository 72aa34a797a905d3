// Checks the types of every package, its tests, and the folders beside them: each tsconfig by
// itself, as each has walls of its own (psrp and connector know no Node). Two run at a time.
// `node scripts/run.mjs scripts/types.mjs [FOLDER …]` narrows.
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './set-up.mjs';

const atOnce = 2;

export function findConfigurations(folders = []) {
  const all = globSync(
    ['packages/*/tsconfig*.json', 'e2e/tsconfig.json', 'bench/tsconfig.json', 'examples/tsconfig.json'],
    { cwd: root },
  );
  const wanted = folders.map((folder) => folder.replace(/\/$/, ''));
  return all
    .filter((path) => wanted.length === 0 || wanted.some((folder) => `${folder}/`.startsWith(`${dirname(path)}/`)))
    .sort();
}

/** Checks one tsconfig; gives what tsc said and whether it was content. */
function check(path) {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [compiler, '-p', path, '--pretty', 'false'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        said += text;
      });
    }
    child.on('error', reject);
    child.on('close', (code) => {
      // A package without tests yet has nothing for its test configuration to check.
      const empty = /error TS18003:/.test(said);
      resolve({ path, ok: code === 0 || empty, said: empty ? '' : said });
    });
  });
}

/** Checks all configurations below the folders; true when all are content. */
export async function checkTypes(folders = []) {
  const waiting = findConfigurations(folders);
  const results = [];
  const work = async () => {
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      const result = await check(path);
      results.push(result);
      if (!result.ok) process.stdout.write(`${result.path}\n${result.said}\n`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const failed = results.filter((result) => !result.ok).length;
  process.stdout.write(`types: ${results.length} configurations, ${failed} with errors\n`);
  return failed === 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = (await checkTypes(process.argv.slice(2))) ? 0 : 1;
