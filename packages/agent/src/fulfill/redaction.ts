import { type ConnectionSettings, Secret } from '@exchange-connector/config';

/** Takes the secrets of a connection out of a text: a script may print what it was given. */
export type Redact = (text: string) => string;

/** Shorter secrets stand in words of any language. */
const shortSecretCharacters = 4;

/**
 * @param further secrets that are not the connection's
 * @returns a function that puts `[secret]` where a secret of the connection stands, also as JSON writes it
 */
export function redactionFor(connection: ConnectionSettings, further: readonly string[] = []): Redact {
  const secrets = secretsOf(connection);
  const forms = new Set<string>();
  for (const text of [...secrets.map((secret) => secret.reveal()), ...further]) {
    forms.add(text).add(JSON.stringify(text).slice(1, -1));
    // Messages stand in one line.
    forms.add(text.replace(/\s+/g, ' ').trim());
  }
  // The longest first: one secret may be the beginning of another.
  const sought = [...forms].filter((form) => form !== '').sort((left, right) => right.length - left.length);
  if (sought.length === 0) return (text) => text;
  // One pass, so that nothing is sought in what was put in.
  const pattern = new RegExp(sought.map(patternOf).join('|'), 'gu');
  return (text) => text.replace(pattern, '[secret]');
}

/** What takes secrets out of texts, those too that a run learns of while it is at work: a password that was renewed. */
export class GrowingRedaction {
  readonly #connections: ConnectionSettings[] = [];
  #redact: Redact = (text) => text;

  constructor(connection: ConnectionSettings) {
    this.learn(connection);
  }

  /** The secrets of a connection, beside those that are known. */
  learn(connection: ConnectionSettings): void {
    this.#connections.push(connection);
    const known = this.#connections.flatMap((each) => secretsOf(each).map((secret) => secret.reveal()));
    this.#redact = redactionFor(connection, known);
  }

  readonly redact: Redact = (text) => this.#redact(text);
}

function secretsOf(connection: ConnectionSettings): Secret[] {
  const secrets = connection.fulfillOptions.flatMap(({ value }) => (value instanceof Secret ? [value] : []));
  return connection.password === undefined ? secrets : [...secrets, connection.password];
}

/** Of a secret that is as short as a syllable only the whole word is one: else no sentence could be read. */
function patternOf(form: string): string {
  const literal = form.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  return form.length < shortSecretCharacters ? `(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])` : literal;
}

/** `Options` as the one line of JSON that a script reads, in ASCII: what encoding a console reads in is anyone's guess. */
export function optionsLine(connection: ConnectionSettings): string {
  const members = connection.fulfillOptions.map(({ name, value }) => {
    const shown = value instanceof Secret ? value.reveal() : value;
    return `${JSON.stringify(name)}:${JSON.stringify(shown)}`;
  });
  return `{${members.join(',')}}`.replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
