/*
 * The JSON Schema (draft-07, which editors read) of the settings files, from the tables of keys. Names count without
 * regard to case when settings are read; a schema cannot say so, and completes them as they are documented.
 */
import { agentKeys } from './keys/agent-keys.ts';
import { connectionKeys, optionKeys } from './keys/connection-keys.ts';
import { type KeyForm, type KeyTable, usualValue } from './keys/key-form.ts';

/** A schema, as JSON. */
export type JsonSchema = { readonly [keyword: string]: unknown };

const booleanText = '^\\s*([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])\\s*$';
const wholeText = '^\\s*[+-]?\\d+(\\.0+)?\\s*$';
const numberText = '^\\s*[+-]?\\d+(\\.\\d+)?\\s*$';
const filled = { type: 'string', pattern: '\\S' } as const;

/** Either letter case of each letter: schemas know no flag for it. */
function anyCase(word: string): string {
  return [...word].map((letter) => `[${letter.toUpperCase()}${letter.toLowerCase()}]`).join('');
}

function schemaOf(form: KeyForm): JsonSchema {
  switch (form.kind) {
    case 'text':
    case 'path':
    case 'secret':
      return { type: ['string', 'null'] };
    case 'choice':
      return {
        anyOf: [
          { enum: form.values },
          { type: 'string', pattern: `^\\s*(${form.values.map(anyCase).join('|')})\\s*$` },
          { type: 'null' },
        ],
      };
    case 'flag':
      return { anyOf: [{ type: 'boolean' }, { type: 'string', pattern: booleanText }, { type: 'null' }] };
    case 'wholeNumber':
      return {
        anyOf: [
          { type: 'integer', minimum: form.least, maximum: form.most },
          { type: 'string', pattern: wholeText },
          { type: 'null' },
        ],
      };
    case 'percentage':
      return {
        anyOf: [
          { type: 'number', minimum: 0, maximum: 100 },
          { type: 'string', pattern: numberText },
          { type: 'null' },
        ],
      };
    case 'texts':
      return { anyOf: [filled, { type: 'array', items: filled }, { type: 'null' }] };
    case 'pairs':
      return optionsSchema();
    case 'section':
      return { type: ['object', 'null'], properties: propertiesOf(form.keys) };
  }
}

function optionsSchema(): JsonSchema {
  const known = Object.fromEntries(optionKeys.map((name) => [name, describe(name, connectionKeys[name])]));
  return { type: ['object', 'null'], properties: known, additionalProperties: { not: { type: 'object' } } };
}

function describe(name: string, { form, meaning }: { readonly form: KeyForm; readonly meaning: string }): JsonSchema {
  const usual = usualValue(form);
  const words = meaning.charAt(0).toUpperCase() + meaning.slice(1);
  return {
    title: name,
    description: words.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', ''),
    ...(usual === undefined ? {} : { default: usual }),
    ...schemaOf(form),
  };
}

function propertiesOf(keys: KeyTable): { readonly [name: string]: JsonSchema } {
  return Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, describe(name, key)]));
}

function connectionsSchema(): JsonSchema {
  return {
    title: 'Connections',
    description: 'Connections to Exchange organisations, each under its identifier.',
    type: 'object',
    propertyNames: {
      description: 'Begins with a letter, then at most 441 of letters, digits, "." and "-".',
      pattern: '^[A-Za-z][A-Za-z0-9.-]{0,441}$',
    },
    additionalProperties: { type: 'object', properties: propertiesOf(connectionKeys) },
  };
}

/** The settings files, and which of their schemas is wanted. */
export type SchemaFile = 'appsettings.json' | 'appsettings.agent.json' | 'both';

/**
 * The JSON Schema of `appsettings.agent.json`, of `appsettings.json`, or one that fits both, as they have no key in
 * common. No key is required: another source may give it.
 */
export function settingsSchema(file: SchemaFile): JsonSchema {
  const ofAgent = propertiesOf(agentKeys);
  const ofConnections = { Connections: connectionsSchema() };
  const $schema = { type: 'string', description: 'Names this schema, for editors.' };
  const properties =
    file === 'both'
      ? { $schema, ...ofConnections, ...ofAgent }
      : { $schema, ...(file === 'appsettings.json' ? ofAgent : ofConnections) };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: file === 'both' ? 'Settings of exchange-connector' : `${file} of exchange-connector`,
    type: 'object',
    properties,
  };
}
