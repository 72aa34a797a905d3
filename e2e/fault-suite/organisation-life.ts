/* What happens in an organisation between two exports. */
import type { TestOrganization } from '@exchange-connector/exchange-simulator';
import type { SeededNumbers } from './seeded-numbers.ts';

/** Changes of every kind that an increment has to tell; few enough to pass no threshold. */
export class OrganisationLife {
  readonly #organization: TestOrganization;
  readonly #numbers: SeededNumbers;
  #made = 0;

  constructor(organization: TestOrganization, numbers: SeededNumbers) {
    this.#organization = organization;
    this.#numbers = numbers;
  }

  change(): void {
    const organization = this.#organization;
    this.#made += 1;
    const live = [...organization.truth().mailboxes()]
      .filter((mailbox) => mailbox.hiddenBehind === undefined)
      .map((mailbox) => mailbox.guid);
    const next = (): string => this.#numbers.take(live);
    const database = (): string => {
      const { databases } = organization;
      return databases[this.#numbers.below(databases.length)]?.guid ?? '';
    };
    // As many come as go.
    for (let made = 0; made < 3; made += 1) organization.change({ kind: 'createMailbox', database: database() });
    for (let made = 0; made < 6; made += 1)
      organization.change({
        kind: 'setMailbox',
        mailbox: next(),
        properties: { displayName: `Changed ${this.#made}, "${made}"` },
      });
    organization.change({ kind: 'renameMailbox', mailbox: next(), name: `Renamed ${this.#made}` });
    organization.change({ kind: 'moveMailbox', mailbox: next(), database: database() });
    organization.change({ kind: 'disableMailbox', mailbox: next() });
    organization.change({ kind: 'removeMailbox', mailbox: next() });
    organization.change({ kind: 'removeMailbox', mailbox: next() });
  }
}
