import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Remarks } from './remarks.ts';
import { quote } from './remarks.ts';
import { memberPath, type Origin, type SettingSection, type SettingValue } from './setting-value.ts';

/** Names of settings whose values never stand in a message. */
const secretName =
  /(?<!by)pass(?!ive|port)|pwd|kennwort|secret|token|credential|bearer|^key$|(?:api|access|account|client|private|shared|subscription|encryption|signing|master)[ ._-]?key|^pin$|connection[ ._-]?string/i;

/** True for names such as `Password`, `ClientSecret`, `ApiKey`. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

/** What was found, fit for a message. */
export function describeFound(value: SettingValue, name: string): string {
  // What stands in the place of Options may be any of them.
  if (secretName.test(name) || name === 'Options')
    return value.kind === 'text' ? 'a text (not shown)' : withArticle(nounOf(value));
  switch (value.kind) {
    case 'null':
      return 'null';
    case 'boolean':
      return String(value.value);
    case 'number':
      return value.text.length > 40 ? `${value.text.slice(0, 40)}…` : value.text;
    case 'text':
      return quote(value.value);
    default:
      return withArticle(nounOf(value));
  }
}

function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

/** What a value is in JSON: `array`, `object`, `number`, … */
export function nounOf(value: SettingValue): string {
  if (value.kind === 'list') return 'array';
  return value.kind === 'section' ? 'object' : value.kind;
}

/** Control characters have no place in a name, path or address, and would garble files and terminals. */
function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

interface WholeNumberRange {
  readonly least: number;
  readonly most: number;
  readonly unit: string;
}

/**
 * Reads the members of one section by their kinds. Each reader gives undefined where the member is
 * absent or wrong; what is wrong is remarked. Values may be native JSON or texts of them.
 */
export class SectionReader {
  readonly section: SettingSection;
  readonly remarks: Remarks;
  readonly #settingsFolder: string;

  constructor(section: SettingSection, remarks: Remarks, settingsFolder: string) {
    this.section = section;
    this.remarks = remarks;
    this.#settingsFolder = settingsFolder;
  }

  /** The member as it is; null counts as absent. */
  find(name: string): SettingValue | undefined {
    const value = this.section.members.get(name.toLowerCase())?.value;
    return value?.kind === 'null' ? undefined : value;
  }

  /** Where the member stands, or where its section does. */
  originOf(name: string): Origin {
    return this.find(name)?.origin ?? { ...this.section.origin, path: memberPath(this.section.origin.path, name) };
  }

  refuse(name: string, value: SettingValue, allowed: string): undefined {
    this.remarks.error(value.origin, `found ${describeFound(value, name)}; allowed is ${allowed}`);
    return undefined;
  }

  /** A text of at least one character, without control characters. */
  text(name: string, allowed = 'a text'): string | undefined {
    const value = this.find(name);
    if (value === undefined) return undefined;
    if (value.kind !== 'text') return this.refuse(name, value, `${allowed} in double quotes`);
    return this.#checkText(name, value, allowed);
  }

  #checkText(name: string, value: SettingValue & { kind: 'text' }, allowed: string): string | undefined {
    if (value.value.trim() === '') {
      this.remarks.error(value.origin, `is empty; allowed is ${allowed}, or leave it out`);
      return undefined;
    }
    if (hasControlCharacter(value.value)) return this.refuse(name, value, `${allowed} without control characters`);
    return value.value;
  }

  flag(name: string): boolean {
    const value = this.find(name);
    if (value === undefined) return false;
    if (value.kind === 'boolean') return value.value;
    const word = value.kind === 'text' ? value.value.trim().toLowerCase() : undefined;
    if (word === 'true' || word === 'false') return word === 'true';
    return this.refuse(name, value, 'true or false (or "true", "false")') ?? false;
  }

  wholeNumber(name: string, fallback: number, range: WholeNumberRange): number {
    const number = this.#number(name, { ...range, whole: true });
    return number ?? fallback;
  }

  percentage(name: string, fallback: number): number {
    return this.#number(name, { least: 0, most: 100, unit: 'percent', whole: false }) ?? fallback;
  }

  #number(name: string, range: WholeNumberRange & { readonly whole: boolean }): number | undefined {
    const value = this.find(name);
    if (value === undefined) return undefined;
    const allowed = `a ${range.whole ? 'whole ' : ''}number from ${range.least} to ${range.most} (${range.unit})`;
    let number = Number.NaN;
    if (value.kind === 'number') number = value.value;
    else if (value.kind === 'text' && /^\s*[+-]?\d+(\.\d+)?\s*$/.test(value.value)) number = Number(value.value);
    const fits = number >= range.least && number <= range.most && (!range.whole || Number.isInteger(number));
    return fits ? number : this.refuse(name, value, allowed);
  }

  /** A list of texts; a single text is a list of one. */
  texts(name: string, allowed: string): readonly { readonly text: string; readonly value: SettingValue }[] {
    const value = this.find(name);
    if (value === undefined) return [];
    const items = asList(value);
    const all = `${allowed} in double quotes, or an array of such`;
    if (items === undefined) {
      this.refuse(name, value, all);
      return [];
    }
    const texts: { text: string; value: SettingValue }[] = [];
    for (const item of items) {
      if (item.kind !== 'text') this.refuse(name, item, `${allowed} in double quotes`);
      else {
        const text = this.#checkText(name, item, allowed);
        if (text !== undefined) texts.push({ text, value: item });
      }
    }
    return texts;
  }

  /** A path, absolute or counted from the settings' folder. */
  path(name: string, allowed = 'the path of a file'): string | undefined {
    const text = this.text(name, allowed);
    return text === undefined ? undefined : resolve(this.#settingsFolder, text);
  }

  /** The path of a folder, which need not be there yet; a file that stands in its way is remarked. */
  folder(name: string): string | undefined {
    const allowed = 'the path of a folder';
    const path = this.path(name, allowed);
    const inTheWay = path === undefined ? undefined : findFileInTheWay(path);
    if (inTheWay === undefined) return path;
    this.remarks.error(
      this.originOf(name),
      `found ${quote(path ?? '')}, where ${quote(inTheWay)} is a file; allowed is ${allowed}, absolute or relative to ${this.#settingsFolder}`,
    );
    return undefined;
  }

  /** The path of a file that must be there now, and whose first bytes look like what it should hold. */
  existingFile(name: string, allowed: string, looksRight: (start: Buffer) => boolean): string | undefined {
    const path = this.path(name, allowed);
    if (path === undefined) return undefined;
    const fault = findFileFault(path, looksRight);
    if (fault === undefined) return path;
    this.remarks.error(
      this.originOf(name),
      `names ${quote(path)}, ${fault}; allowed is ${allowed}, absolute or relative to ${this.#settingsFolder}`,
    );
    return undefined;
  }
}

/** The file that stands where a folder of this path would be made; undefined where none is in the way. */
export function findFileInTheWay(folder: string): string | undefined {
  for (let path = folder; ; path = dirname(path)) {
    try {
      return statSync(path).isDirectory() ? undefined : path;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if ((code !== 'ENOENT' && code !== 'ENOTDIR') || path === dirname(path)) return undefined;
    }
  }
}

/** A certificate may stand behind a page of comments. */
const startBytes = 256 << 10;

function findFileFault(path: string, looksRight: (start: Buffer) => boolean): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    if (!fstatSync(descriptor).isFile()) return 'which is no file';
    const start = Buffer.alloc(startBytes);
    return looksRight(start.subarray(0, readSync(descriptor, start))) ? undefined : 'which holds something else';
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'which is not there';
    return code === 'EACCES' ? 'which this account may not read' : `which cannot be read (${message})`;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** The items of an array; of an array written as environment variables, `…__0`, `…__1`; or one text alone. */
function asList(value: SettingValue): readonly SettingValue[] | undefined {
  if (value.kind === 'list') return value.items;
  if (value.kind === 'text') return [value];
  if (value.kind !== 'section' || value.members.size === 0) return undefined;
  const indexed = [...value.members.values()];
  if (!indexed.every((member) => /^\d{1,6}$/.test(member.name))) return undefined;
  return indexed.sort((a, b) => Number(a.name) - Number(b.name)).map((member) => member.value);
}
