/*
 * The walls of the layout (docs/architecture.md): who may import whom, which doors are open, which single
 * file holds a foreign module, no import cycles, names and sizes of files. `e2e/walls.test.ts` plants a
 * violation of each and sees it reported.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'oxc-parser';

const scope = '@exchange-connector/';

/** What the sources of each package may import: packages of ours, and whether Node's own modules. */
export const layout = {
  psrp: { ours: [], node: false, foreign: {} },
  gssapi: { ours: [], node: true, foreign: { koffi: 1 } },
  wsman: { ours: ['psrp', 'gssapi'], node: true, foreign: {} },
  'powershell-process': { ours: ['psrp'], node: true, foreign: {} },
  connector: { ours: ['psrp'], node: false, foreign: {} },
  config: { ours: [], node: true, foreign: { 'jsonc-parser': 1, '@rgrove/parse-xml': 1 } },
  'azure-key-vault': { ours: [], node: true, foreign: { '@azure/identity': 1, '@azure/keyvault-secrets': 1 } },
  cyberark: { ours: [], node: true, foreign: {} },
  protection: { ours: [], node: true, foreign: { 'jsonc-parser': 1 } },
  agent: {
    ours: [
      'config',
      'connector',
      'psrp',
      'wsman',
      'gssapi',
      'powershell-process',
      'protection',
      'azure-key-vault',
      'cyberark',
    ],
    node: true,
    foreign: { pino: 1 },
  },
  cli: { ours: ['agent', 'config', 'launcher', 'protection'], node: true, foreign: { commander: 1 } },
  'psrp-cli': {
    ours: ['psrp', 'wsman', 'gssapi', 'powershell-process', 'launcher'],
    node: true,
    foreign: { commander: 1 },
  },
  'exchange-simulator': {
    ours: ['psrp', 'wsman/codec', 'gssapi', 'launcher'],
    node: true,
    foreign: { commander: 1 },
  },
  launcher: { ours: [], node: true, foreign: {} },
  rehearsal: { ours: ['launcher'], node: true, foreign: { '@peculiar/x509': 1, 'reflect-metadata': 1 } },
};

/** Doors besides a package's front door. */
const sideDoors = new Set(['wsman/codec']);

const vagueNames = new Set(['utils', 'util', 'helpers', 'helper', 'common', 'types', 'manager', 'misc', 'shared']);
const mostLines = 500;

function importsOf(path, source) {
  const { module, errors } = parseSync(path, source);
  if (errors.length > 0) return { specifiers: [], broken: String(errors[0]?.message ?? errors[0]) };
  const specifiers = new Set();
  for (const statement of module.staticImports) specifiers.add(statement.moduleRequest.value);
  for (const statement of module.staticExports) {
    for (const entry of statement.entries) if (entry.moduleRequest) specifiers.add(entry.moduleRequest.value);
  }
  // Dynamic imports, and `import('…')` in type positions, which no module record lists.
  for (const match of source.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)) specifiers.add(match[1]);
  return { specifiers: [...specifiers], broken: undefined };
}

function packageOf(path) {
  return /^packages\/([^/]+)\//.exec(path)?.[1];
}

function checkSpecifier(path, owner, rules, specifier, report) {
  if (specifier.startsWith('.')) {
    const target = join(dirname(path), specifier).replaceAll('\\', '/');
    if (!target.startsWith(`packages/${owner}/`)) report('relative-way-out', `imports ${target}, outside its package`);
    else if (/\/(test|bench)\//.test(target)) report('tests-in-product', `imports ${target}`);
    return;
  }
  if (specifier.startsWith('node:')) {
    if (!rules.node) report('sans-io', `imports ${specifier}: ${owner} is pure`);
    return;
  }
  if (specifier.startsWith(scope)) {
    const door = specifier.slice(scope.length);
    if (door.includes('/') && !sideDoors.has(door))
      report('deep-door', `imports ${specifier}: only front doors are open`);
    else if (!rules.ours.includes(door) && !rules.ours.includes(door.split('/')[0]))
      report('layout', `imports ${specifier}: ${owner} may import ${rules.ours.join(', ') || 'nothing of ours'}`);
    return;
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  if (!(name in rules.foreign)) report('foreign', `imports ${name}, which ${owner} may not use`);
}

function findCycles(graph, report) {
  const state = new Map();
  const trail = [];
  const visit = (path) => {
    state.set(path, 'open');
    trail.push(path);
    for (const next of graph.get(path) ?? []) {
      if (state.get(next) === 'open') report(path, 'cycle', [...trail.slice(trail.indexOf(next)), next].join(' → '));
      else if (!state.has(next) && graph.has(next)) visit(next);
    }
    trail.pop();
    state.set(path, 'done');
  };
  for (const path of graph.keys()) if (!state.has(path)) visit(path);
}

/**
 * Checks sources against the layout.
 * @param {Map<string, string>} files path from the project's root (`packages/…/src/….ts`) → text
 * @returns {{ path: string, wall: string, message: string }[]}
 */
export function findViolations(files) {
  const violations = [];
  const graph = new Map();
  const holders = new Map();
  for (const [path, source] of files) {
    const report = (wall, message) => violations.push({ path, wall, message });
    const owner = packageOf(path);
    const rules = layout[owner];
    if (!rules) {
      report('layout', `the package ${owner} has no row in scripts/walls.mjs`);
      continue;
    }
    const base = path
      .split('/')
      .at(-1)
      .replace(/(\.d)?\.m?ts$/, '')
      .replace(/\.mjs$/, '');
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(base)) report('name', `${base} is not kebab-case`);
    if (vagueNames.has(base)) report('name', `${base} does not say what the file holds`);
    const lines = source.split('\n').length;
    if (lines > mostLines) report('size', `${lines} lines; at most ${mostLines}`);
    const { specifiers, broken } = importsOf(path, source);
    if (broken) report('syntax', broken);
    for (const specifier of specifiers) {
      checkSpecifier(path, owner, rules, specifier, report);
      if (specifier in rules.foreign) {
        const key = `${owner} ${specifier}`;
        holders.set(key, [...(holders.get(key) ?? []), path]);
      }
    }
    graph.set(
      path,
      specifiers.filter((s) => s.startsWith('.')).map((s) => join(dirname(path), s).replaceAll('\\', '/')),
    );
  }
  for (const [key, paths] of holders) {
    const [owner, name] = key.split(' ');
    if (paths.length > layout[owner].foreign[name])
      violations.push({ path: paths[1], wall: 'foreign', message: `${name} is imported by ${paths.join(' and ')}` });
  }
  findCycles(graph, (path, wall, message) => violations.push({ path, wall, message }));
  return violations;
}

/** Reads the sources of all packages below `root`. */
export function readSources(root) {
  const files = new Map();
  for (const name of readdirSync(join(root, 'packages'))) {
    const source = join(root, 'packages', name, 'src');
    if (!existsSync(source)) continue;
    for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.m?ts$/.test(entry.name) || entry.name.endsWith('.d.ts')) continue;
      const path = join(entry.parentPath, entry.name);
      files.set(relative(root, path).replaceAll('\\', '/'), readFileSync(path, 'utf8'));
    }
  }
  return files;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
  const files = readSources(root);
  const violations = findViolations(files);
  for (const { path, wall, message } of violations) console.error(`${path}: [${wall}] ${message}`);
  console.log(`walls: ${files.size} files, ${violations.length} violations`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}
