/*
 * A small tree over the scanner, for the parts of an envelope that are read by name and not in bulk, and
 * the escaping of text that is written.
 */
import type { XmlScanner } from './xml-scanner.ts';

/** An element with its children and the text directly inside it, in order, joined. */
export interface XmlElement {
  readonly namespace: string;
  readonly name: string;
  readonly children: readonly XmlElement[];
  readonly text: string;
  readonly attribute: (name: string, namespace?: string) => string | undefined;
  /** The namespace of a prefix where the element stands. */
  readonly resolvePrefix: (prefix: string) => string | undefined;
}

/** Names of the attributes that envelopes use; the tree keeps these only. */
const keptAttributes = [
  'Name',
  'CommandId',
  'ShellId',
  'State',
  'Code',
  'Machine',
  'SequenceId',
  'End',
  'MustComply',
  'provider',
  'providerId',
  'path',
] as const;

/** Reads the element just started, and all inside it. */
export function readElement(scanner: XmlScanner): XmlElement {
  const { namespace, name } = scanner;
  const attributes = new Map<string, string>();
  for (const kept of keptAttributes) {
    const value = scanner.attribute(kept);
    if (value !== undefined) attributes.set(kept, value);
  }
  const language = scanner.attribute('lang', 'http://www.w3.org/XML/1998/namespace');
  const prefixes = scanner.prefixes();
  const children: XmlElement[] = [];
  let text = '';
  for (;;) {
    const token = scanner.next();
    if (token === 'start') children.push(readElement(scanner));
    else if (token === 'text') text += scanner.text();
    else break;
  }
  return {
    namespace,
    name,
    children,
    text,
    attribute: (wanted, inNamespace = '') =>
      inNamespace === '' ? attributes.get(wanted) : wanted === 'lang' ? language : undefined,
    resolvePrefix: (prefix) => prefixes.get(prefix),
  };
}

/** The first child of that name. */
export function child(element: XmlElement | undefined, namespace: string, name: string): XmlElement | undefined {
  return element?.children.find((candidate) => candidate.name === name && candidate.namespace === namespace);
}

/** All text of an element and the elements inside it, white space run together. */
export function deepText(element: XmlElement): string {
  const own = element.text;
  const inner = element.children.map(deepText).join(' ');
  return `${own} ${inner}`.replace(/\s+/g, ' ').trim();
}

const escapes: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '"': '&quot;',
  '\r': '&#13;',
  '\n': '&#10;',
  '\t': '&#9;',
};

/** Escapes text for an element or a double-quoted attribute; a character that XML cannot carry becomes U+FFFD. */
export function escapeXml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML 1.0 cannot carry
  const clean = text.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');
  return clean.replace(/[<>&"\r\n\t]/g, (character) => escapes[character] as string);
}
