/*
 * Message bodies and files of CLIXML: what stands around the values ([MS-PSRP] 2.2.5, Export-Clixml).
 */
import { psNull } from './construct.ts';
import { type CliXmlLimits, completeLimits } from './limits.ts';
import { CliXmlReader, type CliXmlReadingHooks } from './reader.ts';
import { Tag, tagNames } from './tag.ts';
import { decodeText } from './text-decoding.ts';
import type { PsValue } from './value.ts';
import type { XmlCursor } from './xml-cursor.ts';

/**
 * Reads one value, as the body of a PSRP message holds it ([MS-PSRP] 2.2.5).
 *
 * @param body UTF-8 (or UTF-16 with a byte-order mark); a byte-order mark and an XML declaration are let pass.
 *   An empty body is `$null`: so PowerShell sends it as pipeline output and input.
 * @param options limits, see {@link CliXmlLimits}, and hooks, see {@link CliXmlReadingHooks}
 * @returns the value. References are resolved to the very object, so that it can be shared and cyclic.
 * @throws {CliXmlError} `PSRP_CLIXML_INVALID` when the bytes are no CLIXML, `PSRP_LIMIT_EXCEEDED`
 */
export function decodeCliXml(body: Uint8Array, options?: Partial<CliXmlLimits> & CliXmlReadingHooks): PsValue {
  const limits = completeLimits(options);
  if (body.length === 0) return psNull;
  return readBody(decodeText(body, limits), limits, options);
}

/** The one value of a body that is text already. */
export function readBody(text: string, limits: CliXmlLimits, hooks?: CliXmlReadingHooks): PsValue {
  const reader = new CliXmlReader(text, limits, hooks);
  const cursor: XmlCursor = reader.cursor;
  if (!cursor.next(0)) cursor.fail('there is no value in it');
  if (cursor.tag === Tag.Objs) cursor.fail('<Objs> is the root of a file, not of a message body', cursor.tagStart);
  const value = reader.readTopLevel();
  if (cursor.next(0)) cursor.fail(`a second value <${tagNames[cursor.tag]}> follows the first`, cursor.tagStart);
  return value;
}

/**
 * Reads a file of CLIXML: `<Objs>` as Export-Clixml writes it, or bare values.
 *
 * @param bytes UTF-8 or UTF-16, with or without a byte-order mark
 * @param options limits, see {@link CliXmlLimits}; `maxValues` and `maxDepth` hold for each top-level value
 * @returns the top-level values, read as they are asked for; ids hold from each to the later ones
 * @throws {CliXmlError} while iterating, at the value that cannot be read
 */
export function* decodeCliXmlFile(
  bytes: Uint8Array,
  options?: Partial<CliXmlLimits> & CliXmlReadingHooks,
): Generator<PsValue, void, undefined> {
  const limits = completeLimits(options);
  const reader = new CliXmlReader(decodeText(bytes, limits), limits, options);
  const cursor: XmlCursor = reader.cursor;
  if (!cursor.next(0)) cursor.fail('there is no value in it');
  if (cursor.tag !== Tag.Objs) {
    do yield reader.readTopLevel();
    while (cursor.next(0));
    return;
  }
  if (!cursor.selfClosed) {
    while (cursor.next(Tag.Objs)) yield reader.readTopLevel();
  }
  if (cursor.next(0)) cursor.fail(`<${tagNames[cursor.tag]}> follows the end of <Objs>`, cursor.tagStart);
}
