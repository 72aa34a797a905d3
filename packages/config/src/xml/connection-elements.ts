import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectionSettings } from '../connection-settings.ts';
import { findIdentifierFault } from '../identifier.ts';
import { quote, type Remarks } from '../remarks.ts';
import type { Origin } from '../setting-value.ts';
import { readXmlDocument, type TopElement } from './xml-document.ts';

/** The namespace of the product's configuration. */
export const configurationNamespace = 'urn:schemas-usercube-com:configuration';
/** The package whose connections are ours. */
export const exchangePackage = 'Usercube.MicrosoftExchange@0000001';

/** A `Connection` element. */
export interface XmlConnection {
  readonly id: string;
  readonly isOurs: boolean;
  readonly package: string;
  readonly deactivated: ConnectionSettings['deactivated'];
  readonly origin: Origin;
}

const mostBytes = 32 << 20;
const mostFiles = 10_000;

/** `0`, `1`, `2`, or the names that the product's schema gives them. */
const deactivations: ReadonlyMap<string, ConnectionSettings['deactivated']> = new Map([
  ['0', 'nothing'],
  ['none', 'nothing'],
  ['1', 'export'],
  ['export', 'export'],
  ['2', 'fulfillment'],
  ['fulfill', 'fulfillment'],
]);

/** The XML files of the folder and those below it; links inside are not followed. */
function findXmlFiles(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.xml$/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function readText(file: string, remarks: Remarks): string | undefined {
  const origin = { source: file, path: '', position: undefined };
  try {
    const { size } = statSync(file);
    if (size > mostBytes) {
      remarks.error(origin, `cannot be read: it has ${size} bytes; at most ${mostBytes} are read`);
      return undefined;
    }
    const bytes = readFileSync(file);
    if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
    if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : message;
    remarks.error(origin, `cannot be read: ${reason}`);
    return undefined;
  }
}

function readConnection(
  file: string,
  { attributes, position }: TopElement,
  remarks: Remarks,
): XmlConnection | undefined {
  const id = attributes.get('Identifier') ?? '';
  const origin = { source: file, path: `Connection ${quote(id)}`, position };
  const packageName = attributes.get('Package') ?? '';
  const isOurs = packageName.toLowerCase() === exchangePackage.toLowerCase();
  if (!isOurs) {
    const [name] = exchangePackage.split('@', 1);
    if (packageName.toLowerCase().startsWith(`${name?.toLowerCase()}@`))
      remarks.warn(origin, `has the package ${quote(packageName)}; this connector stands for ${exchangePackage}`);
    return id === '' ? undefined : { id, isOurs, package: packageName, deactivated: 'nothing', origin };
  }
  const fault = findIdentifierFault(id);
  if (fault !== undefined) remarks.error(origin, fault);
  for (const name of ['Connector', 'DisplayName_L1'])
    if (!attributes.get(name)) remarks.warn(origin, `has no ${name}, which the product's import requires`);
  const given = attributes.get('DeactivationExportFulfill') ?? '0';
  const deactivated = deactivations.get(given.trim().toLowerCase());
  if (deactivated === undefined)
    remarks.error(
      origin,
      `found DeactivationExportFulfill=${quote(given)}; allowed is 0 (None: both), 1 (Export: no export) or 2 (Fulfill: no fulfilment)`,
    );
  return { id, isOurs, package: packageName, deactivated: deactivated ?? 'nothing', origin };
}

/**
 * Reads the `Connection` elements of the XML configuration, by identifier in lower case. Files of other kinds are
 * passed over; a file that names connections and is no XML is refused, as it may switch one off.
 */
export function readXmlConnections(folder: string, remarks: Remarks): ReadonlyMap<string, XmlConnection> {
  const found = new Map<string, XmlConnection>();
  const files = findXmlFiles(folder);
  if (files.length > mostFiles) {
    const origin = { source: folder, path: '', position: undefined };
    remarks.error(origin, `holds ${files.length} XML files; at most ${mostFiles} are read`);
    return found;
  }
  for (const file of files) {
    const text = readText(file, remarks);
    if (text === undefined || !/<(?:[\w.-]+:)?Connection[\s/>]/.test(text)) continue;
    const document = readXmlDocument(text);
    if (document.kind === 'malformed') {
      remarks.error(
        { source: file, path: '', position: document.position },
        `is not well-formed XML: ${document.reason}`,
      );
      continue;
    }
    if (document.root !== 'ConfigurationFile' || document.namespace !== configurationNamespace) continue;
    for (const element of document.elements) {
      if (element.name !== 'Connection') continue;
      const connection = readConnection(file, element, remarks);
      if (connection === undefined) continue;
      const earlier = found.get(connection.id.toLowerCase());
      if (earlier === undefined) found.set(connection.id.toLowerCase(), connection);
      else remarks.error(connection.origin, `stands twice: also at ${placeOf(earlier.origin)}; keep one of them`);
    }
  }
  return found;
}

function placeOf({ source, position }: Origin): string {
  return position === undefined ? source : `${source}:${position.line}:${position.column}`;
}
