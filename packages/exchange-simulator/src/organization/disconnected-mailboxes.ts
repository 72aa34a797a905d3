/*
 * What stays in a database when an account loses its mailbox: the mailbox itself, until the database's retention
 * ends. It belongs to the database's file, not to the directory, so every server knows it at once.
 */
import type { MailboxDatabase } from './forest.ts';
import type { Recipient } from './mailbox.ts';

/** A mailbox that no account has. */
export interface DisconnectedMailbox {
  readonly mailboxGuid: string;
  readonly displayName: string;
  readonly legacyExchangeDn: string;
  readonly isArchive: boolean;
  readonly disconnectedAtMs: number;
}

const dayMs = 86_400_000;

function fileOf({ server, settings }: MailboxDatabase): string {
  return `${server.name}:${settings.edbFilePath}`.toLowerCase();
}

/** The disconnected mailboxes of all databases. */
export class DisconnectedMailboxes {
  readonly #byFile = new Map<string, Map<string, DisconnectedMailbox>>();

  copyFrom(other: DisconnectedMailboxes): void {
    for (const [file, kept] of other.#byFile) this.#byFile.set(file, new Map(kept));
  }

  /** An account loses a mailbox, now. */
  keep(mailbox: Recipient, nowMs: number): void {
    const { exchangeGuid: mailboxGuid, displayName, legacyExchangeDn } = mailbox;
    const what = { mailboxGuid, displayName, legacyExchangeDn, isArchive: false, disconnectedAtMs: nowMs };
    this.#in(mailbox.database).set(mailboxGuid, what);
    this.keepArchive(mailbox, nowMs);
  }

  /** An account loses its archive, if it has one, now. */
  keepArchive({ archiveGuid, archiveDatabase, displayName, legacyExchangeDn }: Recipient, nowMs: number): void {
    if (archiveGuid === undefined || archiveDatabase === undefined) return;
    this.#in(archiveDatabase).set(archiveGuid, {
      mailboxGuid: archiveGuid,
      displayName: `In-Place Archive - ${displayName}`,
      legacyExchangeDn,
      isArchive: true,
      disconnectedAtMs: nowMs,
    });
  }

  #in(database: MailboxDatabase): Map<string, DisconnectedMailbox> {
    const file = fileOf(database);
    const kept = this.#byFile.get(file) ?? new Map<string, DisconnectedMailbox>();
    this.#byFile.set(file, kept);
    return kept;
  }

  /** Those of a database whose retention has not ended. */
  in(database: MailboxDatabase, nowMs: number): readonly DisconnectedMailbox[] {
    const kept = this.#byFile.get(fileOf(database))?.values() ?? [];
    const oldestMs = nowMs - database.settings.mailboxRetentionDays * dayMs;
    return [...kept].filter(({ disconnectedAtMs }) => disconnectedAtMs > oldestMs);
  }

  /** An account has it again. */
  connected(database: MailboxDatabase, mailboxGuid: string): void {
    this.#byFile.get(fileOf(database))?.delete(mailboxGuid);
  }
}
