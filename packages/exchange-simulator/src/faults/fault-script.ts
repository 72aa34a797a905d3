/*
 * The fault script: what goes wrong, and when. One rule a line (or between semicolons):
 *
 *   receive 3: drop halfway            every 50th receive: delay 2s        mailbox 2500: die 3s
 *   ───┬────   ─────┬──────
 *    place        action
 *
 * docs/faults.md is its reference.
 */

/** What a request to the server is. `login` are the legs of authentication, `unknown` operations that it does not know. */
export const messageKinds = [
  'login',
  'create',
  'receive',
  'command',
  'send',
  'signal',
  'delete',
  'get',
  'unknown',
] as const;
export type MessageKind = (typeof messageKinds)[number];

/** Where a rule fires. Numbers count from 1, and from the moment the script was set. */
export type FaultPlace =
  /** The `first` to the `last` message of a kind, or of all. */
  | {
      readonly kind: 'messages';
      readonly of: MessageKind | 'message';
      readonly first: number;
      readonly last: number;
    }
  /** Every `step`-th message. */
  | { readonly kind: 'everyMessage'; readonly of: MessageKind | 'message'; readonly step: number }
  /** The answer with which so many bytes (of answers' bodies) or mailboxes have been sent. */
  | { readonly kind: 'sent'; readonly unit: 'byte' | 'mailbox'; readonly amount: number; readonly repeats: boolean }
  /** So long after the script was set. */
  | { readonly kind: 'time'; readonly milliseconds: number; readonly repeats: boolean };

/** The moment within a message at which an action acts. */
export type FaultStage =
  /** Nothing of the request has been handled. */
  | { readonly kind: 'before' }
  /** It has been handled; nothing of the answer has been sent. */
  | { readonly kind: 'after' }
  /** So many bytes of the answer's body have been sent. */
  | { readonly kind: 'at'; readonly bytes: number }
  | { readonly kind: 'halfway' };

/** Ways to end a connection, or to fall silent on it. */
export const breakKinds = ['drop', 'reset', 'half-close', 'stall'] as const;
export type BreakKind = (typeof breakKinds)[number];

export const throttleKinds = ['budget', 'connections', 'shells', 'operations', 'delay'] as const;
export const corruptKinds = ['envelope', 'base64', 'fragment', 'body'] as const;
/** Changes to the organisation, by the names that {@link FaultHost.change} knows. */
export const changeKinds = [
  'createMailbox',
  'setMailbox',
  'renameMailbox',
  'moveMailbox',
  'disableMailbox',
  'removeMailbox',
] as const;
export type ChangeKind = (typeof changeKinds)[number];

/** What a rule does. A stage that is left out is the place's own. */
export type FaultAction =
  | { readonly kind: BreakKind; readonly stage: FaultStage | undefined }
  | { readonly kind: 'delay'; readonly milliseconds: number; readonly stage: FaultStage | undefined }
  /** All connections end; the shells live. */
  | { readonly kind: 'disconnect'; readonly stage: FaultStage | undefined }
  /** The listener closes, connections and shells end; it listens again after a time, or never. */
  | { readonly kind: 'die'; readonly milliseconds: number | undefined; readonly stage: FaultStage | undefined }
  /** An HTML page of the web server in place of the answer. */
  | { readonly kind: 'http'; readonly status: number; readonly stage: FaultStage | undefined }
  /** A WS-Management fault of that code. */
  | { readonly kind: 'fault'; readonly code: number }
  /** A Create that the front end cannot hand on to any back end. */
  | { readonly kind: 'refuse' }
  | { readonly kind: 'throttle'; readonly by: 'budget'; readonly milliseconds: number }
  | { readonly kind: 'throttle'; readonly by: 'delay'; readonly milliseconds: number }
  | { readonly kind: 'throttle'; readonly by: 'connections'; readonly most: number }
  | { readonly kind: 'throttle'; readonly by: 'shells'; readonly most: number }
  | { readonly kind: 'throttle'; readonly by: 'operations' }
  | { readonly kind: 'forget'; readonly what: 'shell' | 'shells' }
  /** The Create's answer comes without the affinity cookie. */
  | { readonly kind: 'lose-cookie' }
  /** The answer brings another affinity cookie; the old one leads nowhere. */
  | { readonly kind: 'renew-cookie' }
  /** The request comes to another back end, whatever cookie it brought. */
  | { readonly kind: 'misroute' }
  | { readonly kind: 'truncate'; readonly stage: FaultStage | undefined }
  | { readonly kind: 'corrupt'; readonly what: (typeof corruptKinds)[number] }
  | { readonly kind: 'lag'; readonly domainController: string; readonly milliseconds: number }
  | { readonly kind: 'change'; readonly change: ChangeKind; readonly count: number };

export interface FaultRule {
  readonly place: FaultPlace;
  readonly action: FaultAction;
}

/** Whether an action can act on a message of that kind; one that cannot waits for the next that it can act on. */
export function suits(action: FaultAction, kind: MessageKind): boolean {
  switch (action.kind) {
    case 'refuse':
    case 'lose-cookie':
      return kind === 'create';
    case 'throttle':
      if (action.by === 'delay') return kind === 'command';
      return action.by === 'operations' ? kind !== 'login' : kind === 'create';
    case 'forget':
      return action.what === 'shells' || (kind !== 'login' && kind !== 'create' && kind !== 'unknown');
    case 'misroute':
    case 'renew-cookie':
      return kind !== 'login' && kind !== 'create' && kind !== 'unknown';
    case 'fault':
    case 'truncate':
      return kind !== 'login';
    case 'corrupt':
      if (action.what === 'base64' || action.what === 'fragment') return kind === 'receive';
      return kind !== 'login';
    default:
      return true;
  }
}

/** Whether an action needs no message: at a time it acts by itself. */
export function actsAlone(action: FaultAction): boolean {
  switch (action.kind) {
    case 'die':
    case 'disconnect':
    case 'lag':
    case 'change':
      return true;
    case 'forget':
      return action.what === 'shells';
    default:
      return false;
  }
}

/** Whether an action, met while an answer is made, acts on that answer; any other one waits for the next request. */
export function actsOnAnswer(action: FaultAction): boolean {
  switch (action.kind) {
    case 'drop':
    case 'reset':
    case 'half-close':
    case 'stall':
    case 'delay':
    case 'disconnect':
    case 'die':
    case 'http':
      return action.stage?.kind !== 'before';
    case 'truncate':
    case 'corrupt':
    case 'renew-cookie':
      return true;
    default:
      return actsAlone(action);
  }
}

function formatTime(milliseconds: number): string {
  if (milliseconds % 60_000 === 0 && milliseconds > 0) return `${milliseconds / 60_000}m`;
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`;
}

function formatPlace(place: FaultPlace): string {
  switch (place.kind) {
    case 'messages':
      return `${place.of} ${place.first}${place.last === place.first ? '' : `-${place.last}`}`;
    case 'everyMessage':
      return place.step === 1 ? `every ${place.of}` : `every ${place.step} ${place.of}`;
    case 'sent':
      return place.repeats ? `every ${place.amount} ${place.unit}` : `${place.unit} ${place.amount}`;
    case 'time':
      return `${place.repeats ? 'every' : 'after'} ${formatTime(place.milliseconds)}`;
  }
}

function formatStage(stage: FaultStage | undefined): string {
  if (stage === undefined) return '';
  return stage.kind === 'at' ? ` at ${stage.bytes}` : ` ${stage.kind}`;
}

function formatAction(action: FaultAction): string {
  switch (action.kind) {
    case 'drop':
    case 'reset':
    case 'half-close':
    case 'stall':
    case 'disconnect':
    case 'truncate':
      return `${action.kind}${formatStage(action.stage)}`;
    case 'delay':
      return `delay ${formatTime(action.milliseconds)}${formatStage(action.stage)}`;
    case 'die':
      return `die${action.milliseconds === undefined ? '' : ` ${formatTime(action.milliseconds)}`}${formatStage(action.stage)}`;
    case 'http':
      return `http ${action.status}${formatStage(action.stage)}`;
    case 'fault':
      return `fault ${action.code}`;
    case 'throttle':
      if (action.by === 'operations') return 'throttle operations';
      return 'most' in action
        ? `throttle ${action.by} ${action.most}`
        : `throttle ${action.by} ${formatTime(action.milliseconds)}`;
    case 'forget':
      return `forget ${action.what}`;
    case 'corrupt':
      return `corrupt ${action.what}`;
    case 'lag':
      return `lag ${action.domainController} ${formatTime(action.milliseconds)}`;
    case 'change':
      return `change ${action.change} ${action.count}`;
    case 'refuse':
    case 'lose-cookie':
    case 'renew-cookie':
    case 'misroute':
      return action.kind;
  }
}

/** A rule as it is written in a script. */
export function formatRule(rule: FaultRule): string {
  return `${formatPlace(rule.place)}: ${formatAction(rule.action)}`;
}
