// Runs on any Node from 16 on: it is what brings a program to a newer one. No TypeScript here,
// and no syntax or import that Node 16 lacks.
//
// Two ways of running, one behaviour:
//
//   new Node:   [program]
//   old Node:   [launcher] ──spawn, stdio inherited, IPC──► [program on the newer binary]
//
// A terminal's Ctrl-C goes to the whole foreground group, so both processes get it; `kill` goes
// to the one whose id is known, the launcher. The launcher tells every signal of its own over
// IPC; the program counts what it was told and what it received itself, and takes the greater of
// the two: no signal is lost, none counts twice, and no clock is involved.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';

export const oldestNodeMajor = 24;

/** Marks a child of the launcher; taken out of the environment before the program sees it. */
const launchedVariable = 'EXCHANGE_CONNECTOR_LAUNCHED';
const interruptSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** How long a program that was told to end at once may take before the launcher ends it. */
const endAtOnceGraceMs = 2000;

const listeners = new Set();
const received = { SIGINT: 0, SIGTERM: 0, SIGHUP: 0 };
const told = { SIGINT: 0, SIGTERM: 0, SIGHUP: 0 };
const delivered = { SIGINT: 0, SIGTERM: 0, SIGHUP: 0 };
const handlers = {};
for (const signal of interruptSignals) {
  handlers[signal] = () => {
    received[signal] += 1;
    deliver(signal);
  };
}

export function onInterrupt(listener) {
  if (listeners.size === 0) {
    for (const signal of interruptSignals) process.on(signal, handlers[signal]);
  }
  const entry = (interrupt) => listener(interrupt);
  listeners.add(entry);
  return () => {
    if (!listeners.delete(entry) || listeners.size > 0) return;
    for (const signal of interruptSignals) process.removeListener(signal, handlers[signal]);
  };
}

function deliver(signal) {
  while (delivered[signal] < Math.max(received[signal], told[signal])) {
    const earlier = delivered.SIGINT + delivered.SIGTERM + delivered.SIGHUP;
    delivered[signal] += 1;
    const interrupt = { signal, atOnce: signal === 'SIGINT' && earlier > 0 };
    for (const listener of [...listeners]) listener(interrupt);
  }
}

/** The program's side of the channel to its launcher. */
function listenToLauncher() {
  process.on('message', (message) => {
    const signal = message?.signal;
    if (!interruptSignals.includes(signal)) return;
    if (listeners.size === 0) {
      process.kill(process.pid, signal);
      return;
    }
    told[signal] += 1;
    deliver(signal);
  });
  process.on('disconnect', () => {
    if (listeners.size === 0) {
      process.kill(process.pid, 'SIGTERM');
      return;
    }
    told.SIGTERM = Math.max(told.SIGTERM, received.SIGTERM) + 1;
    deliver('SIGTERM');
  });
  process.channel?.unref();
}

function majorOf(version) {
  return Number.parseInt(version.split('.')[0], 10);
}

function packagesWithNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const binary = process.platform === 'win32' ? 'node.exe' : 'node';
  const names = [`node-${platform}-${process.arch}`, `node-bin-${platform}-${process.arch}`];
  return names.map((name) => ({ name, file: join('bin', binary) }));
}

export function findNewerNode(from = import.meta.url) {
  const resolver = module.createRequire(from);
  for (const { name, file } of packagesWithNode()) {
    try {
      const manifest = resolver.resolve(`${name}/package.json`);
      const candidate = join(dirname(manifest), file);
      if (majorOf(resolver(manifest).version) >= oldestNodeMajor && existsSync(candidate)) return candidate;
    } catch {
      // Not installed: the next name, or none.
    }
  }
  return undefined;
}

function refuse(found) {
  process.stderr.write(
    `This program needs Node ${oldestNodeMajor} or later; this is Node ${process.versions.node} (${process.execPath}), and ${found}.\n` +
      `Run "npm ci" in the project's folder, which brings a newer Node along for this system ` +
      `(${process.platform} ${process.arch}, package ${packagesWithNode()[0].name}; not with --omit=optional), ` +
      `or install Node ${oldestNodeMajor} or later from https://nodejs.org.\n`,
  );
  process.exit(2);
}

function start(node, nodeParameters, { stdio = ['inherit', 'inherit', 'inherit'], env = process.env, ...rest }) {
  return spawn(node, [youngGenerationOption, ...nodeParameters], {
    ...rest,
    stdio: [...stdio, 'ipc'],
    env: { ...withAllocator(env), [launchedVariable]: '1' },
  });
}

export function startProgram(file, parameters, options = {}) {
  return start(process.execPath, [file, ...parameters], options);
}

export function tellInterrupt(program, signal) {
  if (program.connected) program.send({ signal }, () => {});
}

/** Runs the same command line on the newer binary, and ends as it ends. */
function runOn(binary) {
  const child = start(binary, [...process.execArgv, ...process.argv.slice(1)], {});
  let interrupts = 0;
  const forward = (signal) => {
    interrupts += 1;
    tellInterrupt(child, signal);
    // The program may be stuck where it cannot hear; a second Ctrl-C ends it all the same.
    if (signal === 'SIGINT' && interrupts === 2) setTimeout(() => child.kill('SIGKILL'), endAtOnceGraceMs).unref();
  };
  for (const signal of interruptSignals) process.on(signal, forward);
  child.on('error', (error) => {
    if (child.pid === undefined) refuse(`${binary} could not be started (${error.message})`);
  });
  child.on('exit', (code, signal) => {
    for (const name of interruptSignals) process.removeListener(name, forward);
    if (signal === null) process.exit(code);
    process.kill(process.pid, signal);
    // A signal that does not end this process: the shell's number for it.
    setTimeout(() => process.exit(128 + constants.signals[signal]), 100);
  });
}

function cacheCompiledModules() {
  // Beside the installed packages, never in the shared temporary folder, where another account
  // could plant code that this one would run.
  const packages = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'node_modules');
  if (existsSync(packages)) module.enableCompileCache?.(join(packages, '.cache', 'exchange-connector'));
}

/**
 * The programs stream: what they make dies young. V8 answers by growing the space for young objects up to
 * 32 MB a half, which only makes the process larger and slower. Exporting 40,000 whole mailboxes took
 * 208 MB without this option and 140 MB with it, in less CPU. It counts from the start of a process only: set
 * later, or as a limit on growth, it costs up to twice the CPU.
 */
const youngGenerationOption = '--max-semi-space-size=4';

/**
 * Of glibc, which reads them when a process starts; other systems know none of them. Blocks that outlive their
 * neighbours, as a response does, otherwise keep all that was freed around them, in one pool for each thread.
 * Exporting 490,000 mailboxes took 209 MB without these and 157 MB with them, in the same CPU.
 */
const allocatorVariables = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '65536',
  MALLOC_TRIM_THRESHOLD_: '131072',
};
/** Names those of them that are the launcher's: the program and what it starts never see them. */
const allocatorVariable = 'EXCHANGE_CONNECTOR_ALLOCATOR';

/** What the administrator set stays. */
function withAllocator(env) {
  const own = Object.keys(allocatorVariables).filter((name) => env[name] === undefined);
  return { ...allocatorVariables, ...env, [allocatorVariable]: own.join(' ') };
}

function forgetAllocator() {
  const names = process.env[allocatorVariable]?.split(' ') ?? [];
  for (const name of [...names, allocatorVariable]) delete process.env[name];
}

/**
 * How far the heap may grow beyond what was alive in it, before all of it is collected; V8 itself lets it grow up to
 * fourfold. Four shells that read 196,000 mailboxes took 206 MB without this and 169 MB with it, in 7 % more CPU.
 * A V8 that does not know it would say so, and go on.
 */
const heapGrowth = '--heap-growing-percent=50';

/** Whether this process got the option, or another word on the matter, when it started. */
function hasYoungGenerationOption() {
  return [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((text) => /semi[-_]space/.test(text));
}

/**
 * Becomes the same program with the option: the process keeps its id, its streams and its parent. Where the
 * system has no such call (Windows, Node 24.0) or a channel to the parent is open, the program goes on without.
 */
function restartWithOption() {
  if (hasYoungGenerationOption() || process.channel || typeof process.execve !== 'function') return;
  if (process.platform === 'win32') return;
  const emitWarning = process.emitWarning;
  process.emitWarning = () => {};
  try {
    const parameters = [process.execPath, youngGenerationOption, ...process.execArgv, ...process.argv.slice(1)];
    process.execve(process.execPath, parameters, withAllocator(process.env));
  } finally {
    process.emitWarning = emitWarning;
  }
}

export async function launch(mainUrl) {
  if (majorOf(process.versions.node) < oldestNodeMajor) {
    const binary = findNewerNode();
    if (binary === undefined) refuse('none was found in node_modules');
    else runOn(binary);
    return;
  }
  if (process.env[launchedVariable] !== undefined) {
    delete process.env[launchedVariable];
    if (process.channel) listenToLauncher();
  }
  restartWithOption();
  forgetAllocator();
  v8.setFlagsFromString(heapGrowth);
  cacheCompiledModules();
  await import(String(mainUrl));
}
