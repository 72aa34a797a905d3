/* The part of a mailbox order that moves the mailbox to another database. */
import { sameField } from './field-rule.ts';
import type { DraftStep } from './draft.ts';
import type { Fields } from './field-value.ts';
import type { LiveObject } from './live-state.ts';
import { changedText } from './mailbox-kind.ts';
import { type MailboxContext, requireDatabase } from './mailbox-place.ts';
import type { Order } from './order.ts';
import { textField } from './organisation-view.ts';
import type { Check, ObjectIdentity, ParameterValue } from './plan.ts';
import { Refused } from './refused.ts';

/** The name under which plans speak of a queued move: no property of a mailbox, but a part of its state. */
export const moveField = 'MoveRequest';

export interface MovePart {
  readonly steps: readonly DraftStep[];
  readonly before: Fields;
  readonly after: Fields;
  readonly notes: readonly string[];
  readonly needs: readonly number[];
  /** For the orders after it. */
  readonly leaves: Fields;
}

const none: MovePart = { steps: [], before: {}, after: {}, notes: [], needs: [], leaves: {} };

function requestRead(object: ObjectIdentity): Check['read'] {
  return { kind: 'moveRequest', guid: object.guid ?? '', domain: object.domain };
}

function isEnded(status: string): boolean {
  return /^Completed/i.test(status);
}

/** A request that has ended stays behind, and keeps the mailbox from being moved again. */
function removeEnded(object: ObjectIdentity, status: string): DraftStep {
  return {
    cmdlet: 'Remove-MoveRequest',
    parameters: { Identity: object.guid ?? '' },
    object,
    purpose: `clear the ended move request of ${object.name}`,
    before: { [moveField]: status },
    after: { [moveField]: null },
    preconditions: [{ read: requestRead(object), expect: { kind: 'fields', fields: { Status: status } } }],
    expectation: [{ read: requestRead(object), expect: { kind: 'absent' } }],
    inverse: { kind: 'calls', calls: [], notes: ['the record of the ended move request is not made again'] },
    retry: undefined,
    follow: undefined,
    onFailure: 'leave',
  };
}

/** Waits for a move that somebody has asked for before. */
function followOnly(object: ObjectIdentity, from: string, to: string): DraftStep {
  return {
    cmdlet: 'Get-MoveRequestStatistics',
    parameters: { Identity: object.guid ?? '' },
    object,
    purpose: `wait for the move of ${object.name} to ${to}, which is queued already`,
    before: { Database: from },
    after: { Database: to },
    preconditions: [],
    expectation: [
      {
        read: { kind: 'mailbox', guid: object.guid ?? '', domain: object.domain },
        expect: { kind: 'fields', fields: { Database: to } },
      },
    ],
    inverse: { kind: 'calls', calls: [], notes: [] },
    retry: undefined,
    follow: 'move',
    onFailure: 'leave',
  };
}

/** Where the archive of a mailbox is that moves. */
interface ArchivePlace {
  /** It lies beside the mailbox, and goes with it; elsewhere it stays where it is. */
  readonly isBeside: boolean;
  readonly database: string;
}

function archiveOf(mailbox: LiveObject, from: string): ArchivePlace | undefined {
  const database = textField(mailbox, 'ArchiveDatabase');
  return database === '' ? undefined : { isBeside: sameField('name', database, from), database };
}

/** The fields of a mailbox that lies in a database, with the archive beside it. */
function placed(database: string, archive: ArchivePlace | undefined): Fields {
  return archive?.isBeside === true ? { Database: database, ArchiveDatabase: database } : { Database: database };
}

/** Without `-PrimaryOnly` Exchange moves the archive, too, wherever it is. */
function moveParameters(
  object: ObjectIdentity,
  to: string,
  archive: ArchivePlace | undefined,
): Readonly<Record<string, ParameterValue>> {
  const alone = archive?.isBeside === false ? { PrimaryOnly: true } : {};
  return { Identity: object.guid ?? '', TargetDatabase: to, ...alone };
}

function startMove(
  object: ObjectIdentity,
  from: string,
  to: string,
  waits: boolean,
  archive: ArchivePlace | undefined,
): DraftStep {
  const mailbox: Check['read'] = { kind: 'mailbox', guid: object.guid ?? '', domain: object.domain };
  const target: Fields = { TargetDatabase: to };
  const where = archive === undefined ? {} : { ArchiveDatabase: archive.database };
  return {
    cmdlet: 'New-MoveRequest',
    parameters: moveParameters(object, to, archive),
    object,
    purpose: `move the mailbox of ${object.name} from ${from} to ${to}`,
    before: waits ? placed(from, archive) : { [moveField]: null },
    after: waits ? placed(to, archive) : { [moveField]: `to ${to}` },
    preconditions: [
      { read: mailbox, expect: { kind: 'fields', fields: { Database: from, ...where } } },
      { read: requestRead(object), expect: { kind: 'absent' } },
    ],
    expectation: [
      { read: requestRead(object), expect: { kind: 'fields', fields: target } },
      ...(waits ? [{ read: mailbox, expect: { kind: 'fields' as const, fields: placed(to, archive) } }] : []),
    ],
    // What takes a move back depends on how far it has come: see the planning of an undo.
    inverse: {
      kind: 'calls',
      calls: [
        {
          cmdlet: 'New-MoveRequest',
          parameters: moveParameters(object, from, archive),
          purpose: `move the mailbox of ${object.name} back to ${from}`,
          before: placed(to, archive),
          after: placed(from, archive),
          preconditions: [{ read: mailbox, expect: { kind: 'fields', fields: placed(to, archive) } }],
          expectation: [{ read: requestRead(object), expect: { kind: 'fields', fields: { TargetDatabase: from } } }],
        },
      ],
      notes: ['a move that has not ended is cancelled instead (Remove-MoveRequest)'],
    },
    retry: undefined,
    follow: waits ? 'move' : undefined,
    onFailure: 'leave',
  };
}

/** @throws Refused where there is no such database, or another move is under way */
export function movePart(order: Order, object: ObjectIdentity, mailbox: LiveObject, context: MailboxContext): MovePart {
  const wanted = changedText(order, 'Database');
  if (wanted === undefined) return none;
  const database = requireDatabase(wanted, context);
  const to = textField(database, 'Name');
  const from = textField(mailbox, 'Database');
  const maker = context.databaseMaker(to);
  const needs = maker === undefined ? [] : [maker];
  const waits = context.settings.waitForMove;
  const { status, target } = requestOf(object, mailbox, context);
  const ended = isEnded(status);
  if (status !== '' && !ended) return underWay(object, target, status, to, from, waits);
  if (sameField('name', from, to)) return none;
  if (database['Mounted'] === false) {
    throw new Refused('conflict', `the database ${to} is not mounted: Exchange moves no mailbox into it before it is`);
  }
  const archive = archiveOf(mailbox, from);
  const along = archive?.isBeside === true ? 'its archive goes with it' : `its archive stays in ${archive?.database}`;
  const notes = archive === undefined ? [] : [along];
  const start = startMove(object, from, to, waits, archive);
  return finish(ended ? [removeEnded(object, status), start] : [start], notes, needs, waits ? 'Completed' : `to ${to}`);
}

/** The move request that there is: one that an order before has made stands in the state that it left. */
function requestOf(
  object: ObjectIdentity,
  mailbox: LiveObject,
  context: MailboxContext,
): { readonly status: string; readonly target: string } {
  const left = textField(mailbox, moveField);
  if (left.startsWith('to ')) return { status: 'Queued', target: left.slice(3) };
  if (left !== '') return { status: left, target: textField(mailbox, 'Database') };
  if (!context.view.isRead(object.guid ?? '')) return { status: '', target: '' };
  const request = context.view.objects(requestRead(object))[0];
  return { status: textField(request, 'Status'), target: textField(request, 'TargetDatabase') };
}

function underWay(
  object: ObjectIdentity,
  target: string,
  status: string,
  to: string,
  from: string,
  waits: boolean,
): MovePart {
  const stuck = /Failed|Suspended/i.test(status);
  if (!sameField('name', target, to) || stuck) {
    throw new Refused(
      'conflict',
      `a move of the mailbox to ${target} is ${stuck ? '' : 'under way: '}${status}; ${stuck ? 'resume it (Resume-MoveRequest) or' : 'wait for its end, or'} take it away (Remove-MoveRequest)`,
    );
  }
  const note = `its move to ${to} is under way already (${status})`;
  return waits
    ? finish([followOnly(object, from, to)], [note], [], 'Completed')
    : { ...none, notes: [note], leaves: { [moveField]: `to ${to}` } };
}

function finish(
  steps: readonly DraftStep[],
  notes: readonly string[],
  needs: readonly number[],
  leaves: string,
): MovePart {
  return {
    steps,
    before: Object.assign({}, ...[...steps].reverse().map((step) => step.before)) as Fields,
    after: Object.assign({}, ...steps.map((step) => step.after)) as Fields,
    notes,
    needs,
    leaves: { [moveField]: leaves },
  };
}
