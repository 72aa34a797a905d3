/* XML as configuration has it. The one file that holds the parser; it expands no entity of a document's own. */
import { parseXml, XmlElement, XmlError } from '@rgrove/parse-xml';
import type { Position } from '../setting-value.ts';

/** One element of the document's top level, with its attributes by local name. */
export interface TopElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly position: Position;
}

export type XmlReading =
  | {
      readonly kind: 'document';
      readonly root: string;
      readonly namespace: string | undefined;
      readonly elements: readonly TopElement[];
    }
  | { readonly kind: 'malformed'; readonly position: Position | undefined; readonly reason: string };

/** Deeper than any configuration; the parser recurses, and its stack must not be the limit. */
const deepestNesting = 200;

function positionOf(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

/** Where the nesting becomes too deep; counted without recursion, and leniently: what is no XML the parser will tell. */
function findExcessiveNesting(text: string): number | undefined {
  let depth = 0;
  for (const match of text.matchAll(/<!--[\s\S]*?(?:-->|$)|<!\[CDATA\[[\s\S]*?(?:\]\]>|$)|<\/|<[^!?/][^<>]*?(\/?)>/g)) {
    if (match[0] === '</') depth -= 1;
    else if (match[1] === '') depth += 1;
    if (depth > deepestNesting) return match.index;
  }
  return undefined;
}

/** The prefix of a name is dropped: configuration uses one namespace. */
function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function namespaceOf(root: XmlElement): string | undefined {
  const prefix = root.name.includes(':') ? root.name.slice(0, root.name.indexOf(':')) : undefined;
  return root.attributes[prefix === undefined ? 'xmlns' : `xmlns:${prefix}`];
}

/** Reads a document's root and the elements directly inside it. */
export function readXmlDocument(text: string): XmlReading {
  const tooDeep = findExcessiveNesting(text);
  if (tooDeep !== undefined)
    return {
      kind: 'malformed',
      position: positionOf(text, tooDeep),
      reason: `it nests deeper than ${deepestNesting} elements`,
    };
  try {
    const { root } = parseXml(text, { includeOffsets: true });
    if (root === null) return { kind: 'malformed', position: undefined, reason: 'it has no root element' };
    // Lines are counted in one pass: offsets rise from element to element.
    let line = 1;
    let lineStart = 0;
    const elements = root.children.flatMap((child): TopElement[] => {
      if (!(child instanceof XmlElement)) return [];
      for (
        let next = text.indexOf('\n', lineStart);
        next >= 0 && next < child.start;
        next = text.indexOf('\n', lineStart)
      ) {
        line += 1;
        lineStart = next + 1;
      }
      const attributes = new Map(Object.entries(child.attributes).map(([name, value]) => [localName(name), value]));
      return [{ name: localName(child.name), attributes, position: { line, column: child.start - lineStart + 1 } }];
    });
    return { kind: 'document', root: localName(root.name), namespace: namespaceOf(root), elements };
  } catch (error) {
    if (!(error instanceof XmlError))
      return { kind: 'malformed', position: undefined, reason: (error as Error).message };
    const { line, column, message } = error;
    // The parser's message shows the lines around, which may hold anything.
    const reason = (message.split('\n', 1)[0] ?? '').replace(/ \(line \d+, column \d+\)$/, '');
    return { kind: 'malformed', position: { line, column }, reason };
  }
}
