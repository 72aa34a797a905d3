/* The scripts that ship run under Windows PowerShell 5.1 and PowerShell 7: they use only what both have. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openTestHost } from './test-host.ts';

const host = await openTestHost();
const skip = host.kind === 'absent' ? host.reason : false;
const folder = mkdtempSync(join(tmpdir(), 'script-check-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Finding {
  readonly file: string;
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

function check(files: readonly string[]): readonly Finding[] {
  assert.equal(host.kind, 'ready');
  const ended = spawnSync(host.program, ['check-script', ...files], { encoding: 'utf8', timeout: 60_000 });
  const lines = ended.stdout.split('\n').filter((line) => line !== '');
  assert.equal(ended.status, lines.length === 0 ? 0 : 1, ended.stderr);
  return lines.map((line) => JSON.parse(line) as Finding);
}

test('every script that ships parses and uses only what Windows PowerShell 5.1 has too', { skip }, () => {
  const scripts = fileURLToPath(new URL('../../../scripts/', import.meta.url));
  const files = readdirSync(scripts).filter((name) => name.endsWith('.ps1'));
  assert.ok(files.length >= 2, files.join(', '));
  assert.deepEqual(check(files.map((name) => join(scripts, name))), []);
});

/** One planted violation each; the second line holds it. */
const canaries: readonly (readonly [rule: string, script: string])[] = [
  ['parse', 'if ('],
  ['ternary', '$a ? 1 : 2'],
  ['null-coalescing', '$a ?? 1'],
  ['null-coalescing', '$a ??= 1'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: PowerShell's own braces
  ['null-conditional', '${a}?.Length'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: PowerShell's own braces
  ['null-conditional', '${a}?.Trim()'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: PowerShell's own braces
  ['null-conditional', '${a}?[0]'],
  ['chain', 'Get-Date && Get-Date'],
  ['chain', 'Get-Date || Get-Date'],
  ['background', 'Get-Date &'],
  ['clean', 'function f { process { 1 } clean { 2 } }'],
  ['parameter', '1..2 | ForEach-Object -Parallel { $_ }'],
  ['parameter', '1..2 | % -ThrottleLimit 3 { $_ }'],
  ['number', '$a = 0b101'],
  ['number', '$a = 1u'],
  ['number', '$a = 10kb + 5n'],
  ['escape', '"`e[0m"'],
  ['escape', '"`u{1F600}"'],
  ['encoding', '$a = "\u00e9"'],
  ['requires', '#requires -Version 7.0'],
  ['requires', '#requires -PSEdition Core'],
  ['variable', 'if ($IsWindows) { 1 }'],
  ['variable', '"$IsLinux"'],
  ['type', '[semver] "1.0.0"'],
  ['type', 'function f([ValidateNotNullOrWhiteSpace()] $a) { $a }'],
  ['dotnet', '[IO.Path]::GetRelativePath("/a", "/b")'],
  ['dotnet', '[System.IO.File]::Move("a", "b", $true)'],
  ['generic-method', '[Linq.Enumerable]::Empty[int]()'],
  ['command', 'Get-Error'],
  ['command', '"a" | Join-String'],
  ['parameter', '"{}" | ConvertFrom-Json -AsHashtable'],
  ['parameter', '"{}" | ConvertFrom-Json -AsHash'],
  ['parameter', '$o = @{ AsHashtable = $true }; "{}" | ConvertFrom-Json @o'],
  ['parameter', '$o = @{}; $o["Depth"] = 5; "{}" | ConvertFrom-Json @o'],
  ['parameter', 'Get-Content a -AsByteStream'],
  ['parameter', 'Join-Path a b c'],
  ['parameter', 'Join-Path -Path a -ChildPath b c'],
  ['parameter', 'Split-Path a -LeafBase'],
  ['parameter', '1 | Export-Csv a -UseQuotes AsNeeded'],
  ['parameter', '1 | Sort-Object -Top 3'],
  ['parameter', 'Get-Date -AsUTC'],
  ['parameter', 'New-PSSession -HostName a'],
  ['parameter', 'Get-Date -ProgressAction SilentlyContinue'],
  ['encoding', '1 | Out-File a -Encoding utf8NoBOM'],
];

test('each construct that 5.1 lacks is reported, at its line', { skip }, () => {
  const files = canaries.map(([, script], index) => {
    const file = join(folder, `canary-${index}.ps1`);
    writeFileSync(file, `# ${index}\n${script}\n`);
    return file;
  });
  const findings = check(files);
  const reported = files.map((file) => findings.filter((finding) => finding.file === file));
  const seen = canaries.map(([rule, script], index) => [
    script,
    [...new Set(reported[index]?.map((finding) => finding.rule))].includes(rule),
    reported[index]?.every((finding) => finding.line === 2 || finding.rule === 'requires' || finding.rule === 'parse'),
  ]);
  assert.deepEqual(
    seen,
    canaries.map(([, script]) => [script, true, true]),
  );
});

test('what both have is left alone', { skip }, () => {
  const file = join(folder, 'both.ps1');
  writeFileSync(
    file,
    `#requires -Version 5.1
[CmdletBinding()]
param([Parameter(Mandatory = $true)] [string] $Path, [switch] $Force)
Set-StrictMode -Version Latest
class Pair { [string] $Left; [int] $Right }
$size = 0x1F + 10kb + 1.5d + 3L + 1e3
$text = "line\`n \`\`e \`\`u{41} $($Path.Length)"
$options = @{ Path = $Path; Encoding = 'UTF8'; NoTypeInformation = $true }
try { $size, $text | Export-Csv @options } catch { throw } finally { 'done' | Out-File (Join-Path $Path 'log') -Encoding utf8 -Append }
$found = Get-ChildItem -Path $Path -Filter *.ps1 | Sort-Object Name -Descending | Select-Object -First 3 -SkipLast 1
if (-not $found) { exit 3 }
[IO.File]::Move('a', 'b')
'{}' | ConvertFrom-Json | ConvertTo-Json -Depth 5 -Compress
[pscustomobject] [ordered] @{ a = 1 }
`,
  );
  assert.deepEqual(check([file]), []);
});
