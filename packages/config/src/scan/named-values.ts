/*
 * Names with their values, as the kinds of files write them. Each reader goes over the text once, with patterns whose
 * quantifiers are bounded: no text makes one slow.
 */
import { csvRows } from './csv-rows.ts';
import type { Finding } from './finding.ts';
import { isNamedSecret } from './known-shapes.ts';
import { meaningOfName } from './value-judgement.ts';

/** How a file writes a name and its value. */
export type FileForm =
  /** Names and values on lines, values with or without quotes: ini, env, properties, yaml, conf, txt. */
  | 'lines'
  /** The same, where blanks may stand inside a value: yaml. */
  | 'yaml'
  | 'xml'
  | 'csv'
  /** A program: only what stands in quotes is a value. */
  | 'program';

const quotedPair =
  /(?<name>["'][^"'\r\n]{1,120}["']|[$@]?[\p{L}_][\p{L}\d_.:-]{0,120})\s{0,40}(?::(?!:)|=>|:=|=(?!=))\s{0,200}(?:[@$]?)(?<quote>["'`])(?<value>(?:\\.|(?!\k<quote>)[^\\\r\n]){0,4096})/dgu;

/** Quoted values, in any file. */
export function findQuotedPairs(text: string, plainWords: boolean): Finding[] {
  const findings: Finding[] = [];
  for (const match of text.matchAll(quotedPair)) {
    const name = (match.groups?.['name'] ?? '').replace(/^["'$@]+|["']+$/g, '');
    const value = match.groups?.['value'] ?? '';
    const at = match.indices?.groups?.['value']?.[0] ?? 0;
    if (isNamedSecret(name, value, plainWords)) findings.push({ kind: 'named-value', name, at });
  }
  return findings;
}

const bareLine =
  /^(?<lead>[ \t]{0,200}(?:(?:export|set|setx|ENV|ARG|-)[ \t]{1,10}){0,2})(?<name>["']?[\p{L}_][\p{L}\d_.:\\/ -]{0,120}?["']?)[ \t]{0,40}(?<sign>[:=])[ \t]{0,40}(?<value>[^\r\n]{1,4096})$/dgmu;

/** Values without quotes, one a line. */
export function findBareLines(text: string, withBlanks: boolean): Finding[] {
  const findings: Finding[] = [];
  for (const match of text.matchAll(bareLine)) {
    const name = (match.groups?.['name'] ?? '').trim().replace(/^["']|["']$/g, '');
    const sign = match.groups?.['sign'] ?? '';
    const value = (match.groups?.['value'] ?? '').replace(/[ \t]+[#;][ \t].*$/, '').trim();
    // Prose: "Password: ask the administrator"; a block that begins here: "password: |".
    if (/^["'`{[|>&*]/.test(value) || (/\s/.test(value) && !(withBlanks && sign === ':')) || /\s/.test(name)) continue;
    const at = match.indices?.groups?.['value']?.[0] ?? 0;
    if (isNamedSecret(name, value, true)) findings.push({ kind: 'named-value', name, at });
  }
  return findings;
}

const namedItem =
  /^[ \t]{0,200}(?:-[ \t]{1,10})?(?:name|key):[ \t]{0,40}["']?(?<name>[\p{L}_][\p{L}\d_.:-]{0,120})["']?[ \t]{0,40}\r?\n[ \t]{1,200}value:[ \t]{0,40}(?<value>["']?[^\r\n]{1,4096})$/dgmu;

/** `- name: PASSWORD` with `value: …` on the line below, as containers are given their environment. */
export function findNamedItems(text: string): Finding[] {
  const findings: Finding[] = [];
  for (const match of text.matchAll(namedItem)) {
    const name = match.groups?.['name'] ?? '';
    const value = match.groups?.['value'] ?? '';
    const quote = /^["']/.exec(value)?.[0];
    const inside = quote === undefined ? value.replace(/[ \t]#.*$/, '') : (value.slice(1).split(quote, 1)[0] ?? '');
    const at = (match.indices?.groups?.['value']?.[0] ?? 0) + (quote === undefined ? 0 : 1);
    if (isNamedSecret(name, inside, true)) findings.push({ kind: 'named-value', name, at });
  }
  return findings;
}

const tag = /<(?<name>[\p{L}_][\p{L}\d_:.-]{0,120})(?<attributes>(?:\s[^<>]{0,8000})?)>(?<content>[^<]{0,4096})/dgu;
const attribute =
  /(?<name>[\p{L}_][\p{L}\d_:.-]{0,120})\s{0,20}=\s{0,20}(?:"(?<double>[^"<]{0,4096})"|'(?<single>[^'<]{0,4096})')/dgu;
const entity: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function withoutEntities(text: string): string {
  return text.replace(/&(\w{2,4});/g, (whole, name: string) => entity[name] ?? whole);
}

/** Attributes that give a name to the value beside them: `<add key="Password" value="…"/>`, `<S N="Password">…`. */
const namingAttribute = /^(?:key|name|n|id|property|identifier)$/i;
const valueAttribute = /^(?:value|v|default|content)$/i;

interface Attribute {
  readonly name: string;
  readonly value: string;
  readonly at: number;
}

function attributesOf(text: string, from: number): Attribute[] {
  return [...text.matchAll(attribute)].map((match) => {
    const kind = match.groups?.['double'] === undefined ? 'single' : 'double';
    return {
      name: (match.groups?.['name'] ?? '').replace(/^.*:/, ''),
      value: withoutEntities(match.groups?.[kind] ?? ''),
      at: from + (match.indices?.groups?.[kind]?.[0] ?? 0),
    };
  });
}

/** Attributes and contents of elements. */
export function findXmlValues(text: string): Finding[] {
  const findings: Finding[] = [];
  const add = (name: string, value: string, at: number) => {
    if (isNamedSecret(name, value, true)) findings.push({ kind: 'named-value', name, at });
  };
  for (const match of text.matchAll(tag)) {
    const { name = '', attributes: inside = '', content = '' } = match.groups ?? {};
    const attributes = attributesOf(inside, match.indices?.groups?.['attributes']?.[0] ?? 0);
    for (const each of attributes) add(each.name, each.value, each.at);
    const given = attributes.find((each) => namingAttribute.test(each.name) && meaningOfName(each.value) === 'secret');
    const value = given && attributes.find((each) => valueAttribute.test(each.name));
    if (given !== undefined && value !== undefined) add(given.value, value.value, value.at);
    // A SecureString of Export-Clixml is encrypted.
    if (name === 'SS' || content.trim() === '' || inside.endsWith('/')) continue;
    const at = (match.indices?.groups?.['content']?.[0] ?? 0) + (content.length - content.trimStart().length);
    add(name.replace(/^.*:/, ''), withoutEntities(content.trim()), at);
    if (given !== undefined) add(given.value, withoutEntities(content.trim()), at);
  }
  return findings;
}

/** Rows whose column is named as a secret. */
export function findCsvValues(text: string): Finding[] {
  const firstLine = /^[^\r\n]{0,20000}/.exec(text.replace(/^\ufeff/, ' '))?.[0] ?? '';
  const separator = [',', ';', '\t', '|'].find((sign) => firstLine.includes(sign));
  if (separator === undefined) return [];
  const findings: Finding[] = [];
  let columns: readonly string[] | undefined;
  for (const row of csvRows(text, separator)) {
    if (columns === undefined) {
      columns = row.map(({ value }) => value.trim());
      if (!columns.some((name) => meaningOfName(name) !== 'other')) return [];
      continue;
    }
    for (const [index, { value, at }] of row.entries()) {
      const name = columns[index] ?? '';
      if (isNamedSecret(name, value, true)) findings.push({ kind: 'named-value', name, at });
    }
  }
  return findings;
}
