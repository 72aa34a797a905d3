import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { basicTo, makeSettings, runProgram, startPeer, startProgram } from './program.ts';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

for (const parameters of [
  ['--help'],
  ['export', '--help'],
  ['check', '--help'],
  ['discover', '--help'],
  ['help', 'export'],
  ['-h'],
]) {
  test(`"${parameters.join(' ')}" tells the options with their defaults, and two examples`, async () => {
    const { code, output, errors } = await runProgram(parameters);
    assert.deepEqual([code, errors], [0, '']);
    for (const option of [
      '--settings <dir>',
      '--connection <id>',
      '--json',
      '--no-progress',
      '--log-level <level>',
      '--log-file <file>',
      '--timeout <seconds>',
      '--password-stdin',
    ])
      assert.ok(output.includes(option), option);
    assert.ok(/time limit of the whole command in seconds\s+\(default:\s+none\)/.test(output));
    assert.equal(output.match(/^ {4}\$ exchange-connector /gm)?.length, 2);
    if (parameters.includes('export'))
      for (const option of ['--complete', '--ignore-cookies', '--release', '--output <dir>', '--reconnect <seconds>'])
        assert.ok(output.includes(option), option);
  });
}

test('--version prints the version alone', async () => {
  assert.deepEqual(await runProgram(['--version']), {
    code: 0,
    signal: null,
    output: `${manifest.version}\n`,
    errors: '',
  });
});

const refusals: readonly (readonly [parameters: readonly string[], message: string])[] = [
  [['exprot'], 'unknown command exprot; the nearest known one is export'],
  [['dicsover', '--json'], 'unknown command dicsover; the nearest known one is discover'],
  [['export', '--complet'], 'unknown option --complet; the nearest known one is --complete'],
  [['export', '--setings', '.'], 'unknown option --setings; the nearest known one is --settings'],
  [['--jsn', 'check'], 'unknown option --jsn; the nearest known one is --json'],
  [
    ['export', '--password', 'x'],
    'unknown option --password; secrets are never taken from arguments, which others on this machine can read: use --password-stdin',
  ],
  [
    ['export', '--password=hunter2'],
    'unknown option --password; secrets are never taken from arguments, which others on this machine can read: use --password-stdin',
  ],
  [
    ['export', '--passwrod', 'hunter2'],
    'unknown option --passwrod; secrets are never taken from arguments, which others on this machine can read: use --password-stdin',
  ],
  [['protect'], 'a command of protect is missing: json-file, value, password, rotate'],
  [['protect', 'jsonfile'], 'unknown command jsonfile; the nearest known one is json-file'],
  [['--json', 'decrypt-flie', 'x'], 'unknown command decrypt-flie; the nearest known one is decrypt-file'],
  [['help', 'exprot'], 'unknown command exprot; the nearest known one is export'],
  [['check', '--complete'], 'unknown option --complete; the nearest known one is --log-level'],
  [['export', 'now'], "too many arguments for 'export'. Expected 0 arguments but got 1."],
  [
    ['export', '--timeout', '-3'],
    "option '--timeout <seconds>' argument '-3' is invalid. Allowed is a number of seconds above 0, at most 2147483.",
  ],
  [
    ['export', '--timeout', '1e400'],
    "option '--timeout <seconds>' argument '1e400' is invalid. Allowed is a number of seconds above 0, at most 2147483.",
  ],
  [
    ['export', '--log-level', 'loud'],
    "option '--log-level <level>' argument 'loud' is invalid. Allowed is one of Verbose, Debug, Information, Warning, Error, Fatal.",
  ],
  [['export', '--settings'], "option '--settings <dir>' argument missing"],
  [['export', '--settings', ''], "option '--settings <dir>' argument '' is invalid. It is empty."],
];

test('a file where the output folder is to be is refused, and nothing is contacted', async (context) => {
  const peer = await startPeer(context, (socket) => socket.end());
  const folder = makeSettings(context, { Main: basicTo(peer.port) });
  const { code, output, errors } = await runProgram(
    ['export', '--settings', '.', '--output', 'appsettings.agent.json'],
    {
      folder,
    },
  );
  assert.deepEqual([code, output, peer.connections()], [2, '', 0]);
  assert.match(
    errors,
    /^error: --output: found appsettings\.agent\.json, where .* is a file; allowed is the path of a folder\n/,
  );
});

test('without a command, those that there are are named', async () => {
  const { code, output, errors } = await runProgram([]);
  assert.deepEqual([code, output], [2, '']);
  assert.match(
    errors,
    /^error: a command is missing: (?:[a-z-]+, )*export, [a-z, -]+ \(see exchange-connector --help\)\n$/,
  );
});

test('wrong usage is answered with the nearest known name, or with what is allowed, and exit 2', async () => {
  for (const [parameters, message] of refusals) {
    const expected = {
      code: 2,
      signal: null,
      output: '',
      errors: `error: ${message} (see exchange-connector --help)\n`,
    };
    assert.deepEqual(await runProgram(parameters), expected, parameters.join(' '));
  }
});

test('wrong settings are all told at once with exit 2, and nothing is contacted', async (context) => {
  const peer = await startPeer(context, (socket) => socket.end());
  const folder = makeSettings(context, {
    Main: { ...basicTo(peer.port), Shells: 99, Bom: 'yes', Sever: 1 },
    '9x': basicTo(peer.port),
  });
  const file = `${folder}/appsettings.agent.json`;
  for (const command of ['export', 'discover']) {
    const { code, output, errors } = await runProgram([command, '--settings', folder]);
    assert.deepEqual([code, output], [2, '']);
    const lines = errors
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/:\d+:\d+:/, ':'));
    assert.deepEqual(lines, [
      `warning: ${file}: Connections.Main.Sever: is not a known name and has no effect; did you mean Server?`,
      `error: ${file}: Connections.9x: the identifier begins with a digit; it must begin with a letter`,
      `error: ${file}: Connections.Main.Bom: found "yes"; allowed is true or false (or "true", "false")`,
      `error: ${file}: Connections.Main.Shells: found 99; allowed is a whole number from 1 to 18 (sessions at a time)`,
      'Nothing was contacted. 3 things are to be mended first.',
    ]);
  }
  assert.equal(peer.connections(), 0);
});

test('check shows wrong settings as its first step', async (context) => {
  const folder = makeSettings(context, { Main: { Server: 'nowhere' } });
  const message = `${folder}/appsettings.agent.json:1:34: Connections.Main.Server: found "nowhere": it is no address; allowed is http://<FQDN of the Exchange server>/PowerShell/ (https works too)`;
  const text = await runProgram(['check', '--settings', folder]);
  assert.deepEqual([text.code, text.output], [2, `settings       FAILED      ${message}\n`]);
  const json = await runProgram(['--json', 'check', '--settings', folder]);
  assert.equal(json.code, 2);
  assert.deepEqual(JSON.parse(json.output), {
    name: 'settings',
    state: 'failed',
    detail: message,
    mend: 'mend what is named',
    durationMs: 0,
  });
});

test('a wrong value from the environment is told by its variable', async (context) => {
  const folder = makeSettings(context, { Main: { Server: 'http://a.contoso.com/PowerShell/' } });
  const { code, errors } = await runProgram(['export'], { folder, environment: { Connections__Main__Shells: 'x' } });
  assert.equal(code, 2);
  assert.match(errors, /^error: Connections__Main__Shells: Connections\.Main\.Shells: found "x"; allowed is /);
});

test('a missing settings file or folder is exit 2', async (context) => {
  const folder = makeSettings(context, {});
  const missing = await runProgram(['export', '--settings', `${folder}/nowhere`]);
  assert.deepEqual(
    [missing.code, missing.errors.split('\n')[0]],
    [2, `error: ${folder}/nowhere: the folder of the settings is not there`],
  );
});

test('one of several connections has to be named, and a wrong name is told with those that exist', async (context) => {
  const folder = makeSettings(context, { North: basicTo(1), South: basicTo(1) });
  const none = await runProgram(['export', '--settings', folder]);
  assert.deepEqual(
    [none.code, none.errors.split('\n')[0]],
    [2, 'error: the settings name 2 connections (North, South); say which with --connection'],
  );
  const wrong = await runProgram(['export', '--settings', folder, '--connection', 'Nort']);
  assert.equal(wrong.code, 2);
  assert.match(
    wrong.errors,
    /^error: --connection Nort: the settings name no such connection; the nearest is North \(there: North, South\)\n/,
  );
});

test('acknowledge of what there is not is wrong usage, and nothing is contacted', async (context) => {
  const folder = makeSettings(context, { Main: basicTo(1) });
  for (const operands of [[], ['11111111-2222-3333-4444-555555555555'], ['../x']]) {
    const { code, output, errors } = await runProgram(['acknowledge', ...operands, '--settings', folder]);
    assert.deepEqual([code, output], [2, ''], operands.join());
    assert.match(errors, /^error: acknowledging .*\[RUN_COOKIE_UNKNOWN\]/);
  }
});

test('a password on standard input must be one', async (context) => {
  const { Password: _, ...withoutPassword } = basicTo(1) as { Password: string };
  const folder = makeSettings(context, { Main: withoutPassword });
  const run = (input: string | Uint8Array) =>
    runProgram(['export', '--settings', folder, '--password-stdin'], { input });
  const cases: readonly (readonly [string | Uint8Array, string])[] = [
    ['', 'standard input holds no password (it is empty)'],
    ['\n', 'standard input holds no password (it is empty)'],
    [Uint8Array.of(0xff, 0x41), 'the password on standard input is not UTF-8'],
    ['x'.repeat(70_000), 'standard input holds more than 65536 bytes, which is no password'],
  ];
  for (const [input, message] of cases) {
    const { code, errors } = await run(input);
    assert.deepEqual([code, errors.split('\n')[0]], [2, `error: ${message}`]);
  }
});

test('a reader that goes away before the help is written is no error', async () => {
  const program = startProgram(['--help']);
  program.process.stdout?.destroy();
  const { code, errors } = await program.ended;
  assert.deepEqual([code, errors], [0, '']);
});
