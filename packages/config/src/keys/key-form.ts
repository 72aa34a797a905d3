/*
 * One table of keys for each settings file. Reading, `config show`, the JSON Schema and the tables of
 * docs/settings.md all come from it, so that none of them can know a key that the others do not.
 */

/** What a value of a key may be. */
export type KeyForm =
  | { readonly kind: 'text'; readonly allowed: string; readonly usual?: string }
  /** A text that is never shown. */
  | { readonly kind: 'secret' }
  | { readonly kind: 'choice'; readonly values: readonly string[]; readonly usual: string }
  | { readonly kind: 'flag' }
  | {
      readonly kind: 'wholeNumber';
      readonly least: number;
      readonly most: number;
      readonly unit: string;
      readonly usual: number;
    }
  /** 0 to 100, fractions allowed. */
  | { readonly kind: 'percentage'; readonly usual: number }
  /** A list of texts, or one text alone. */
  | { readonly kind: 'texts'; readonly allowed: string }
  | { readonly kind: 'path'; readonly allowed: string; readonly usual?: string }
  /** Names and values of the user's own. */
  | { readonly kind: 'pairs' }
  /** An object with keys of its own. */
  | { readonly kind: 'section'; readonly keys: KeyTable };

export interface KeyDescription {
  readonly form: KeyForm;
  /** Where it has no fixed default: what happens without it, in a few words. */
  readonly without?: string;
  /** For people, in Markdown; one sentence or two. */
  readonly meaning: string;
  readonly required?: true;
}

/** Names, spelled as they are documented, in the order of the documentation. */
export type KeyTable = { readonly [name: string]: KeyDescription };

/** The names of a table's keys of one form. */
export type KeysOf<Table extends KeyTable, Kind extends KeyForm['kind']> = {
  [Name in keyof Table & string]: Table[Name]['form']['kind'] extends Kind ? Name : never;
}[keyof Table & string];

/** The default as it would be written in JSON; undefined where there is none. */
export function usualValue(form: KeyForm): string | number | boolean | undefined {
  switch (form.kind) {
    case 'flag':
      return false;
    case 'text':
    case 'path':
    case 'choice':
    case 'wholeNumber':
    case 'percentage':
      return form.usual;
    default:
      return undefined;
  }
}
