import { readJsonDocument } from '../json-document.ts';
import { Remarks } from '../remarks.ts';
import type { SettingValue } from '../setting-value.ts';
import type { Finding } from './finding.ts';
import { findKnownShapes, isNamedSecret } from './known-shapes.ts';
import {
  type FileForm,
  findBareLines,
  findCsvValues,
  findNamedItems,
  findQuotedPairs,
  findXmlValues,
} from './named-values.ts';

/** A credential with its place; lines and columns count from 1. */
export interface PlacedFinding extends Pick<Finding, 'kind' | 'name'> {
  readonly line: number;
  readonly column: number;
}

/** On the line of a finding, says that a person has looked at it. */
const waiver = 'config-scan: ignore';
/** A file full of them says enough. */
const mostFindings = 500;

const formsByEnding: readonly (readonly [form: FileForm, endings: RegExp])[] = [
  ['yaml', /\.(?:ya?ml)$/i],
  ['xml', /\.(?:xml|config|xaml|csproj|vbproj|props|targets|plist|xslt?|html?|clixml|wsdl|nuspec|resx|svg)$/i],
  ['csv', /\.(?:csv|tsv)$/i],
  [
    'program',
    /\.(?:ps1|psm1|psd1|ts|tsx|mts|cts|js|jsx|mjs|cjs|cs|vb|java|kt|py|rb|go|rs|c|cc|cpp|h|hpp|php|swift|scala|pl|lua|sql|md|adoc|rst|tex|ipynb|groovy|gradle|tf|bicep|vue)$/i,
  ],
]; // prettier-ignore

function formOf(name: string, text: string): FileForm {
  const known = formsByEnding.find(([, endings]) => endings.test(name))?.[0];
  if (known !== undefined) return known;
  return /^\ufeff?\s{0,1000}<[?!\p{L}]/u.test(text.slice(0, 2000)) ? 'xml' : 'lines';
}

/** The file of CyberArk's account names holds names in the place of passwords. */
function holdsAccountNames(name: string): boolean {
  return /(?:^|[\\/])appsettings\.cyberark\.agent\.json$/i.test(name);
}

interface JsonFindings {
  readonly placed: readonly PlacedFinding[];
}

/** JSON read as such, whatever its line breaks; undefined where it is none. */
function findJsonValues(text: string): JsonFindings | undefined {
  if (!/^\ufeff?\s{0,1000}[{[/]/.test(text.slice(0, 2000))) return undefined;
  const remarks = new Remarks();
  const value = readJsonDocument('', new TextEncoder().encode(text), remarks);
  if (value === undefined) return undefined;
  const placed: PlacedFinding[] = [];
  const visit = (node: SettingValue, name: string): void => {
    switch (node.kind) {
      case 'section': {
        for (const member of node.members.values()) visit(member.value, member.name);
        // { "name": "Password", "value": "…" }
        const given = ['name', 'key', 'id']
          .map((key) => node.members.get(key)?.value)
          .find((key) => key?.kind === 'text');
        const beside = node.members.get('value')?.value;
        if (given?.kind === 'text' && beside !== undefined) visit(beside, given.value);
        return;
      }
      case 'list':
        for (const item of node.items) visit(item, name);
        return;
      case 'text':
        if (isNamedSecret(name, node.value, true) && node.origin.position !== undefined)
          placed.push({ kind: 'named-value', name, ...node.origin.position });
        return;
      case 'number':
        // Counts of what passed are none.
        if (node.text.length < 4 || /pass$/i.test(name) || node.origin.position === undefined) return;
        if (isNamedSecret(name, node.text, true)) placed.push({ kind: 'named-value', name, ...node.origin.position });
        return;
      default:
    }
  };
  visit(value, '');
  // Of a key that stands twice the tree holds the first value alone.
  return { placed: remarks.hasErrors ? [...placed, ...place(text, findQuotedPairs(text, true))] : placed };
}

function findNamed(text: string, form: FileForm): readonly Finding[] {
  switch (form) {
    case 'yaml':
      return [...findQuotedPairs(text, true), ...findBareLines(text, true), ...findNamedItems(text)];
    case 'lines':
      return [...findQuotedPairs(text, true), ...findBareLines(text, false)];
    case 'xml':
      return findXmlValues(text);
    case 'csv':
      return [...findCsvValues(text), ...findBareLines(text, false)];
    case 'program':
      return findQuotedPairs(text, false);
  }
}

/** One finding for each place, in the order of the text; those on a line that is waived are left out. */
function place(text: string, findings: readonly Finding[]): PlacedFinding[] {
  const placed: PlacedFinding[] = [];
  const sorted = [...findings].sort((left, right) => left.at - right.at);
  let line = 1;
  let lineStart = 0;
  let last = -1;
  for (const { kind, name, at } of sorted) {
    for (let next = text.indexOf('\n', lineStart); next >= 0 && next < at; next = text.indexOf('\n', lineStart)) {
      line += 1;
      lineStart = next + 1;
    }
    if (at === last) continue;
    last = at;
    placed.push({ kind, name: shown(name), line, column: at - lineStart + 1 });
  }
  return placed;
}

/** A name as it may be printed. */
function shown(name: string): string {
  const clean = name.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ').trim();
  return clean.length > 80 ? `${clean.slice(0, 80)}…` : clean;
}

/**
 * The credentials that stand readable in a text.
 * @param name of the file: its ending says how it writes names and values
 */
export function scanText(name: string, text: string): readonly PlacedFinding[] {
  const shapes = place(text, findKnownShapes(text));
  const named = holdsAccountNames(name)
    ? []
    : (findJsonValues(text)?.placed ?? place(text, findNamed(text, formOf(name, text))));
  const lines = text.includes(waiver) ? text.split('\n') : undefined;
  const seen = new Set<string>();
  // JSON is placed where the value's quote stands, a shape where the secret begins: one finding a name and line.
  const all = [...named, ...shapes].sort((left, right) => left.line - right.line || left.column - right.column);
  const kept = all.filter((finding) => {
    const { line, column } = finding;
    if (lines?.[line - 1]?.includes(waiver)) return false;
    const key = `${line}:${column}`;
    if (seen.has(key)) return false;
    seen.add(key);
    seen.add(`${line}:${column + 1}`);
    return true;
  });
  return kept.slice(0, mostFindings);
}
