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
  readonly disconnectedAtMs: number;
}

const dayMs = 86_400_000;

function fileOf({ server, settings }: MailboxDatabase): string {
  return `${server.name}:${settings.edbFilePath}`.toLowerCase();
}

/** The disconnected mailboxes of all databases. */
export class DisconnectedMailboxes {
  readonly #byFile = new Map<string, Map<string, DisconnectedMailbox>>();

  /** An account loses a mailbox, now. */
  keep(mailbox: Recipient, nowMs: number): void {
    const { exchangeGuid: mailboxGuid, displayName, legacyExchangeDn } = mailbox;
    const file = fileOf(mailbox.database);
    const kept = this.#byFile.get(file) ?? new Map<string, DisconnectedMailbox>();
    this.#byFile.set(file, kept);
    kept.set(mailboxGuid, { mailboxGuid, displayName, legacyExchangeDn, disconnectedAtMs: nowMs });
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
