/*
 * An Exchange in memory, small enough to be seen through: what each cmdlet answers is a function of its
 * parameters. The wire, and a larger Exchange, are in the tests of the agent.
 */
import {
  type ErrorRecord,
  encodeCliXml,
  type PipelineCommand,
  type PipelineEvent,
  type PipelineRequest,
  PipelineState,
  psArray,
  psBoolean,
  psInt32,
  psNull,
  psObject,
  psString,
  type PsProperty,
  type PsValue,
  property,
  type RemoteSession,
} from '@exchange-connector/psrp';
import {
  type ExportPlan,
  type OrganisationReading,
  type ReadingProgress,
  readOrganisation,
  singleSession,
} from '@exchange-connector/connector';
import { wholePlan } from './whole-plan.ts';
interface Answer {
  readonly objects?: readonly Record<string, PsValue>[];
  readonly errors?: readonly ErrorRecord[];
  readonly warnings?: readonly string[];
  readonly failure?: ErrorRecord;
}
export type Cmdlet = (parameters: Map<string, PsValue>) => Answer;

export function errorRecord(message: string, id: string, target = ''): ErrorRecord {
  return {
    message,
    fullyQualifiedErrorId: id,
    category: 0,
    categoryActivity: '',
    categoryReason: '',
    categoryTargetName: target,
    categoryTargetType: '',
    categoryMessage: '',
    exceptionTypeNames: [],
    details: undefined,
    raw: psNull,
  };
}

const noCommand = (name: string): ErrorRecord =>
  errorRecord(`The term '${name}' is not recognized as a name of a cmdlet`, 'CommandNotFoundException', name);

/** The answer to a whole pipeline, by the names of its commands; `undefined` leaves it to the cmdlets. */
type AnswerAll = (commands: readonly string[]) => ReturnType<Cmdlet> | undefined;

export class MemorySession implements RemoteSession {
  readonly server = { protocolVersion: '2.3', applicationPrivateData: undefined };
  readonly asked: string[] = [];
  readonly #cmdlets: Record<string, Cmdlet>;
  readonly #answerAll: AnswerAll;
  constructor(cmdlets: Record<string, Cmdlet>, answerAll: AnswerAll = () => undefined) {
    this.#cmdlets = cmdlets;
    this.#answerAll = answerAll;
  }
  async close(): Promise<void> {}
  async *invoke(request: PipelineRequest): AsyncGenerator<PipelineEvent> {
    const commands = request.statements[0] ?? [];
    this.asked.push(commands.map((command) => format(command)).join(' | '));
    const missing = commands.find((command) => !(command.name in this.#cmdlets));
    if (missing !== undefined) {
      yield { kind: 'state', state: PipelineState.Failed, error: noCommand(missing.name) };
      return;
    }
    const [source, ...rest] = commands;
    const whole = this.#answerAll(commands.map(({ name }) => name));
    const answer = whole ?? this.#cmdlets[source?.name ?? '']?.(parametersOf(source as PipelineCommand)) ?? {};
    for (const message of answer.warnings ?? []) yield { kind: 'warning', message, raw: psNull };
    for (const record of answer.errors ?? []) yield { kind: 'error', record };
    if (answer.failure !== undefined) {
      yield { kind: 'state', state: PipelineState.Failed, error: answer.failure };
      return;
    }
    let objects = (answer.objects ?? []).map((properties) => psObject({ display: 'x', adapted: list(properties) }));
    for (const command of rest) objects = this.#pipe(command, objects);
    for (const object of objects) yield { kind: 'output', body: encodeCliXml(object) };
    yield { kind: 'state', state: PipelineState.Completed, error: undefined };
  }
  #pipe(command: PipelineCommand, objects: ReturnType<typeof psObject>[]): ReturnType<typeof psObject>[] {
    if (command.name === 'Measure-Object')
      return [psObject({ adapted: [{ name: 'Count', value: psInt32(objects.length) }] })];
    const names = parametersOf(command).get('Property');
    const wanted = names?.kind === 'Obj' && names.base?.kind === 'LST' ? names.base.items : [];
    const spoil = this.#cmdlets['Select-Object']?.(new Map()).objects?.[0];
    return objects.map((object) =>
      psObject({
        extended: wanted.map((name) => {
          const key = name.kind === 'S' ? name.value : '';
          return { name: key, value: spoil?.[key] ?? property(object, key) ?? psNull };
        }),
      }),
    );
  }
}

function list(properties: Record<string, PsValue>): PsProperty[] {
  return Object.entries(properties).map(([name, value]) => ({ name, value }));
}
function parametersOf(command: PipelineCommand): Map<string, PsValue> {
  return new Map(command.parameters.map(({ name, value }) => [name ?? '', value]));
}
function format(command: PipelineCommand): string {
  const shown = command.parameters.map(({ name, value }) => {
    if (value.kind === 'S') return `-${name} ${value.value}`;
    if (value.kind === 'B') return `-${name}`;
    return value.kind === 'Obj' && value.base?.kind === 'LST' && name !== 'Property'
      ? `-${name} ${value.base.items.map((item) => (item.kind === 'S' ? item.value : '?')).join(',')}`
      : `-${name} …`;
  });
  return [command.name, ...shown].join(' ');
}

export const guid = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
export function mailbox(number: number, more: Record<string, PsValue> = {}): Record<string, PsValue> {
  return {
    Guid: { kind: 'G', value: guid(number) },
    Name: psString(`User ${number}`),
    Database: psString('DB1'),
    Identity: psString(`contoso.com/Users/User ${number}`),
    EmailAddresses: psArray([psString(`smtp:u${number}@x`), psString(`SMTP:user${number}@x`)]),
    DistinguishedName: psString(`CN=User ${number},CN=Users,DC=contoso,DC=com`),
    AccountDisabled: psBoolean(false),
    IsDirSynced: psBoolean(false),
    WhenChangedUTC: { kind: 'DT', value: '2024-01-01T00:00:00Z' },
    OriginatingServer: psString('dc01.contoso.com'),
    ...more,
  };
}
export const database = {
  Guid: { kind: 'G', value: guid(900) },
  Name: psString('DB1'),
  Mounted: psBoolean(true),
} as const;

export function organisation(
  mailboxes: readonly Record<string, PsValue>[],
  more: Record<string, Cmdlet> = {},
): Record<string, Cmdlet> {
  return {
    'Set-ADServerSettings': () => ({}),
    'Select-Object': () => ({}),
    'Measure-Object': () => ({}),
    'Get-MailboxDatabase': () => ({ objects: [database] }),
    'Get-Mailbox': (parameters) => {
      const identity = parameters.get('Identity');
      const size = parameters.get('ResultSize');
      const all = mailboxes.filter(
        (each) =>
          identity === undefined ||
          (each['Guid']?.kind === 'G' && identity.kind === 'S' && each['Guid'].value === identity.value),
      );
      return size?.kind === 'S' && size.value === '1'
        ? {
            objects: all.slice(0, 1),
            warnings:
              all.length > 1
                ? [
                    'There are more results available than are currently displayed. To view them, increase the value for the ResultSize parameter.',
                  ]
                : [],
          }
        : { objects: all };
    },
    ...more,
  };
}

interface Seen {
  readonly reading: OrganisationReading;
  readonly rows: Map<string, string>;
  readonly databases: Map<string, string>;
  readonly warnings: string[];
  readonly progress: ReadingProgress[];
  readonly asked: string[];
}

export async function readAll(
  cmdlets: Record<string, Cmdlet>,
  plan: Partial<ExportPlan> = {},
  answerAll: AnswerAll = () => undefined,
): Promise<Seen> {
  const session = new MemorySession(cmdlets, answerAll);
  const rows = new Map<string, string>();
  const databases = new Map<string, string>();
  const warnings: string[] = [];
  const progress: ReadingProgress[] = [];
  const sink = (into: Map<string, string>) => ({
    put: (key: string, line: string) => void into.set(key, line),
    restart: () => into.clear(),
  });
  const reading = await readOrganisation(
    { ...wholePlan, ...plan },
    {
      sessions: singleSession(session),
      mailboxes: sink(rows),
      databases: sink(databases),
      onWarning: (message) => void warnings.push(message),
      onNote: () => {},
      onProgress: (each) => void progress.push(each),
      signal: new AbortController().signal,
    },
  );
  return { reading, rows, databases, warnings, progress, asked: session.asked };
}
