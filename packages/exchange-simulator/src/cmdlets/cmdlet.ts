/* What a cmdlet is: its parameters, and what it does, as a stream of objects that is drawn from, never pushed. */
import type { ErrorRecordInit, PsValue } from '@exchange-connector/psrp';
import type { Organization } from '../organization/organization.ts';
import type { Recipient } from '../organization/mailbox.ts';
import type { ObjectShape, PipelineObject } from '../serialization/object-shape.ts';
import type { AddressArgument } from './proxy-addresses.ts';
import type { RunspaceState } from './runspace-state.ts';

/** What flows through a pipeline. */
export type Emission =
  | { readonly kind: 'object'; readonly object: PipelineObject }
  | { readonly kind: 'error'; readonly record: ErrorRecordInit }
  | { readonly kind: 'warning'; readonly text: string }
  /** A line for the client's host, as `What if: …` is; lost where there is no host. */
  | { readonly kind: 'hostLine'; readonly text: string }
  /** A question to the client's host; `pause` follows until it is answered. */
  | { readonly kind: 'prompt'; readonly prompt: HostPrompt; readonly answered: (answer: HostAnswer) => void }
  /** Nothing yet: a long search lets the server do other work, or input is awaited. */
  | { readonly kind: 'pause'; readonly awaitsInput: boolean };

/** PromptForChoice of the client's host ([MS-PSRP] 2.2.3.17). */
export interface HostPrompt {
  readonly caption: string;
  readonly message: string;
  readonly choices: readonly { readonly label: string; readonly help: string }[];
  readonly defaultChoice: number;
}
export type HostAnswer =
  | { readonly kind: 'chosen'; readonly choice: number }
  /** The host cannot ask; or there is none. */
  | { readonly kind: 'refused'; readonly record: ErrorRecordInit };

/** The types that parameters of their own take from the pipeline. */
export const pipelineTypes = {
  database: 'Microsoft.Exchange.Data.Directory.SystemConfiguration.MailboxDatabase',
  server: 'Microsoft.Exchange.Data.Directory.Management.ExchangeServer',
} as const;

/** How a parameter's argument is converted. */
export type ParameterType =
  | {
      readonly kind:
        | 'switch'
        | 'boolean'
        | 'string'
        | 'identity'
        | 'strings'
        | 'integer'
        | 'resultSize'
        | 'properties'
        /** Bytes, or `Unlimited`, which is Infinity. */
        | 'size'
        /** Days of an EnhancedTimeSpan. */
        | 'timeSpan'
        /** A ProxyAddressCollection, or a hashtable of what to add and to remove. */
        | 'addresses'
        | 'any';
    }
  | { readonly kind: 'enum' | 'enums'; readonly type: string; readonly values: readonly string[] };

export interface Parameter {
  readonly name: string;
  readonly type: ParameterType;
  readonly position?: number;
  /** Parameter sets it belongs to; all of them where left out. */
  readonly sets?: readonly string[];
  readonly aliases?: readonly string[];
  readonly mandatory?: boolean;
  /** The .NET type's name, for messages and Get-Command. */
  readonly dotNetType?: string;
  /**
   * Whether an object of the pipeline is bound to it: text or an object with a property of its name (`any`), or
   * by value objects of one type alone.
   */
  readonly fromPipeline?: 'any' | (typeof pipelineTypes)[keyof typeof pipelineTypes];
}

/** -Identity, the first by position: of the type `Microsoft.Exchange.Configuration.Tasks.<type>`. */
export function identityParameter(type: string): Parameter {
  return {
    name: 'Identity',
    type: { kind: 'identity' },
    position: 0,
    sets: ['Identity'],
    fromPipeline: 'any',
    dotNetType: `Microsoft.Exchange.Configuration.Tasks.${type}`,
  };
}

/** Arguments after binding, by the parameter's own name. */
export interface BoundArguments {
  readonly has: (name: string) => boolean;
  readonly flag: (name: string) => boolean;
  readonly text: (name: string) => string | undefined;
  readonly texts: (name: string) => readonly string[] | undefined;
  readonly number: (name: string) => number | undefined;
  readonly raw: (name: string) => PsValue | undefined;
  readonly addresses: (name: string) => AddressArgument | undefined;
}

/** What the organisation's server tells its cmdlets. */
export interface CmdletContext {
  readonly organization: Organization;
  readonly state: RunspaceState;
  readonly shapes: { readonly mailbox: ObjectShape<Recipient> };
  /** The server that answers, `EX01`. */
  readonly serverName: string;
  /** The cmdlets of this account, for Get-Command. */
  readonly available: ReadonlyMap<string, Cmdlet>;
  /** How dates in filters are read that name no zone. */
  readonly filterDates: 'utc' | 'server';
}

export interface Cmdlet {
  readonly name: string;
  /** Name in error identifiers: the class of an Exchange task or of PowerShell's command. */
  readonly taskClass: string;
  readonly parameters: readonly Parameter[];
  readonly parameterSets?: readonly string[];
  readonly module?: string;
  /** It draws the pipeline's objects itself; any other one runs for each that is bound to one of its parameters. */
  readonly drawsInput?: boolean;
  readonly run: (
    args: BoundArguments,
    context: CmdletContext,
    input: Iterable<Emission> | undefined,
  ) => Iterable<Emission>;
}
