/*
 * Text inside CLIXML ([MS-PSRP] 2.2.5.3.2): C0 controls, DEL to NEL and every half of a surrogate pair are
 * written `_xHHHH_`, and so is an underscore that could be taken for the beginning of one. The code points
 * U+FFFE and U+FFFF come out as character references, as XmlWriter makes them with character checks off.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must be found
const special = /[&<>\u0000-\u001f\u007f-\u0085\ud800-\udfff\ufffe\uffff]|_[xX]/;

function escapeUnit(code: number, next: number): string | undefined {
  if (code === 0x26) return '&amp;';
  if (code === 0x3c) return '&lt;';
  if (code === 0x3e) return '&gt;';
  if (code >= 0xfffe) return `&#x${code.toString(16).toUpperCase()};`;
  const encoded = code < 0x20 || (code >= 0x7f && code <= 0x85) || (code >= 0xd800 && code <= 0xdfff);
  const underscore = code === 0x5f && (next === 0x78 || next === 0x58);
  return encoded || underscore ? `_x${code.toString(16).toUpperCase().padStart(4, '0')}_` : undefined;
}

/** Encodes the text of an element. */
export function clixmlText(text: string): string {
  if (!special.test(text)) return text;
  let result = '';
  for (let index = 0; index < text.length; index += 1) {
    result += escapeUnit(text.charCodeAt(index), text.charCodeAt(index + 1)) ?? text[index];
  }
  return result;
}

const attributes = new Map<string, string>();
/** Names of properties are few; those that a client makes up are not remembered without end. */
const rememberedAttributes = 2_000;

/** A name as the attribute `N`, with the space before it. */
export function nameAttribute(name: string): string {
  let attribute = attributes.get(name);
  if (attribute === undefined) {
    attribute = ` N="${clixmlText(name).replaceAll('"', '&quot;')}"`;
    if (attributes.size < rememberedAttributes) attributes.set(name, attribute);
  }
  return attribute;
}
