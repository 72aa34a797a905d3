/* The calls of a plan as pipelines. */
import { type CommandParameter, type PipelineRequest, psBoolean, psString } from '@exchange-connector/psrp';
import { argumentsOf } from './cmdlet-arguments.ts';
import type { CmdletCall } from './plan.ts';

/** How a call is sent. */
export interface CallOptions {
  /** Named in the call, where the cmdlet takes one. */
  readonly domainController: string | undefined;
  /** The server says whether it would do it, and does nothing. */
  readonly whatIf: boolean;
}

/** Cmdlets that only look: they know neither `-Confirm` nor `-WhatIf`. */
function changesSomething(cmdlet: string): boolean {
  return !cmdlet.startsWith('Get-');
}

/**
 * The pipeline of a call. `-Confirm:$false` is always sent: without it the server asks a person, and there is none.
 */
export function callRequest(call: CmdletCall, options: CallOptions): PipelineRequest {
  const parameters: CommandParameter[] = argumentsOf(call.parameters);
  if (options.domainController !== undefined) {
    parameters.push({ name: 'DomainController', value: psString(options.domainController) });
  }
  if (changesSomething(call.cmdlet)) {
    parameters.push({ name: 'Confirm', value: psBoolean(false) });
    if (options.whatIf) parameters.push({ name: 'WhatIf', value: psBoolean(true) });
  }
  return { statements: [[{ name: call.cmdlet, parameters }]] };
}
