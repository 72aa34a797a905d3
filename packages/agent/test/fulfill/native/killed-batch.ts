/* A batch of every kind of order, many of which wait for each other; sent a second time, it has nothing to do. */
import { databaseOrder, mailboxOrder, NativeRehearsal } from './native-rehearsal.ts';
import { accounts, people, type Person } from './random-batch.ts';
import { unguarded } from './random-check.ts';

/** Databases that nobody lives in: orders remove them. */
function oldDatabases(orders: number): string[] {
  return Array.from({ length: Math.ceil(orders / 20) + 1 }, (_, at) => `Old DB ${at}`);
}

/** A place that is large enough for a batch of so many orders. */
export function makePlace(orders: number): NativeRehearsal {
  const place = new NativeRehearsal(unguarded, {
    mailboxes: Math.max(120, orders * 5),
    users: Math.max(20, orders),
    databases: 6,
  });
  for (const name of oldDatabases(orders)) place.organization.change({ kind: 'createDatabase', name });
  return place;
}

/** Hands out what orders are about, each once: a second order about one thing would undo the first. */
class Supply {
  readonly databases: readonly string[];
  readonly server: string;
  readonly #people: Person[];
  readonly #accounts: string[];
  readonly #abroad: string[];

  constructor(place: NativeRehearsal) {
    const { organization } = place;
    const root = organization.domains[0];
    this.databases = organization.databases.map(({ name }) => name).filter((name) => !name.startsWith('Old '));
    this.server = organization.databases[0]?.server ?? '';
    this.#people = people(place);
    this.#accounts = accounts(place);
    this.#abroad = [...organization.truth().mailboxes()]
      .filter(({ domain, properties }) => domain !== root && properties['RecipientTypeDetails'] === 'UserMailbox')
      .map(({ guid }) => guid);
  }

  person(): Person {
    const person = this.#people.shift();
    if (person === undefined) throw new RangeError('the organisation is too small for so many orders');
    return person;
  }

  account(): string {
    return this.#accounts.shift() ?? 'no.such.account';
  }

  abroad(): string {
    return this.#abroad.shift() ?? '';
  }
}

const bySam = ({ sam }: Person): object => ({ SamAccountName: sam });
const list = (primary: string): object => ({ EmailAddresses: `SMTP:${primary}` });

/** Orders of one kind after the other, each with the number of its turn. */
function ordersOf(supply: Supply, kind: number, id: string, at: number): object[] {
  switch (kind) {
    case 0:
      return [mailboxOrder(id, 'Modified', { DisplayName: `Name ${at}` }, bySam(supply.person()))];
    case 1: {
      const [one, two] = [supply.person(), supply.person()];
      return [
        mailboxOrder(`${id}a`, 'Modified', list(two.primary), bySam(one)),
        mailboxOrder(`${id}b`, 'Modified', list(one.primary), bySam(two)),
      ];
    }
    case 2:
      return [
        mailboxOrder(id, 'Added', {
          SamAccountName: supply.account(),
          Database: { Name: supply.databases[at % supply.databases.length] },
        }),
      ];
    case 3: {
      const person = supply.person();
      const target = supply.databases.find((name) => name !== person.database);
      return [mailboxOrder(id, 'Modified', { Database: { Name: target } }, bySam(person))];
    }
    case 4:
      return [databaseOrder(id, 'Added', { Name: `New DB ${at}`, Server: supply.server })];
    case 5:
      return [mailboxOrder(id, 'Modified', { DisplayName: 'Nobody' }, { SamAccountName: `nobody${at}` })];
    case 6:
      return [mailboxOrder(id, 'Deleted', {}, bySam(supply.person()))];
    case 7: {
      // Three in a chain: the last gives up what the one before it takes.
      const [one, two, three] = [supply.person(), supply.person(), supply.person()];
      return [
        mailboxOrder(`${id}a`, 'Modified', list(two.primary), bySam(one)),
        mailboxOrder(`${id}b`, 'Modified', list(three.primary), bySam(two)),
        mailboxOrder(`${id}c`, 'Modified', list(`chain${at}@example.test`), bySam(three)),
      ];
    }
    case 8:
      return [
        mailboxOrder(
          id,
          'Modified',
          {
            CustomAttribute1: `value ${at}`,
            ProhibitSendReceiveQuota: '90 GB',
            PrimarySmtpAddress: `p${at}@example.test`,
          },
          bySam(supply.person()),
        ),
      ];
    case 9: {
      const { sam, primary } = supply.person();
      return [mailboxOrder(id, 'Modified', { PrimarySmtpAddress: primary }, { SamAccountName: sam })];
    }
    case 10: {
      const account = supply.account();
      return [
        mailboxOrder(id, 'Added', {
          SamAccountName: account,
          Database: { Name: supply.databases[0] },
          EmailAddresses: `SMTP:${account}@example.test smtp:also${at}@example.test`,
          DisplayName: `Added ${at}`,
        }),
      ];
    }
    case 11:
      return [databaseOrder(id, 'Deleted', {}, { Name: `Old DB ${Math.floor(at / kinds)}` })];
    case 12:
      return [
        databaseOrder(id, 'Modified', { IssueWarningQuota: `${40 + at} MB` }, { Name: supply.databases[0] }),
      ].slice(0, at < kinds ? 1 : 0);
    case 13: {
      const [one, holder] = [supply.person(), supply.person()];
      return [mailboxOrder(id, 'Modified', list(holder.primary), bySam(one))];
    }
    case 14: {
      const key = bySam(supply.person());
      return [
        mailboxOrder(`${id}a`, 'Modified', { Office: `Office ${at}` }, key),
        mailboxOrder(`${id}b`, 'Modified', { CustomAttribute2: `after ${at}` }, key),
      ];
    }
    default:
      return [mailboxOrder(id, 'Modified', { DisplayName: `Abroad ${at}` }, { Guid: supply.abroad() })];
  }
}

const kinds = 16;

/** So many orders for a place, of which as many as can be find what they are about untouched by others. */
export function killedBatch(place: NativeRehearsal, count: number): object[] {
  const supply = new Supply(place);
  const orders: object[] = [];
  for (let at = 0; orders.length < count; at += 1) orders.push(...ordersOf(supply, at % kinds, String(at + 1), at));
  return orders;
}
