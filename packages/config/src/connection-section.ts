import type { ConnectionSettings } from './connection-settings.ts';
import { readAuthType, readCredentials } from './credentials.ts';
import { readOptions } from './fulfill-options.ts';
import { findNearMiss } from './near-miss.ts';
import { quote, type Remarks } from './remarks.ts';
import { SectionReader } from './section-reader.ts';
import { readConnectAddress, readServers } from './server-address.ts';
import type { SettingSection } from './setting-value.ts';

/** The keys of a connection, in the order of the documentation. */
export const connectionKeys = [
  'Server',
  'ConnectAddress',
  'CaFile',
  'PowerShellScriptPath',
  'ExportScriptPath',
  'FulfillScriptPath',
  'AuthType',
  'Login',
  'Password',
  'Options',
  'Keytab',
  'Principal',
  'Realm',
  'DomainController',
  'GlobalCatalog',
  'OverlapMinutes',
  'Shells',
  'ShellSpacingSeconds',
  'OperationTimeoutSeconds',
  'ValueSeparator',
  'Bom',
  'AdditionalColumns',
  'IncludeArbitration',
  'IncludePublicFolder',
  'IncludeAuditLog',
  'IncludeMonitoring',
  'OrganizationalUnits',
  'Databases',
  'RecipientTypeDetails',
  'Filter',
  'MaximumInsertedLines',
  'MaximumUpdatedLines',
  'MaximumDeletedLines',
  'MaxPercentageInsertedLines',
  'MaxPercentageUpdatedLines',
  'MaxPercentageDeletedLines',
  'ProtectedMailboxes',
  'ProtectedDatabases',
  'AllowRemoveMailbox',
  'WaitForMove',
  'RequireAcknowledge',
  'EncryptOutput',
  'AllowUnencryptedBasic',
] as const; // prettier-ignore

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

const mostShells = 18; // the concurrency that Exchange's default throttling policy grants one account
const week = 7 * 24 * 60;
const hour = 60 * 60;
const day = 24 * hour;

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
  const allowed =
    'one to eight characters that no address could hold there: no letter, digit, quote, %, ":", "-" or line break';
  const text = value.kind === 'text' ? value.value : '';
  if (text.length >= 1 && text.length <= 8 && !notInSeparator.test(text)) return text;
  return reader.refuse('ValueSeparator', value, allowed) ?? ' ';
}

function readAdditionalColumns(reader: SectionReader): readonly string[] {
  const allowed = 'the name of a mailbox property, letters, digits and "_"';
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
  const allowed = `the name of a mailbox type, like ${mailboxTypes.at(-1)} or SharedMailbox`;
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

const lines = { least: 0, most: 2 ** 31 - 1, unit: 'lines; 0 turns the threshold off' };

function readThresholds(reader: SectionReader) {
  return {
    maximumInsertedLines: reader.wholeNumber('MaximumInsertedLines', 100, lines),
    maximumUpdatedLines: reader.wholeNumber('MaximumUpdatedLines', 100, lines),
    maximumDeletedLines: reader.wholeNumber('MaximumDeletedLines', 100, lines),
    maxPercentageInsertedLines: reader.percentage('MaxPercentageInsertedLines', 5),
    maxPercentageUpdatedLines: reader.percentage('MaxPercentageUpdatedLines', 5),
    maxPercentageDeletedLines: reader.percentage('MaxPercentageDeletedLines', 5),
  };
}

/** To write readable what was to be encrypted would be worse than to write nothing. */
function readEncryptOutput(reader: SectionReader): boolean {
  const wanted = reader.flag('EncryptOutput');
  if (wanted)
    reader.remarks.error(
      reader.originOf('EncryptOutput'),
      'asks for encrypted files, which this version does not write; leave it out to have them readable',
    );
  return wanted;
}

/** A list of names, each once, without the blanks around it. */
function readNames(reader: SectionReader, key: string, allowed: string): readonly string[] {
  const names = new Map<string, string>();
  for (const { text } of reader.texts(key, allowed)) names.set(text.trim().toLowerCase(), text.trim());
  return [...names.values()];
}

function readCaFile(reader: SectionReader): string | undefined {
  const isPem = (start: Buffer) =>
    start.includes('-----BEGIN CERTIFICATE-----') || start.includes('-----BEGIN TRUSTED CERTIFICATE-----');
  return reader.existingFile('CaFile', 'the path of a PEM file of certificates (-----BEGIN CERTIFICATE-----)', isPem);
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
  const allowed = 'the path of a PowerShell script';
  const either = reader.path('PowerShellScriptPath', allowed);
  const ofExport = reader.path('ExportScriptPath', allowed);
  const ofFulfillment = reader.path('FulfillScriptPath', allowed);
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
    readonly givenPassword: { readonly text: string; readonly wins: boolean } | undefined;
  },
): { readonly settings: ConnectionSettings; readonly passwordMissing: boolean } {
  const reader = new SectionReader(section, remarks, context.settingsFolder);
  const authType = readAuthType(reader);
  const servers = readServers(reader, authType);
  const { passwordMissing, ...credentials } = readCredentials(reader, authType, servers, context.givenPassword);
  const options = readOptions(reader, authType, context.settingsFolder);
  if (options !== undefined) remarkOnNames(options.section, ['AuthType', 'Server', 'Login', 'Password'], remarks);
  const scripts = readScripts(reader, options !== undefined);
  const names = (key: string, allowed: string) => reader.texts(key, allowed).map(({ text }) => text);
  const settings: ConnectionSettings = {
    id,
    servers,
    connectAddress: readConnectAddress(reader),
    caFile: readCaFile(reader),
    ...credentials,
    exportScriptPath: scripts.export,
    fulfillScriptPath: scripts.fulfill,
    fulfillOptions: options?.pairs ?? [],
    allowRemoveMailbox: reader.flag('AllowRemoveMailbox'),
    waitForMove: reader.flag('WaitForMove'),
    domainController: reader.text('DomainController', 'the name of a domain controller'),
    globalCatalog: reader.text('GlobalCatalog', 'the name of a global catalog server'),
    operationTimeoutMs:
      reader.wholeNumber('OperationTimeoutSeconds', 60, { least: 1, most: hour, unit: 'seconds' }) * 1000,
    valueSeparator: readValueSeparator(reader),
    bom: reader.flag('Bom'),
    additionalColumns: readAdditionalColumns(reader),
    includeArbitration: reader.flag('IncludeArbitration'),
    includePublicFolder: reader.flag('IncludePublicFolder'),
    includeAuditLog: reader.flag('IncludeAuditLog'),
    includeMonitoring: reader.flag('IncludeMonitoring'),
    organizationalUnits: names('OrganizationalUnits', 'the name of an organizational unit, contoso.com/Sales'),
    databases: names('Databases', 'the name of a mailbox database'),
    recipientTypeDetails: readRecipientTypes(reader),
    filter: reader.text('Filter', 'a filter as Get-Mailbox -Filter takes it'),
    shells: reader.wholeNumber('Shells', 1, { least: 1, most: mostShells, unit: 'sessions at a time' }),
    shellSpacingMs: reader.wholeNumber('ShellSpacingSeconds', 20, { least: 0, most: day, unit: 'seconds' }) * 1000,
    overlapMinutes: reader.wholeNumber('OverlapMinutes', 60, { least: 0, most: week, unit: 'minutes' }),
    ...readThresholds(reader),
    protectedMailboxes: readNames(reader, 'ProtectedMailboxes', 'the name of a mailbox'),
    protectedDatabases: readNames(reader, 'ProtectedDatabases', 'the name of a database'),
    requireAcknowledge: reader.flag('RequireAcknowledge'),
    encryptOutput: readEncryptOutput(reader),
    deactivated: 'nothing',
  };
  remarkOnNames(section, connectionKeys, remarks);
  return { settings, passwordMissing };
}
