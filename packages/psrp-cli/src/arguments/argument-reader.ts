/*
 * What stands after the cmdlet, read as PowerShell reads a command's arguments. The shell has taken its own
 * quotes off already: each element here is one argument of the process.
 *
 *   -Name value   -Switch   -Name:value   value   a,b,c   'text' "text"   $true $false $null   |   --
 *
 * A parameter's name begins with a letter, an underscore or a question mark, so that -5 is a number. The
 * endpoint's metadata is not at hand: a name takes what follows it unless that is a name itself.
 */
import { psArray, psBoolean, psNull, psString } from '@exchange-connector/psrp';
import type { CommandParameter, PipelineCommand, PsValue } from '@exchange-connector/psrp';
import { usageError } from '../errors.ts';
import { parseNumberLiteral } from './number-literal.ts';

/**
 * PowerShell takes the en dash, em dash and horizontal bar of word processors for hyphens. A name holds no
 * space and no bracket, so that the filter `-not (Name -eq 'x')` is a value.
 */
const parameterName = /^[-\u2013\u2014\u2015]([\p{L}_?][^\s:,;|&(){}'"]*)(?:(:)(.*))?$/su;

/**
 * The commands of one pipeline.
 *
 * @param elements the cmdlet and its arguments, one element for each argument of the process; `|` between cmdlets
 * @throws PsrpCliError PSRP_CLI_USAGE, naming the argument
 */
export function parsePipeline(elements: readonly string[]): PipelineCommand[] {
  const commands: PipelineCommand[] = [];
  let start = 0;
  for (;;) {
    const bar = elements.indexOf('|', start);
    commands.push(parseCommand(elements.slice(start, bar < 0 ? elements.length : bar), commands.length));
    if (bar < 0) return commands;
    start = bar + 1;
  }
}

function parseCommand(elements: readonly string[], index: number): PipelineCommand {
  const [first, ...rest] = elements;
  if (first === undefined)
    throw usageError(`the pipeline: a cmdlet is missing ${index === 0 ? 'before' : 'after'} the "|"`);
  const name = unquoted(first) ?? first;
  if (name === '' || parameterName.test(first)) {
    throw usageError(`the pipeline: ${JSON.stringify(first)} stands where the name of a cmdlet is due`);
  }
  return { name, parameters: parseParameters(name, rest) };
}

function parseParameters(cmdlet: string, elements: readonly string[]): CommandParameter[] {
  const parameters: CommandParameter[] = [];
  let at = 0;
  let namesAllowed = true;
  while (at < elements.length) {
    const element = elements[at] as string;
    if (namesAllowed && element === '--') {
      namesAllowed = false;
      at++;
      continue;
    }
    const named = namesAllowed ? parameterName.exec(element) : null;
    if (named === null) {
      const end = endOfValue(elements, at);
      parameters.push({ value: parseValue(elements.slice(at, end), cmdlet) });
      at = end;
      continue;
    }
    const [, name = '', colon, attached = ''] = named;
    at++;
    if (attached !== '') {
      const words = [attached, ...elements.slice(at)];
      const end = endOfValue(words, 0);
      parameters.push({ name, value: parseValue(words.slice(0, end), `${cmdlet} -${name}`) });
      at += end - 1;
    } else if (at < elements.length && (colon === ':' || isValue(elements[at] as string))) {
      const end = endOfValue(elements, at);
      parameters.push({ name, value: parseValue(elements.slice(at, end), `${cmdlet} -${name}`) });
      at = end;
    } else if (colon === ':') {
      throw usageError(`${cmdlet}: nothing follows "-${name}:"; write -${name}:value`);
    } else {
      parameters.push({ name, value: psBoolean(true) });
    }
  }
  return parameters;
}

function isValue(element: string): boolean {
  return element !== '--' && !parameterName.test(element);
}

/** A comma at the end of one element or at the start of the next makes both one array, as in PowerShell. */
function endOfValue(elements: readonly string[], start: number): number {
  let end = start + 1;
  while (end < elements.length && (endsInComma(elements[end - 1] as string) || elements[end]?.startsWith(','))) end++;
  return end;
}

function endsInComma(element: string): boolean {
  return splitAtCommas(element).at(-1)?.trim() === '' && element.includes(',');
}

function parseValue(elements: readonly string[], where: string): PsValue {
  const text = elements.join(' ');
  const items = splitAtCommas(text);
  const [only] = items;
  if (items.length === 1 && only !== undefined) return parseScalar(only);
  if (items.some((item) => item.trim() === '')) {
    throw usageError(
      `${where}: an item is missing beside a comma in ${JSON.stringify(text)}; write '…' around text with commas`,
    );
  }
  return psArray(items.map((item) => parseScalar(item.trim())));
}

function parseScalar(text: string): PsValue {
  const quoted = unquoted(text);
  if (quoted !== undefined) return psString(quoted);
  switch (text.toLowerCase()) {
    case '$true':
      return psBoolean(true);
    case '$false':
      return psBoolean(false);
    case '$null':
      return psNull;
    default:
      return parseNumberLiteral(text) ?? psString(text);
  }
}

/** PowerShell takes the quotes of word processors for plain ones. */
const singleQuotes = "'\u2018\u2019\u201a\u201b";
const doubleQuotes = '"\u201c\u201d\u201e';

/** The quotes that close what this character opens; undefined where it is no quote. */
function closingQuotes(character: string | undefined): string | undefined {
  if (character === undefined || character === '') return undefined;
  if (singleQuotes.includes(character)) return singleQuotes;
  return doubleQuotes.includes(character) ? doubleQuotes : undefined;
}

/** The content of text that is quoted from its first character to its last; a doubled quote inside is one. */
function unquoted(text: string): string | undefined {
  const quotes = closingQuotes(text[0]);
  if (quotes === undefined || endOfQuoted(text, 0, quotes) !== text.length) return undefined;
  return text.slice(1, -1).replace(new RegExp(`([${quotes}])[${quotes}]`, 'gu'), '$1');
}

/** The index behind the quoted text that begins at `start`; -1 where it is never closed. */
function endOfQuoted(text: string, start: number, quotes: string): number {
  for (let at = start + 1; at < text.length; at++) {
    if (!quotes.includes(text[at] as string)) continue;
    const next = text[at + 1];
    if (next === undefined || !quotes.includes(next)) return at + 1;
    at++;
  }
  return -1;
}

/**
 * A quote opens only where no letter or digit stands before it: `O'Brien,D'Arcy` is two names, while in
 * `Name -eq 'a,b'` the comma is inside. One that is never closed is a character like any other.
 */
function splitAtCommas(text: string): string[] {
  const items: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (character === ',') {
      items.push(text.slice(start, at));
      start = at + 1;
      continue;
    }
    const quotes = closingQuotes(character);
    if (quotes === undefined || (at > start && /[\p{L}\p{N}]/u.test(text[at - 1] as string))) continue;
    const end = endOfQuoted(text, at, quotes);
    if (end > 0) at = end - 1;
  }
  items.push(text.slice(start));
  return items;
}
