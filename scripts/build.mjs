// Builds what is released: dist/<package>, each a folder that `npm pack` takes, JavaScript with
// declarations beside it. `node scripts/run.mjs scripts/build.mjs [TARGET]`; the sources themselves
// need no build to run.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { root } from './set-up.mjs';

/** Of use inside this repository only. */
const unreleased = new Set(['rehearsal']);

function packageNames() {
  const all = readdirSync(join(root, 'packages'));
  return all.filter((name) => !unreleased.has(name) && existsSync(join(root, 'packages', name, 'package.json')));
}

function compile(names, target) {
  const folder = join(target, '.compiled');
  mkdirSync(folder, { recursive: true });
  const configuration = {
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      rootDir: join(root, 'packages'),
      outDir: folder,
      typeRoots: [join(root, 'node_modules', '@types')],
    },
    include: names.map((name) => join(root, 'packages', name, 'src', '**', '*.ts')),
    exclude: [join(root, 'packages', '*', 'src', '**', '*.d.ts')],
  };
  const file = join(folder, 'tsconfig.json');
  writeFileSync(file, JSON.stringify(configuration));
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', file], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error('the sources do not compile: see above');
  return folder;
}

/** The compiler rewrites `./x.ts` to `./x.js` in JavaScript; in declarations it leaves that to us. */
function rewriteDeclarations(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith('.d.ts')) continue;
    const path = join(entry.parentPath, entry.name);
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace(/((?:from|import)\s*\(?\s*['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2'),
    );
  }
}

function releasedExports(exports) {
  return Object.fromEntries(
    Object.entries(exports).map(([door, file]) => {
      if (typeof file !== 'string') return [door, file];
      const base = file.replace(/\.ts$/, '');
      return [door, { types: `${base}.d.ts`, default: `${base}.js` }];
    }),
  );
}

/** The PowerShell scripts that the agent puts beside those of users, and those that users may name. */
function layScripts(folder) {
  const scripts = join(root, 'scripts');
  for (const file of readdirSync(scripts).filter((file) => file.endsWith('.ps1')))
    cpSync(join(scripts, file), join(folder, 'scripts', file));
}

function lay(name, compiled, target) {
  const source = join(root, 'packages', name);
  const folder = join(target, name);
  mkdirSync(folder, { recursive: true });
  if (existsSync(join(compiled, name, 'src'))) {
    cpSync(join(compiled, name, 'src'), join(folder, 'src'), { recursive: true });
    rewriteDeclarations(join(folder, 'src'));
  }
  for (const file of readdirSync(source).filter((file) => /\.d?\.?mjs$|\.d\.mts$|^README\.md$/.test(file)))
    cpSync(join(source, file), join(folder, file));
  if (name === 'agent') layScripts(folder);
  const bin = join(source, 'bin');
  for (const file of existsSync(bin) ? readdirSync(bin) : []) {
    mkdirSync(join(folder, 'bin'), { recursive: true });
    writeFileSync(
      join(folder, 'bin', file),
      readFileSync(join(bin, file), 'utf8').replace(/(\.\.\/src\/[^']*)\.ts'/, "$1.js'"),
    );
    chmodSync(join(folder, 'bin', file), 0o755);
  }
  const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
  writeFileSync(
    join(folder, 'package.json'),
    `${JSON.stringify({ ...manifest, exports: releasedExports(manifest.exports), engines: { node: '>=24' } }, undefined, 2)}\n`,
  );
  if (existsSync(join(root, 'LICENSE'))) cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
}

const target = resolve(process.argv[2] ?? join(root, 'dist'));
rmSync(target, { recursive: true, force: true });
const names = packageNames();
const compiled = compile(names, target);
for (const name of names) lay(name, compiled, target);
rmSync(compiled, { recursive: true });
process.stdout.write(`${names.map((name) => join(relative(process.cwd(), target), name)).join('\n')}\n`);
