/* Reads fault scripts. Whatever is wrong is told with its place, and with what is allowed there. */
import { SimulatorError } from '../errors.ts';
import {
  type BreakKind,
  breakKinds,
  changeKinds,
  corruptKinds,
  type FaultAction,
  type FaultPlace,
  type FaultRule,
  type FaultStage,
  type MessageKind,
  messageKinds,
  throttleKinds,
} from './fault-script.ts';

const longestScript = 1_000_000;
const mostRules = 10_000;
const largestNumber = 1_000_000_000_000;
const longestTimeMs = 86_400_000;

const actionWords = [
  ...breakKinds,
  'delay',
  'disconnect',
  'die',
  'http',
  'fault',
  'refuse',
  'throttle',
  'forget',
  'lose-cookie',
  'renew-cookie',
  'misroute',
  'truncate',
  'corrupt',
  'lag',
  'change',
] as const;
type ActionWord = (typeof actionWords)[number];

const placeWords = ['message', ...messageKinds, 'byte', 'mailbox', 'after', 'every'] as const;

function list(words: readonly string[]): string {
  return words.length === 1 ? String(words[0]) : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

interface Word {
  readonly text: string;
  readonly column: number;
}

/** The words of one rule, and where they stand. */
class RuleReader {
  readonly #words: readonly Word[];
  readonly #line: number;
  readonly #end: number;
  #next = 0;

  constructor(words: readonly Word[], line: number, end: number) {
    this.#words = words;
    this.#line = line;
    this.#end = end;
  }

  get ended(): boolean {
    return this.#next >= this.#words.length;
  }

  peek(): string | undefined {
    return this.#words[this.#next]?.text.toLowerCase();
  }

  /** The next word in lower case. */
  take(allowed: string): string {
    const word = this.#words[this.#next];
    if (word === undefined) throw this.#error(`the rule ends where ${allowed} is due`, this.#end);
    this.#next += 1;
    return word.text.toLowerCase();
  }

  /** The next word as it is written. */
  takeName(allowed: string): string {
    const word = this.#words[this.#next];
    this.take(allowed);
    return word?.text ?? '';
  }

  takeOneOf<T extends string>(allowed: readonly T[], what: string): T {
    const asked = this.take(`${what} (${list(allowed)})`);
    const found = allowed.find((word) => word.toLowerCase() === asked);
    if (found === undefined) throw this.refuse(`is no ${what}; allowed: ${list(allowed)}`);
    return found;
  }

  takeNumber(what: string, least: number, most = largestNumber): number {
    const number = wholeNumber(this.take(`${what}, a whole number,`));
    if (number === undefined || number < least || number > most)
      throw this.refuse(`is no ${what}; allowed: whole numbers from ${least} to ${most}`);
    return number;
  }

  takeTime(what: string): number {
    const milliseconds = time(this.take(`${what}, such as 500ms, 3s or 2m,`));
    if (milliseconds === undefined) throw this.refuse(`is no ${what}; allowed: up to 24 h, as 500ms, 3s, 1.5s or 2m`);
    return milliseconds;
  }

  /** The error that the word taken last is. */
  refuse(what: string): SimulatorError {
    const word = this.#words[this.#next - 1];
    return this.#error(`"${word?.text.slice(0, 60)}" ${what}`, word?.column ?? 1);
  }

  finish(): void {
    if (this.ended) return;
    this.#next += 1;
    throw this.refuse('is too much: the rule is complete before it');
  }

  #error(what: string, column: number): SimulatorError {
    return new SimulatorError(
      'SIMULATOR_FAULT_SCRIPT_INVALID',
      `the fault script, line ${this.#line}, column ${column}: ${what}`,
    );
  }
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,13}$/.test(text) ? Number(text) : undefined;
}

/** Milliseconds. */
function time(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m)$/.exec(text);
  if (match === null) return undefined;
  const factor = match[2] === 'ms' ? 1 : match[2] === 's' ? 1000 : 60_000;
  const milliseconds = Math.round(Number(match[1]) * factor);
  return milliseconds <= longestTimeMs ? milliseconds : undefined;
}

const kindsOfMessages = ['message', ...messageKinds] as const;

function messageKind(text: string): MessageKind | 'message' | undefined {
  const singular = text.endsWith('s') ? text.slice(0, -1) : text;
  return kindsOfMessages.find((kind) => kind === text || kind === singular);
}

function readEvery(reader: RuleReader): FaultPlace {
  const first = reader.take('a message, a number or a time');
  const alone = messageKind(first);
  if (alone !== undefined) return { kind: 'everyMessage', of: alone, step: 1 };
  const milliseconds = time(first);
  if (milliseconds !== undefined && milliseconds > 0) return { kind: 'time', milliseconds, repeats: true };
  const amount = wholeNumber(first.replace(/(?<=\d)(?:st|nd|rd|th)$/, ''));
  if (amount === undefined || amount < 1)
    throw reader.refuse(`cannot follow "every"; allowed: ${list(kindsOfMessages)}, a number from 1, or a time`);
  const unit = reader.take(`what to count (${list([...kindsOfMessages, 'bytes', 'mailboxes'])})`);
  if (unit === 'byte' || unit === 'bytes') return { kind: 'sent', unit: 'byte', amount, repeats: true };
  if (unit === 'mailbox' || unit === 'mailboxes') return { kind: 'sent', unit: 'mailbox', amount, repeats: true };
  const of = messageKind(unit);
  if (of === undefined)
    throw reader.refuse(`cannot be counted; allowed: ${list([...kindsOfMessages, 'bytes', 'mailboxes'])}`);
  return { kind: 'everyMessage', of, step: amount };
}

function readPlace(reader: RuleReader): FaultPlace {
  const word = reader.take(`a place (${list(placeWords)})`);
  if (word === 'every') return readEvery(reader);
  if (word === 'after') return { kind: 'time', milliseconds: reader.takeTime('time'), repeats: false };
  if (word === 'byte' || word === 'mailbox')
    return { kind: 'sent', unit: word, amount: reader.takeNumber('number', 1), repeats: false };
  const of = messageKind(word);
  if (of === undefined) throw reader.refuse(`is no place; a rule begins with ${list(placeWords)}`);
  const range = /^(\d+)(?:-(\d+))?$/.exec(reader.take(`the number of the ${of}, or a range such as 3-7,`));
  const first = wholeNumber(range?.[1] ?? '');
  const last = wholeNumber(range?.[2] ?? range?.[1] ?? '');
  if (first === undefined || last === undefined || first < 1 || last < first)
    throw reader.refuse(`is no number of a ${of}; allowed: a whole number from 1, or a range such as 3-7`);
  return { kind: 'messages', of, first, last };
}

function readStage(reader: RuleReader, allowed: readonly FaultStage['kind'][]): FaultStage | undefined {
  if (reader.ended) return undefined;
  const kind = reader.takeOneOf(allowed, 'moment');
  return kind === 'at' ? { kind, bytes: reader.takeNumber('number of bytes', 0) } : { kind };
}

function readThrottle(reader: RuleReader): FaultAction {
  const by = reader.takeOneOf(throttleKinds, 'throttle');
  switch (by) {
    case 'budget':
    case 'delay':
      return { kind: 'throttle', by, milliseconds: reader.takeTime('time') };
    case 'connections':
    case 'shells':
      return { kind: 'throttle', by, most: reader.ended ? 18 : reader.takeNumber('limit', 1, 10_000) };
    case 'operations':
      return { kind: 'throttle', by };
  }
}

function readAction(reader: RuleReader, word: ActionWord): FaultAction {
  switch (word) {
    case 'drop':
    case 'reset':
    case 'half-close':
    case 'stall':
      return { kind: word satisfies BreakKind, stage: readStage(reader, ['before', 'after', 'halfway', 'at']) };
    case 'delay':
      return { kind: word, milliseconds: reader.takeTime('time'), stage: readStage(reader, ['before', 'after']) };
    case 'disconnect':
      return { kind: word, stage: readStage(reader, ['before', 'after']) };
    case 'die': {
      const hasTime = !reader.ended && reader.peek() !== 'before' && reader.peek() !== 'after';
      const milliseconds = hasTime ? reader.takeTime('time') : undefined;
      return { kind: word, milliseconds, stage: readStage(reader, ['before', 'after']) };
    }
    case 'http':
      return {
        kind: word,
        status: reader.takeNumber('status', 400, 599),
        stage: readStage(reader, ['before', 'after']),
      };
    case 'fault':
      return { kind: word, code: reader.takeNumber('code of a fault', 1, 0xffff_ffff) };
    case 'throttle':
      return readThrottle(reader);
    case 'forget':
      return { kind: word, what: reader.takeOneOf(['shell', 'shells'] as const, 'thing to forget') };
    case 'truncate':
      return { kind: word, stage: readStage(reader, ['halfway', 'at']) };
    case 'corrupt':
      return { kind: word, what: reader.takeOneOf(corruptKinds, 'thing to corrupt') };
    case 'lag':
      return {
        kind: word,
        domainController: reader.takeName('the name of a domain controller'),
        milliseconds: reader.takeTime('time'),
      };
    case 'change':
      return {
        kind: word,
        change: reader.takeOneOf(changeKinds, 'change'),
        count: reader.ended ? 1 : reader.takeNumber('number of mailboxes', 1, 1_000_000),
      };
    case 'refuse':
    case 'lose-cookie':
    case 'renew-cookie':
    case 'misroute':
      return { kind: word };
  }
}

function readRule(text: string, line: number, offset: number): FaultRule | undefined {
  const words: Word[] = [];
  // The colon that ends the place is a word of its own.
  for (const match of text.matchAll(/:|[^\s:]+/g)) words.push({ text: match[0], column: offset + match.index + 1 });
  if (words.length === 0) return undefined;
  const reader = new RuleReader(words, line, offset + text.trimEnd().length + 1);
  const place = readPlace(reader);
  if (reader.take('":"') !== ':') throw reader.refuse('stands where ":" is due, between the place and the action');
  const action = readAction(reader, reader.takeOneOf(actionWords, 'action'));
  reader.finish();
  return { place, action };
}

/**
 * The rules of a script, in their order.
 * @throws SimulatorError SIMULATOR_FAULT_SCRIPT_INVALID, with line and column
 */
export function parseFaultScript(script: string): readonly FaultRule[] {
  const tooMuch = (what: string): SimulatorError =>
    new SimulatorError('SIMULATOR_FAULT_SCRIPT_INVALID', `the fault script has ${what}`);
  if (script.length > longestScript) throw tooMuch(`more than ${longestScript} characters`);
  const rules: FaultRule[] = [];
  for (const [index, line] of script.split(/\r\n|\r|\n/).entries()) {
    let offset = 0;
    for (const text of line.replace(/#.*$/, '').split(';')) {
      const rule = readRule(text, index + 1, offset);
      if (rule !== undefined) rules.push(rule);
      offset += text.length + 1;
    }
    if (rules.length > mostRules) throw tooMuch(`more than ${mostRules} rules`);
  }
  return rules;
}
