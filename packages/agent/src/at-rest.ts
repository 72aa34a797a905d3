/*
 * Encryption at rest (`EncryptOutput`). What people and other programs are given is an envelope to the certificate
 * (CMS). What the agent keeps for itself between runs is sealed with a key of its own, `state-key.json` in the work
 * folder, which is encrypted to the certificate: one operation of the private key opens any number of files, and a
 * file can be read at any position.
 */
import { join } from 'node:path';
import type { AgentFolders, CertificateSettings, ConnectionSettings, Environment } from '@exchange-connector/config';
import type { PositionalCipher, ReadableBytes } from '@exchange-connector/protection';
import { AgentError, fileFailed } from './errors.ts';
import { makeFolder } from './folder.ts';

/** Turns the bytes of one file into what is written, from front to back. */
export interface Sealing {
  add(chunk: Uint8Array): Uint8Array;
  /** The last bytes; without them, the file cannot be opened. */
  finish(): Uint8Array;
}

/** Ciphers for files of rows: they hide, the rows' own checksums tell damage. */
export interface RowCiphers {
  /** For a new file. */
  create(): PositionalCipher;
  /** For a file that was written before. */
  reopen(iv: string): PositionalCipher;
}

/** Seals and opens the lines of journals. */
export interface LineSeal {
  /** One line of a journal: no white space in it. */
  sealText(text: string): string;
  /** Undefined where it was changed, or sealed with another key. */
  openText(sealed: string): string | undefined;
}

/** How a run encrypts what it writes. */
export interface AtRest extends LineSeal {
  /** For a file that people and other programs open with the certificate's key: CMS AuthEnvelopedData. */
  newEnvelope(): Sealing;
  /** For a file that a later run of this program reads, at any position. */
  newSealedState(): Sealing;
  /** @param path for messages */
  openSealedState(source: ReadableBytes, path: string): ReadableBytes;
  readonly rows: RowCiphers;
  /** What is to be told about the certificate: its validity ends within 30 days. */
  readonly warnings: readonly string[];
}

/** Where the certificate is. */
export interface EncryptionSource {
  readonly certificate: CertificateSettings | undefined;
  /** May hold the key of a wrapped password. */
  readonly environment: Environment;
}

/** The file of the key that seals the state of all connections of a work folder. */
export function stateKeyPath(folders: AgentFolders): string {
  return join(folders.work, 'state-key.json');
}

/**
 * Makes ready what a connection with `EncryptOutput` needs; undefined for one without.
 * @throws AgentError RUN_SETTINGS_UNUSABLE where there is no certificate; ProtectionError
 */
export async function openAtRest(request: {
  readonly connection: Pick<ConnectionSettings, 'encryptOutput' | 'id'>;
  readonly folders: AgentFolders;
  readonly encryption?: EncryptionSource | undefined;
}): Promise<AtRest | undefined> {
  const { connection, folders, encryption } = request;
  if (!connection.encryptOutput) return undefined;
  const settings = encryption?.certificate;
  if (settings === undefined)
    throw new AgentError(
      'RUN_SETTINGS_UNUSABLE',
      `connection ${connection.id}: EncryptOutput is set, and the settings name no certificate to encrypt to`,
      { mend: 'name one in EncryptionCertificate of appsettings.json (docs/encryption-at-rest.md)' },
    );
  const protection = await import('@exchange-connector/protection');
  const passwordKey = { environment: encryption?.environment, file: settings.passwordKeyFile };
  const certificate = await protection.openCertificate(settings, { passwordKey });
  protection.requireValid(certificate);
  try {
    makeFolder(folders.work);
  } catch (cause) {
    throw fileFailed(`making ${folders.work}`, cause);
  }
  const stateKey = await protection.openStateKey(stateKeyPath(folders), certificate);
  const remark = protection.validityRemark(certificate, new Date());
  const rowKey = stateKey.derive('rows', new Uint8Array());
  return {
    newEnvelope: () => protection.createEnvelopeWriter(certificate),
    newSealedState: () => protection.createSealedBlocksWriter(stateKey),
    openSealedState: (source, path) => protection.openSealedBlocks(source, stateKey, path),
    sealText: (text) => stateKey.sealText(text),
    openText: (sealed) => stateKey.openText(sealed),
    warnings: remark === undefined ? [] : [remark],
    rows: {
      create: () => protection.createPositionalCipher(rowKey),
      reopen: (iv) => protection.createPositionalCipher(rowKey, iv),
    },
  };
}
