/* Batches of orders drawn from a seed: every kind of order, many on the same few objects, some of them wrong. */
import type { Fault, NativeRehearsal } from './native-rehearsal.ts';
import { databaseOrder, mailboxOrder } from './native-rehearsal.ts';

/** Numbers from a seed: the same seed gives the same numbers (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to below `sides`. */
  below(sides: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * sides);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('there is nothing to pick from');
    return item;
  }
}

/** A mailbox that orders may be about. */
export interface Person {
  readonly sam: string;
  readonly addresses: readonly string[];
  readonly primary: string;
  readonly database: string;
}

/** The user mailboxes of the root domain. */
export function people(place: NativeRehearsal): Person[] {
  const root = place.organization.domains[0];
  return [...place.organization.truth().mailboxes()]
    .filter(({ domain, properties }) => domain === root && properties['RecipientTypeDetails'] === 'UserMailbox')
    .map(({ properties }) => ({
      sam: String(properties['SamAccountName']),
      addresses: properties['EmailAddresses'] as string[],
      primary: String(properties['PrimarySmtpAddress']),
      database: String(properties['Database']),
    }));
}

/** Accounts of the root domain without a mailbox. */
export function accounts(place: NativeRehearsal): string[] {
  const root = `${place.organization.domains[0]}/`;
  return [...place.organization.truth().others()]
    .filter(({ recipientClass, canonicalName }) => recipientClass === 'user' && canonicalName.startsWith(root))
    .map(({ samAccountName }) => samAccountName);
}

interface Draw {
  readonly dice: Dice;
  readonly people: readonly Person[];
  readonly accounts: readonly string[];
  readonly databases: readonly string[];
  readonly server: string;
}

function smtp(person: Person): string[] {
  return person.addresses.filter((address) => /^smtp:/i.test(address)).map((address) => address.slice(5));
}

/** A list of SMTP addresses as an order has it. */
function list(primary: string, ...others: readonly string[]): string {
  return [`SMTP:${primary}`, ...others.map((address) => `smtp:${address}`)].join(' ');
}

function orderOf(id: string, draw: Draw): object[] {
  const { dice } = draw;
  const one = dice.pick(draw.people);
  const two = dice.pick(draw.people);
  const key = { SamAccountName: one.sam };
  switch (dice.below(14)) {
    case 0:
    case 1:
      return [mailboxOrder(id, 'Modified', { DisplayName: `Renamed ${dice.below(5)}` }, key)];
    case 2:
      return [mailboxOrder(id, 'Modified', { PrimarySmtpAddress: `p${dice.below(12)}@example.test` }, key)];
    case 3:
      return [
        mailboxOrder(id, 'Modified', { EmailAddresses: list(one.primary, `s${dice.below(12)}@example.test`) }, key),
      ];
    case 4:
    case 5:
      // Two orders that exchange their primary addresses.
      return [
        mailboxOrder(`${id}a`, 'Modified', { EmailAddresses: list(two.primary) }, key),
        mailboxOrder(`${id}b`, 'Modified', { EmailAddresses: list(one.primary) }, { SamAccountName: two.sam }),
      ];
    case 6: {
      // An address passed on.
      const [given = one.primary] = smtp(one).filter((address) => address !== one.primary);
      return [
        mailboxOrder(`${id}a`, 'Modified', { EmailAddresses: list(two.primary, given) }, { SamAccountName: two.sam }),
        mailboxOrder(`${id}b`, 'Modified', { EmailAddresses: list(one.primary) }, key),
      ];
    }
    case 7:
      return [mailboxOrder(id, 'Modified', { Database: { Name: dice.pick(draw.databases) } }, key)];
    case 8:
      return [mailboxOrder(id, 'Deleted', {}, key)];
    case 9:
    case 10: {
      const account = dice.pick(draw.accounts);
      const more =
        dice.below(2) === 0
          ? {}
          : { EmailAddresses: list(`${account}@example.test`, `n${dice.below(9)}@example.test`) };
      return [
        mailboxOrder(id, 'Added', { SamAccountName: account, Database: { Name: dice.pick(draw.databases) }, ...more }),
      ];
    }
    case 11:
      return [databaseOrder(id, 'Added', { Name: `New DB ${dice.below(3)}`, Server: draw.server })];
    case 12:
      return [
        databaseOrder(id, 'Deleted', {}, { Name: dice.pick([`New DB ${dice.below(3)}`, draw.databases[0] ?? '']) }),
      ];
    default:
      return [
        dice.pick([
          mailboxOrder(id, 'Modified', { DisplayName: 'Nobody' }, { SamAccountName: 'no.such.account' }),
          mailboxOrder(
            id,
            'Modified',
            { PrimarySmtpAddress: 'x@example.test', EmailAddresses: 'SMTP:y@example.test' },
            key,
          ),
          mailboxOrder(id, 'Renamed', {}, key),
        ]),
      ];
  }
}

/** Orders from a seed, about few objects, so that they meet. */
export function randomBatch(place: NativeRehearsal, dice: Dice, count: number): object[] {
  const all = people(place);
  const draw: Draw = {
    dice,
    people: all.slice(0, Math.min(all.length, 4 + dice.below(12))),
    accounts: accounts(place),
    databases: place.organization.databases.map(({ name }) => name),
    server: place.organization.databases[0]?.server ?? '',
  };
  const orders: object[] = [];
  for (let id = 1; orders.length < count; id += 1) orders.push(...orderOf(String(id), draw));
  return orders;
}

const faults: readonly Fault[] = ['lostBefore', 'lostAfter', 'transientBefore', 'transientAfter', 'refused'];

/** Which of the changing commands fail, and how. */
export function randomFaults(dice: Dice, commands: number): Map<number, Fault> {
  const drawn = new Map<number, Fault>();
  const oneIn = dice.pick([2, 4, 10, 1_000]);
  for (let at = 1; at <= commands; at += 1) if (dice.below(oneIn) === 0) drawn.set(at, dice.pick(faults));
  return drawn;
}
