import type { ConnectionSettings } from './connection-settings.ts';
import { readAuthType, readCredentials } from './credentials.ts';
import { readOptions } from './fulfill-options.ts';
import { connectionKeys, optionKeys } from './keys/connection-keys.ts';
import type { KeysOf } from './keys/key-form.ts';
import { findNearMiss } from './near-miss.ts';
import { quote, type Remarks } from './remarks.ts';
import { SectionReader } from './section-reader.ts';
import { readConnectAddress, readServers } from './server-address.ts';
import type { SettingSection } from './setting-value.ts';

/** The types of mailboxes that Get-Mailbox can be asked for; others are passed on with a warning. */
const mailboxTypes = [
  'DiscoveryMailbox',
  'EquipmentMailbox',
  'GroupMailbox',
  'LegacyMailbox',
  'LinkedMailbox',
  'LinkedRoomMailbox',
  'RoomMailbox',
  'SchedulingMailbox',
  'SharedMailbox',
  'TeamMailbox',
  'UserMailbox',
]; // prettier-ignore

const knownNames = Object.keys(connectionKeys);

/** Remarks on names that nobody reads: a slip of the pen in one of them would otherwise change nothing, silently. */
export function remarkOnNames(section: SettingSection, known: readonly string[], remarks: Remarks): void {
  for (const [key, { name, value }] of section.members) {
    const same = known.find((candidate) => candidate.toLowerCase() === key);
    if (same === name) continue;
    if (same !== undefined) {
      // Names of environment variables are often written in capitals throughout.
      if (value.origin.position !== undefined)
        remarks.warn(value.origin, `is read as ${same}, which is how it is spelled`);
      continue;
    }
    const near = findNearMiss(name, known);
    if (near !== undefined) remarks.warn(value.origin, `is not a known name and has no effect; did you mean ${near}?`);
  }
}

/**
 * What would make a cell of addresses ambiguous: the characters of an address type's prefix (`smtp:`, `x-y:`), the
 * sign of the escape, and what an eye, an editor or a CSV reader loses: marks, invisible and half characters.
 */
const notInSeparator = /(?!\t)[\p{L}\p{N}\p{M}\p{C}"'%:\-\u2028\u2029]/u;

function readValueSeparator(reader: SectionReader): string {
  const value = reader.find('ValueSeparator');
  if (value === undefined) return ' ';
  const { allowed } = connectionKeys.ValueSeparator.form;
  const text = value.kind === 'text' ? value.value : '';
  if (text.length >= 1 && text.length <= 8 && !notInSeparator.test(text)) return text;
  return reader.refuse('ValueSeparator', value, allowed) ?? ' ';
}

function readAdditionalColumns(reader: SectionReader): readonly string[] {
  const { allowed } = connectionKeys.AdditionalColumns.form;
  const columns = new Map<string, string>();
  for (const { text, value } of reader.texts('AdditionalColumns', allowed)) {
    const name = text.trim();
    if (!/^[A-Za-z][A-Za-z0-9_]{0,199}$/.test(name)) reader.refuse('AdditionalColumns', value, allowed);
    else if (columns.has(name.toLowerCase()))
      reader.remarks.error(value.origin, `names the column ${quote(name)} a second time; allowed is each name once`);
    else columns.set(name.toLowerCase(), name);
  }
  return [...columns.values()];
}

function readRecipientTypes(reader: SectionReader): readonly string[] {
  const { allowed } = connectionKeys.RecipientTypeDetails.form;
  const types: string[] = [];
  for (const { text, value } of reader.texts('RecipientTypeDetails', allowed)) {
    const name = text.trim();
    const known = mailboxTypes.find((type) => type.toLowerCase() === name.toLowerCase());
    if (!/^[A-Za-z]+$/.test(name)) reader.refuse('RecipientTypeDetails', value, allowed);
    else if (known === undefined)
      reader.remarks.warn(
        value.origin,
        `${quote(name)} is none of the mailbox types known (${mailboxTypes.join(', ')}); it is passed on as it is`,
      );
    types.push(known ?? name);
  }
  return types;
}

type Keys = typeof connectionKeys;

/** Reads keys as the table describes them. */
class ConnectionReader {
  readonly #reader: SectionReader;

  constructor(reader: SectionReader) {
    this.#reader = reader;
  }

  flag(name: KeysOf<Keys, 'flag'>): boolean {
    return this.#reader.flag(name);
  }

  text(name: KeysOf<Keys, 'text'>): string | undefined {
    return this.#reader.text(name, connectionKeys[name].form.allowed);
  }

  wholeNumber(name: KeysOf<Keys, 'wholeNumber'>): number {
    const { form } = connectionKeys[name];
    return this.#reader.wholeNumber(name, form.usual, form);
  }

  percentage(name: KeysOf<Keys, 'percentage'>): number {
    return this.#reader.percentage(name, connectionKeys[name].form.usual);
  }

  texts(name: KeysOf<Keys, 'texts'>): readonly string[] {
    return this.#reader.texts(name, connectionKeys[name].form.allowed).map(({ text }) => text);
  }

  /** Names, each once, without the blanks around them. */
  names(name: KeysOf<Keys, 'texts'>): readonly string[] {
    const names = new Map<string, string>();
    for (const text of this.texts(name)) names.set(text.trim().toLowerCase(), text.trim());
    return [...names.values()];
  }

  path(name: KeysOf<Keys, 'path'>): string | undefined {
    return this.#reader.path(name, connectionKeys[name].form.allowed);
  }
}

function readThresholds(keys: ConnectionReader) {
  return {
    maximumInsertedLines: keys.wholeNumber('MaximumInsertedLines'),
    maximumUpdatedLines: keys.wholeNumber('MaximumUpdatedLines'),
    maximumDeletedLines: keys.wholeNumber('MaximumDeletedLines'),
    maxPercentageInsertedLines: keys.percentage('MaxPercentageInsertedLines'),
    maxPercentageUpdatedLines: keys.percentage('MaxPercentageUpdatedLines'),
    maxPercentageDeletedLines: keys.percentage('MaxPercentageDeletedLines'),
  };
}

/** To write readable what was to be encrypted would be worse than to write nothing. */
function readEncryptOutput(reader: SectionReader, hasCertificate: boolean): boolean {
  const wanted = reader.flag('EncryptOutput');
  if (wanted && !hasCertificate)
    reader.remarks.error(
      reader.originOf('EncryptOutput'),
      'asks for encrypted files, and there is no certificate to encrypt them to; name one in EncryptionCertificate of appsettings.json',
    );
  return wanted;
}

function readCaFile(reader: SectionReader): string | undefined {
  const isPem = (start: Buffer) =>
    start.includes('-----BEGIN CERTIFICATE-----') || start.includes('-----BEGIN TRUSTED CERTIFICATE-----');
  return reader.existingFile('CaFile', connectionKeys.CaFile.form.allowed, isPem);
}

interface Scripts {
  readonly export: string | undefined;
  readonly fulfill: string | undefined;
}

/** Every export needs it, so that it is not there is said before anything is contacted. */
function requireExportScript(reader: SectionReader, key: string): void {
  const allowed = 'the path of a PowerShell script, a file whose name ends with .ps1';
  const path = reader.existingFile(key, allowed, () => true);
  const value = reader.find(key);
  if (path !== undefined && value !== undefined && !/\.ps1$/i.test(path)) reader.refuse(key, value, allowed);
}

/** In a section with `Options`, `PowerShellScriptPath` is the script of fulfilment, otherwise of the export. */
function readScripts(reader: SectionReader, hasOptions: boolean): Scripts {
  const keys = new ConnectionReader(reader);
  const either = keys.path('PowerShellScriptPath');
  const ofExport = keys.path('ExportScriptPath');
  const ofFulfillment = keys.path('FulfillScriptPath');
  const scripts = hasOptions
    ? { export: ofExport, fulfill: ofFulfillment ?? either }
    : { export: ofExport ?? either, fulfill: ofFulfillment };
  if (scripts.export !== undefined)
    requireExportScript(reader, ofExport === undefined ? 'PowerShellScriptPath' : 'ExportScriptPath');
  return scripts;
}

/**
 * Checks one connection. What is wrong goes to `remarks`; the result is to be used only where
 * there is no error among them.
 */
export function readConnection(
  id: string,
  section: SettingSection,
  remarks: Remarks,
  context: {
    readonly settingsFolder: string;
    /** What the XML configuration switches off for it. */
    readonly deactivated?: ConnectionSettings['deactivated'];
    readonly givenPassword: { readonly text: string; readonly wins: boolean } | undefined;
    /** `EncryptionCertificate` names one. */
    readonly hasCertificate?: boolean;
  },
): { readonly settings: ConnectionSettings; readonly passwordMissing: boolean } {
  const reader = new SectionReader(section, remarks, context.settingsFolder);
  const keys = new ConnectionReader(reader);
  const authType = readAuthType(reader);
  const servers = readServers(reader, authType);
  const { passwordMissing, ...credentials } = readCredentials(reader, authType, servers, context.givenPassword);
  const options = readOptions(reader, authType, context.settingsFolder);
  if (options !== undefined) remarkOnNames(options.section, optionKeys, remarks);
  const scripts = readScripts(reader, options !== undefined);
  const settings: ConnectionSettings = {
    id,
    servers,
    connectAddress: readConnectAddress(reader),
    caFile: readCaFile(reader),
    ...credentials,
    exportScriptPath: scripts.export,
    fulfillScriptPath: scripts.fulfill,
    fulfillOptions: options?.pairs ?? [],
    allowRemoveMailbox: keys.flag('AllowRemoveMailbox'),
    waitForMove: keys.flag('WaitForMove'),
    domainController: keys.text('DomainController'),
    globalCatalog: keys.text('GlobalCatalog'),
    operationTimeoutMs: keys.wholeNumber('OperationTimeoutSeconds') * 1000,
    valueSeparator: readValueSeparator(reader),
    bom: keys.flag('Bom'),
    additionalColumns: readAdditionalColumns(reader),
    includeArbitration: keys.flag('IncludeArbitration'),
    includePublicFolder: keys.flag('IncludePublicFolder'),
    includeAuditLog: keys.flag('IncludeAuditLog'),
    includeMonitoring: keys.flag('IncludeMonitoring'),
    organizationalUnits: keys.texts('OrganizationalUnits'),
    databases: keys.texts('Databases'),
    recipientTypeDetails: readRecipientTypes(reader),
    filter: keys.text('Filter'),
    shells: keys.wholeNumber('Shells'),
    shellSpacingMs: keys.wholeNumber('ShellSpacingSeconds') * 1000,
    overlapMinutes: keys.wholeNumber('OverlapMinutes'),
    ...readThresholds(keys),
    protectedMailboxes: keys.names('ProtectedMailboxes'),
    protectedDatabases: keys.names('ProtectedDatabases'),
    requireAcknowledge: keys.flag('RequireAcknowledge'),
    encryptOutput: readEncryptOutput(reader, context.hasCertificate === true),
    deactivated: context.deactivated ?? 'nothing',
  };
  remarkOnNames(section, knownNames, remarks);
  return { settings, passwordMissing };
}
