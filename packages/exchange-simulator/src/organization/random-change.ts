/*
 * Changes that a directory sees every day, made one after another without anybody choosing their objects: the
 * same seed gives the same ones. For organisations that live while they are read.
 */
import { guidAt, rootOf } from './hash.ts';
import type { TestOrganization } from './control.ts';
import { findRecipient } from './change.ts';
import type { Recipient } from './mailbox.ts';
import type { Organization } from './organization.ts';

/** Kinds of everyday change. */
export const everydayChanges = [
  'createMailbox',
  'setMailbox',
  'renameMailbox',
  'moveMailbox',
  'disableMailbox',
  'removeMailbox',
] as const;
export type EverydayChange = (typeof everydayChanges)[number];

const realmChoices = 16;
const attempts = 200;

export class EverydayLife {
  readonly #organization: Organization;
  readonly #control: TestOrganization;
  #count = 0;

  constructor(organization: Organization, control: TestOrganization) {
    this.#organization = organization;
    this.#control = control;
  }

  /** Makes one change; false where no mailbox is left that it could be made to. */
  make(kind: EverydayChange): boolean {
    this.#count += 1;
    const count = this.#count;
    if (kind === 'createMailbox') {
      this.#control.change({ kind: 'createMailbox' });
      return true;
    }
    const mailbox = this.#choose();
    if (mailbox === undefined) return false;
    const { guid } = mailbox;
    switch (kind) {
      case 'setMailbox':
        this.#control.change({
          kind: 'setMailbox',
          mailbox: mailbox.index,
          properties: { displayName: `${mailbox.name} (${count})`, note: `change ${count}` },
        });
        return true;
      case 'disableMailbox':
        this.#control.change({ kind: 'disableMailbox', mailbox: mailbox.index });
        return true;
      case 'removeMailbox':
        this.#control.change({ kind: 'removeMailbox', mailbox: mailbox.index });
        return true;
      case 'renameMailbox':
        this.#control.change({
          kind: 'renameMailbox',
          mailbox: mailbox.index,
          name: `Renamed ${count} ${guid.slice(0, 8)}`,
        });
        return true;
      case 'moveMailbox': {
        const { databases } = this.#organization.defaultController(this.#organization.rootDomain.name);
        const place = databases.findIndex((database) => database.guid === mailbox.database.guid);
        const target = databases[(place + 1) % databases.length];
        if (target !== undefined)
          this.#control.change({ kind: 'moveMailbox', mailbox: mailbox.index, database: target.guid });
        return target !== undefined;
      }
    }
  }

  #choose(): Recipient | undefined {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const digits = guidAt(rootOf(this.#organization.seed, realmChoices, this.#count * attempts + attempt), 0);
      const found = findRecipient(
        this.#organization,
        Number.parseInt(digits.slice(0, 8), 16) % Math.max(1, this.#organization.nextId),
      );
      if (found?.recipientClass === 'mailbox' && !found.isSystem) return found;
    }
    return undefined;
  }
}
