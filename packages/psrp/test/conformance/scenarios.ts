/* The one list of scenarios that the conformance suite runs four ways. */
import {
  psArray,
  psBoolean,
  psHashtable,
  psInt32,
  psNull,
  psObject,
  psSecureString,
  psString,
} from '@exchange-connector/psrp';
import { allVersions, command, type Scenario, script, single } from './scenario.ts';
import { containers, customObject, type NamedValue, primitives, twin } from './values.ts';

const echo = 'param($Value) $Value.GetType().FullName; , $Value';

const echoes = ([name, ours, real]: NamedValue): Scenario =>
  single(`${name} goes as an argument and comes back`, script(echo, { name: 'Value', ours, real }));

const sent = (name: string, text: string): Scenario => single(`${name} is sent by the server`, script(text));

/** Objects of .NET that only a server makes. */
const outputs: readonly Scenario[] = [
  sent('nothing', ''),
  sent('$null between values', '1; $null; 2'),
  sent('a local time', "[datetime]::new(638553798000000000, 'Local')"),
  sent('a time with an offset', '[datetimeoffset]::new(2024, 1, 1, 0, 0, 0, [timespan]::FromHours(5.5))'),
  sent(
    'a date with notes',
    "$d = [psobject][datetime]::new(2024, 1, 2); $d.psobject.Properties.Add([psnoteproperty]::new('DisplayHint', 0)); $d",
  ),
  sent('a flag enumeration', "[IO.FileAttributes]'ReadOnly, Hidden'"),
  sent('a big integer', "[bigint]'123456789012345678901234567890'"),
  sent('a semantic version', "[semver]'7.6.0-rc.1'"),
  sent('a generic list', ", [Collections.Generic.List[string]]@('a', 'b')"),
  sent('a generic dictionary', "$d = [Collections.Generic.Dictionary[string,int]]::new(); $d['k_x0041_'] = 1; $d"),
  sent('a set, which is only enumerable', ", [Collections.Generic.HashSet[string]]@('a', 'b')"),
  sent('an array of two dimensions', '$a = [int[,]]::new(2, 2); $a[0, 1] = 5; , $a'),
  sent('a key value pair', '[Collections.Generic.KeyValuePair[string,int]]::new("k", 1)'),
  sent('an IP address', "[Net.IPAddress]::Parse('10.0.0.1')"),
  sent('a culture', '[cultureinfo]::InvariantCulture'),
  sent('a type', '[string]'),
  sent(
    'an exception within an exception',
    "[ArgumentException]::new('bad <value>', 'name', [InvalidOperationException]::new('inner'))",
  ),
  sent('an error record as output', "try { throw 'x' } catch { $_ }"),
  sent('warnings and errors merged into output', 'Write-Stream 3>&1 4>&1 5>&1; Write-Failure 2>&1'),
  sent('a custom object in itself', "$o = [pscustomobject]@{ Name = 'x'; Self = $null }; $o.Self = $o; $o"),
  sent('a table in itself', '$h = @{ name = "t" }; $h.self = $h; $h'),
  sent('a list in itself', "$l = [Collections.ArrayList]@('first'); [void]$l.Add($l); , $l"),
  sent(
    'an object with a type name of its own',
    "$o = [pscustomobject]@{ a = 1 }; $o.psobject.TypeNames.Insert(0, 'My.Own_x0041_<T>'); $o",
  ),
  sent(
    'one name adapted and extended',
    "$u = [psobject][uri]'http://a/b'; $v = [psobject][Net.IPAddress]::Loopback; $v.psobject.Properties.Add([psnoteproperty]::new('Address', 'mine')); $v",
  ),
  sent(
    'script, alias and set members',
    "$o = [pscustomobject]@{ a = 1 }; $o.psobject.Members.Add([psscriptproperty]::new('Twice', { $this.a * 2 })); $o.psobject.Members.Add([psaliasproperty]::new('b', 'a')); $o",
  ),
  sent(
    'a property that throws',
    "$o = [pscustomobject]@{ a = 1 }; $o.psobject.Members.Add([psscriptproperty]::new('Bad', { throw 'no' })); $o",
  ),
  sent(
    'a command’s description',
    "Get-Command ForEach-Object | ForEach-Object { $_.Parameters['Process'].ParameterSets }",
  ),
  sent('2,000 objects', 'Get-Thing 2000'),
  sent('a message of 50 fragments', "'é' * 800000"),
];

const values = (expression: string, numbers: readonly number[]): NonNullable<Scenario['input']> => ({
  ours: numbers.map(psInt32),
  real: expression,
});

const sessionScenarios: readonly Scenario[] = [
  single('a script runs at every version', script('1..3; "$($PSSenderInfo -ne $null)"'), { sessions: allVersions }),
  single(
    'a command takes arguments at every version',
    command(
      'Get-Argument',
      { name: 'Identity', ...twin(psString('x'), "'x'") },
      { name: 'Force', ...twin(psBoolean(true), '$true') },
    ),
    {
      sessions: [...allVersions, 'no language', 'with a host'],
    },
  ),
  single('every stream is told at every version', command('Write-Stream'), {
    sessions: [...allVersions, 'no language', 'with a host'],
  }),
  single('an error that does not terminate is told at every version', command('Write-Failure'), {
    sessions: [...allVersions, 'with a host'],
  }),
  single(
    'an error that terminates is told at every version',
    command('Write-Failure', { name: 'Hard', ...twin(psBoolean(true), '$true') }),
    { sessions: allVersions },
  ),
  {
    name: 'commands in a pipeline run at every version',
    sessions: [...allVersions, 'no language'],
    statements: [
      [
        command('Get-Thing', { name: 'Count', ...twin(psInt32(3), '3') }),
        command('Join-Thing', { name: 'With', ...twin(psString('+'), "'+'") }),
      ],
    ],
  },
  {
    name: 'two statements run in turn from 2.2 on',
    sessions: ['2.2', '2.3', '2.4'],
    statements: [
      [command('Get-Thing'), command('Join-Thing')],
      [command('Get-Thing', { name: 'Count', ...twin(psInt32(2), '2') }), command('Join-Thing')],
    ],
  },
  single('input arrives in order at every version', script('$input | ForEach-Object { $_ * 2 }'), {
    sessions: allVersions,
    input: values('1, 2, 3', [1, 2, 3]),
  }),
  single('a pipeline is stopped at every version', script('1; while ($true) { [Threading.Thread]::Sleep(5) }'), {
    sessions: allVersions,
    stopAfter: 1,
  }),
];

const secret = 'pä\u{1F600}';
const secretText = '[securestring]::new()\n foreach ($c in "pä`u{1F600}".ToCharArray()) { $v.AppendChar($c) }';
const reveal = '[Net.NetworkCredential]::new("", $Value).Password';

const secrets: readonly Scenario[] = [
  single(
    'a SecureString goes as an argument and comes back',
    script(`param($Value) $Value.GetType().Name; ${reveal}; $Value`, {
      name: 'Value',
      ours: psSecureString(secret),
      real: secretText,
    }),
    { sessions: allVersions, secret, sentSecrets: [secret] },
  ),
  single(
    'a SecureString of the server’s own is read',
    script('$s = [securestring]::new(); foreach ($c in "own".ToCharArray()) { $s.AppendChar($c) }; $s'),
    { sessions: ['2.2', '2.3', '2.4'], secret: 'own' },
  ),
  single('a SecureString goes as input', script(`process { ${reveal.replace('$Value', '$_')} }`), {
    sessions: ['2.3', '2.4'],
    sentSecrets: ['in'],
    input: {
      ours: [psSecureString('in')],
      real: ", [securestring]::new()\n foreach ($c in 'in'.ToCharArray()) { $v[0].AppendChar($c) }",
    },
  }),
  single(
    'a credential goes as an argument',
    script('param($Value) $Value.GetType().Name; $Value.UserName; $Value.GetNetworkCredential().Password', {
      name: 'Value',
      ours: psObject({
        typeNames: ['System.Management.Automation.PSCredential', 'System.Object'],
        display: 'System.Management.Automation.PSCredential',
        adapted: { UserName: psString('CONTOSO\\anna'), Password: psSecureString('pw') },
      }),
      real: "[securestring]::new()\n $v.AppendChar('p'); $v.AppendChar('w'); $v = [pscredential]::new('CONTOSO\\anna', $v)",
    }),
    { sessions: ['2.3', '2.4'], sentSecrets: ['pw'] },
  ),
];

const argumentScenarios: readonly Scenario[] = [
  single(
    '$null goes as an argument',
    script('param($Value) $null -eq $Value', { name: 'Value', ...twin(psNull, '$null') }),
  ),
  single(
    'a hashtable, an array and a switch go to a command',
    command(
      'Get-Argument',
      {
        name: 'Add',
        ...twin(
          psHashtable({ Add: psArray([psString('smtp:a@b'), psString('smtp:c@d')]) }),
          "@{ Add = 'smtp:a@b', 'smtp:c@d' }",
        ),
      },
      { name: 'List', ...twin(psArray([psInt32(1), psInt32(2)]), '1, 2') },
      { name: 'Force', ...twin(psBoolean(false), '$false') },
    ),
  ),
  single(
    'an argument without a name is positional',
    command('Get-Argument', twin(psString('positional'), "'positional'")),
  ),
  single(
    'script text takes arguments without a name',
    script(
      '"$($args[0])|$($args[1].k)"',
      twin(psInt32(5), '5'),
      twin(psHashtable({ k: psString('v') }), "@{ k = 'v' }"),
    ),
  ),
  single(
    'an argument of 50 fragments arrives whole',
    script('param($t) $t.Length; $t', {
      name: 't',
      ...twin(psString('é\u{1F600}'.repeat(150_000)), '"é`u{1F600}" * 150000'),
    }),
  ),
];

const inputScenarios: readonly Scenario[] = [
  single(
    '2,000 inputs arrive in order',
    script('begin { $n = 0; $bad = 0 } process { $n++; if ($_ -ne $n) { $bad++ } } end { $n; $bad }'),
    {
      input: values(
        '1..2000',
        Array.from({ length: 2000 }, (_, index) => index + 1),
      ),
    },
  ),
  single('$null arrives as input', script('process { "[$($null -eq $_)]" }'), {
    input: { ours: [psInt32(1), psNull, psInt32(2)], real: '1, $null, 2' },
  }),
  single('objects and arrays arrive as input', script("process { $_.GetType().Name } end { 'end' }"), {
    input: {
      ours: [customObject({ a: psInt32(1) }), psArray([psInt32(1), psInt32(2)]), psHashtable({ k: psString('v') })],
      real: "[pscustomobject]@{ a = 1 }, @(1, 2), @{ k = 'v' }",
    },
  }),
  single('input that is empty ends at once', script("begin { 'b' } process { 'p' } end { 'e' }"), {
    input: { ours: [], real: '@()' },
  }),
  {
    name: 'input goes to the first of two commands',
    statements: [
      [
        command('ForEach-Object', { name: 'MemberName', ...twin(psString('Length'), "'Length'") }),
        script('process { $_ + 1 }'),
      ],
    ],
    input: { ours: [psString('abc'), psString('')], real: "'abc', ''" },
  },
  single('input that a command does not take is an error', command('Get-Thing'), { input: values('1, 2', [1, 2]) }),
  single('a big input arrives whole', script('process { $_.Length }'), {
    input: { ours: [psString('x'.repeat(200_000)), psString('y')], real: "('x' * 200000), 'y'" },
  }),
];

const errorScenarios: readonly Scenario[] = [
  single('throw ends the pipeline', script("'before'; throw 'boom'; 'after'")),
  single('an exception thrown ends the pipeline', script("throw [ArgumentException]::new('bad', 'name')")),
  single('a division by zero does not end the pipeline', script("1 / 0; 'after'")),
  single('an unknown command ends the pipeline', command('Get-Foo')),
  single('an unknown parameter ends the pipeline', command('Get-Thing', { name: 'Nope', ...twin(psInt32(1), '1') })),
  single(
    'a value of the wrong type ends the pipeline',
    command('Get-Thing', { name: 'Count', ...twin(psString('many'), "'many'") }),
  ),
  single('script that does not parse ends the pipeline', script("'a' 'b' {")),
  single(
    'an error made terminating by its preference ends the pipeline',
    command('Write-Failure', { name: 'ErrorAction', ...twin(psString('Stop'), "'Stop'") }),
  ),
  single(
    'an error is left out by its preference',
    command('Write-Failure', { name: 'ErrorAction', ...twin(psString('Ignore'), "'Ignore'") }),
  ),
  single(
    'an error caught is no error',
    script('try { Write-Failure -Hard } catch { "caught $($_.FullyQualifiedErrorId)" }'),
  ),
  single(
    'an error’s target can be an object',
    script(
      "function F { [CmdletBinding()] param() $PSCmdlet.WriteError([Management.Automation.ErrorRecord]::new([Exception]::new('e'), 'i', 13, [pscustomobject]@{ Name = 'target' })) }; F",
    ),
  ),
  single(
    'an error of every category is told',
    script(
      'function F { [CmdletBinding()] param() 0..31 | ForEach-Object { $PSCmdlet.WriteError([Management.Automation.ErrorRecord]::new([Exception]::new("e$_"), "i$_", $_, $null)) } }; F',
    ),
  ),
  single(
    'an error within an error is told',
    script("throw [InvalidOperationException]::new('outer', [ArgumentException]::new('inner'))"),
  ),
  single('the place of a record is told where it is asked for', script("Write-Stream; Write-Failure\nthrow 'x'"), {
    invocationInfo: true,
  }),
];

const stopScenarios: readonly Scenario[] = [
  single('a stop in the middle of output ends it', script('1; 2; 3; while ($true) { [Threading.Thread]::Sleep(5) }'), {
    stopAfter: 3,
  }),
  single(
    'a finally block runs when the pipeline is stopped',
    script("try { 1; while ($true) { [Threading.Thread]::Sleep(5) } } finally { [Console]::Error.Write('') }"),
    { stopAfter: 1 },
  ),
  single('the session goes on after a stop', script("'still here'")),
];

const hostScenarios: readonly Scenario[] = [
  single('exit without a host completes', script("'before'; exit 3")),
  single(
    'a prompt without a host is an error',
    script("$host.UI.PromptForChoice('c', 'm', @([Management.Automation.Host.ChoiceDescription]::new('&a', 'h')), 0)"),
  ),
  single(
    'a choice is asked of the host',
    script(
      "$host.UI.PromptForChoice('c', 'm', @([Management.Automation.Host.ChoiceDescription]::new('&a', 'h'), [Management.Automation.Host.ChoiceDescription]::new('&b', 'i')), 0)",
    ),
    { sessions: ['with a host'] },
  ),
  single('a line is read from the host', script('$host.UI.ReadLine()'), { sessions: ['with a host'] }),
  single(
    'text is written to the host',
    script(
      "$host.UI.WriteLine('l'); $host.UI.Write('Red', 'Blue', 'c'); $host.UI.WriteErrorLine('e'); $host.UI.WriteWarningLine('w')",
    ),
    { sessions: ['with a host'] },
  ),
  single(
    'a missing mandatory parameter is prompted for',
    script('function F { [CmdletBinding()] param([Parameter(Mandatory)][string]$Name) "got $Name" }; F'),
    { sessions: ['with a host'] },
  ),
  single('exit is told to the host', script('exit 5'), { sessions: ['with a host'] }),
];

const noLanguageScenarios: readonly Scenario[] = [
  single('script text is refused where there is no language', script('Get-Thing'), { sessions: ['no language'] }),
  single('an unknown command is refused where there is no language', command('Get-Foo'), { sessions: ['no language'] }),
  single(
    'an unknown parameter is refused where there is no language',
    command('Get-Thing', { name: 'Nope', ...twin(psInt32(1), '1') }),
    { sessions: ['no language'] },
  ),
];

export const scenarios: readonly Scenario[] = [
  ...sessionScenarios,
  ...primitives.map(echoes),
  ...containers.map(echoes),
  ...outputs,
  ...argumentScenarios,
  ...inputScenarios,
  ...errorScenarios,
  ...stopScenarios,
  ...secrets,
  ...hostScenarios,
  ...noLanguageScenarios,
];
