/* The stand-ins that no recorded session shows, held against Microsoft's documentation of each cmdlet. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openTestHost } from './test-host.ts';

const host = await openTestHost();
const skip = host.kind === 'absent' ? host.reason : false;
const folder = mkdtempSync(join(tmpdir(), 'stand-in-cmdlets-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function linesOf(script: string): string[] {
  assert.equal(host.kind, 'ready');
  const file = join(folder, 'script.ps1');
  writeFileSync(file, `Set-StrictMode -Version Latest; $ErrorActionPreference = 'Stop'; $t = '${folder}'\n${script}`);
  const ended = spawnSync(host.program, ['-NoProfile', '-File', file], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(ended.stderr, '');
  assert.equal(ended.status, 0);
  return ended.stdout.trimEnd().split('\n');
}

const three = "$o = [pscustomobject]@{a=1;b='x'}, [pscustomobject]@{a=3;b='y,\"z'}, [pscustomobject]@{a=2;b=$null}\n";

test('every cmdlet that is written here is named by a module, where the engine finds it', () => {
  const source = fileURLToPath(new URL('./host/', import.meta.url));
  const written = readdirSync(join(source, 'cmdlets')).flatMap((name) => {
    const text = readFileSync(join(source, 'cmdlets', name), 'utf8');
    return [...text.matchAll(/\[Cmdlet\((?:Verbs\w+\.)?"?(\w+)"?, "(\w+)"/g)].map((found) => `${found[1]}-${found[2]}`);
  });
  const named = ['Utility', 'Management', 'Security'].flatMap((name) => {
    const module = `Microsoft.PowerShell.${name}`;
    const text = readFileSync(join(source, 'Modules', module, `${module}.psd1`), 'utf8');
    return [...text.matchAll(/'(\w+-\w+)'/g)].map((found) => found[1]);
  });
  assert.deepEqual(written.sort(), named.sort());
});

test('objects are selected, sorted, measured and grouped', { skip }, () => {
  const lines = linesOf(`${three}
    $o | Select-Object a, @{ n = 'c'; e = { $_.a * 2 } } | ConvertTo-Json -Compress
    ($o | Select-Object -ExpandProperty a) -join ','
    (1..10 | Select-Object -First 2) -join ','; (1..10 | Select-Object -Last 2) -join ','; (1..10 | Select-Object -Skip 7) -join ','
    (3, 1, 3 | Select-Object -Unique) -join ','
    ($o | Sort-Object a -Descending | ForEach-Object a) -join ','
    ('b', 'A', 'c' | Sort-Object) -join ','
    $m = $o | Measure-Object a -Sum -Average; "$($m.Count) $($m.Sum) $($m.Average)"
    ($o | Group-Object { $_.a -gt 1 } | ForEach-Object { "$($_.Name)=$($_.Count)" }) -join ' '
    $n = 0; 1..9 | ForEach-Object { $n++; $_ } | Select-Object -First 1; "upstream ran $n"`);
  assert.deepEqual(lines, [
    '[{"a":1,"c":2},{"a":3,"c":6},{"a":2,"c":4}]',
    '1,3,2',
    '1,2',
    '9,10',
    '8,9,10',
    '3,1',
    '3,2,1',
    'A,b,c',
    '3 6 2',
    'False=1 True=2',
    '1',
    'upstream ran 1',
  ]);
});

test('CSV has every field quoted, null as nothing, and reads back', { skip }, () => {
  const lines = linesOf(`${three}
    $f = Join-Path $t 'f.csv'
    $o | Export-Csv -Path $f -NoTypeInformation -Encoding UTF8
    [pscustomobject]@{ b = 'more'; a = 4 } | Export-Csv $f -Append -NoTypeInformation
    [IO.File]::ReadAllText($f).TrimEnd()
    $back = Import-Csv $f; $back.Count; $back[1].b; $back[2].b.Length
    "x;y\`n'1';\`"a\`nb\`"" | ConvertFrom-Csv -Delimiter ';' | ForEach-Object { $_.y.Length }
    try { Import-Csv (Join-Path $t none.csv) } catch { $_.FullyQualifiedErrorId }`);
  assert.deepEqual(lines, [
    '"a","b"',
    '"1","x"',
    '"3","y,""z"',
    '"2",',
    '"4","more"',
    '4',
    'y,"z',
    '0',
    '3',
    'PathNotFound,Microsoft.PowerShell.Commands.ImportCsvCommand',
  ]);
});

test('JSON is read as PowerShell 7 reads it, and refused with its identifiers', { skip }, () => {
  const lines = linesOf(`
    $j = '{"a":1,"b":[1,2,{"c":null}],"d":1.5,"e":"2020-01-01T00:00:00Z"}' | ConvertFrom-Json
    "$($j.a.GetType().Name) $($j.b.Count) $($null -eq $j.b[2].c) $($j.d.GetType().Name) $($j.e.GetType().Name)"
    @('[1,2]' | ConvertFrom-Json).Count
    foreach ($bad in '{', '{"a":1,"A":2}', '{"":1}') { try { $bad | ConvertFrom-Json } catch { $_.FullyQualifiedErrorId } }
    @{ a = @{ b = @{ c = @{ d = 1 } } } } | ConvertTo-Json -Compress -WarningAction SilentlyContinue
    @{ x = @(1); y = 'é"'; z = $null } | ConvertTo-Json -Compress | ConvertFrom-Json | ForEach-Object { "$($_.x.Count) $($_.y) $($null -eq $_.z)" }`);
  const id = (name: string) => `${name},Microsoft.PowerShell.Commands.ConvertFromJsonCommand`;
  assert.deepEqual(lines, [
    'Int64 3 True Double DateTime',
    '2',
    id('System.ArgumentException'),
    id('KeysWithDifferentCasingInJsonString'),
    id('EmptyKeyInJsonString'),
    '{"a":{"b":{"c":"System.Collections.Hashtable"}}}',
    '1 é" True',
  ]);
});

test('files and paths are the provider’s', { skip }, () => {
  const lines = linesOf(`
    $d = Join-Path $t 'sub folder'; $null = New-Item -ItemType Directory -Path $d
    $f = Join-Path $d 'g.txt'
    'a', 'b' | Set-Content $f; Add-Content $f 'c'; (Get-Content $f) -join '|'; (Get-Content $f -Raw).Length
    (Get-Content $f -TotalCount 1), (Get-Content $f -Tail 1) -join ' '
    (Get-Content $f | Select-Object -Last 1).ReadCount
    'é' | Out-File (Join-Path $d 'h.txt'); [IO.File]::ReadAllBytes((Join-Path $d 'h.txt')) -join ' '
    'é' | Set-Content (Join-Path $d 'i.txt') -Encoding Unicode -NoNewline; [IO.File]::ReadAllBytes((Join-Path $d 'i.txt')) -join ' '
    (Test-Path $f), (Test-Path $f -PathType Container), (Test-Path $d -PathType Container), (Test-Path "$d/none") -join ' '
    (Get-ChildItem $d -Filter *.txt | ForEach-Object Name) -join ' '
    Split-Path $f -Leaf; (Split-Path $f) -eq $d
    Remove-Item $f -WhatIf | Out-Null; Test-Path $f
    try { Remove-Item (Join-Path $d none) } catch { $_.FullyQualifiedErrorId }
    Remove-Item $d -Recurse -Force; Test-Path $d`);
  assert.deepEqual(
    lines.filter((line) => !line.startsWith('What if: ')),
    [
      'a|b|c',
      '6',
      'a c',
      '3',
      '195 169 10',
      '255 254 233 0',
      'True False True False',
      'g.txt h.txt i.txt',
      'g.txt',
      'True',
      'True',
      'PathNotFound,Microsoft.PowerShell.Commands.RemoveItemCommand',
      'False',
    ],
  );
});

test('errors carry their identifiers, categories and places', { skip }, () => {
  const lines = linesOf(`
    try { Write-Error 'x' } catch { $_.FullyQualifiedErrorId }
    function Get-It { [CmdletBinding()] param() Write-Error 'of it' -Category ObjectNotFound -ErrorId ItsId -TargetObject me }
    Get-It -ErrorAction SilentlyContinue -ErrorVariable seen; $seen[0].FullyQualifiedErrorId; "$($seen[0].CategoryInfo)"
    try { New-Object No.Such } catch { $_.FullyQualifiedErrorId }
    $secret = ConvertTo-SecureString 'p' -AsPlainText -Force
    (New-Object System.Management.Automation.PSCredential('u', $secret)).GetNetworkCredential().Password
    (New-Object PSObject -Property @{ x = 1 } | Add-Member y 2 -PassThru).y
    (Get-Date '2020-02-03 04:05:06').ToString('s'); Get-Date '2020-02-03' -Format 'yyyyMMdd'
    Set-Variable v 5; (Get-Variable v).Value; ([pscustomobject]@{ a = 1 } | Out-String).Trim()
    [pscustomobject]@{ b = 2 }`);
  assert.deepEqual(lines, [
    'Microsoft.PowerShell.Commands.WriteErrorException,script.ps1',
    'ItsId,Get-It',
    'ObjectNotFound: (me:String) [Write-Error], WriteErrorException',
    'TypeNotFound,Microsoft.PowerShell.Commands.NewObjectCommand',
    'p',
    '2',
    '2020-02-03T04:05:06',
    '20200203',
    '5',
    'a',
    '-',
    '1',
    '',
    'b',
    '-',
    '2',
  ]);
});

test('a script that is not there, or an argument that is not known, gives the exit code of bad usage', { skip }, () => {
  assert.equal(host.kind, 'ready');
  const missing = spawnSync(host.program, ['-NoProfile', '-File', join(folder, 'none.ps1')], { encoding: 'utf8' });
  assert.equal(missing.status, process.platform === 'win32' ? 0xfffd0000 : 64);
  assert.match(missing.stderr, /is not recognized as the name of a script file/);
  assert.equal(spawnSync(host.program, ['-Nonsense']).status, missing.status);
});
