/*
 * [MS-PSRP] 2.2.2.2 INIT_RUNSPACEPOOL, 2.2.2.6 and 2.2.2.7 SET_MAX/MIN_RUNSPACES, 2.2.2.8
 * RUNSPACE_AVAILABILITY, 2.2.2.9 RUNSPACEPOOL_STATE, 2.2.2.11 GET_AVAILABLE_RUNSPACES, 2.2.2.12
 * USER_EVENT, 2.2.2.13 APPLICATION_PRIVATE_DATA, 2.2.2.28 CONNECT_RUNSPACEPOOL, 2.2.2.29
 * RUNSPACEPOOL_INIT_DATA, 2.2.2.30 RESET_RUNSPACE_STATE.
 */
import type { PsObject, PsValue } from '../clixml/value.ts';
import type { ErrorRecord } from '../session.ts';
import { RunspacePoolState } from '../state/runspace-pool-state.ts';
import {
  bodyOf,
  boolean,
  booleanIn,
  enumeration,
  field,
  fieldOf,
  int32,
  int64,
  integerIn,
  longIn,
  nil,
  required,
} from './body.ts';
import { parseErrorRecord } from './error-record.ts';

/** INIT_RUNSPACEPOOL as a server reads it. */
export interface InitRunspacePool {
  readonly minRunspaces: number;
  readonly maxRunspaces: number;
  readonly hostIsNull: boolean;
  /** Nil and absent are `undefined`. */
  readonly applicationArguments: PsValue | undefined;
}

/** The host of a client that has none, in INIT_RUNSPACEPOOL and CREATE_PIPELINE ([MS-PSRP] 2.2.3.14). */
export function formatNullHost(): PsObject {
  return bodyOf([
    field('_isHostNull', boolean(true)),
    field('_isHostUINull', boolean(true)),
    field('_isHostRawUINull', boolean(true)),
    field('_useRunspaceHost', boolean(true)),
  ]);
}

/** Whether HostInfo says that there is no host; a missing one is none. */
export function parseHostIsNull(hostInfo: PsValue | undefined): boolean {
  return booleanIn(fieldOf(hostInfo, '_isHostNull')) ?? true;
}

export function formatApartmentState(): PsObject {
  return enumeration('System.Threading.ApartmentState', 'Unknown', 2);
}

export function formatInitRunspacePool(init: Omit<InitRunspacePool, 'hostIsNull'>): PsValue {
  return bodyOf([
    field('MinRunspaces', int32(init.minRunspaces)),
    field('MaxRunspaces', int32(init.maxRunspaces)),
    field('PSThreadOptions', enumeration('System.Management.Automation.Runspaces.PSThreadOptions', 'Default', 0)),
    field('ApartmentState', formatApartmentState()),
    field('HostInfo', formatNullHost()),
    field('ApplicationArguments', init.applicationArguments ?? nil),
  ]);
}

export function parseInitRunspacePool(body: PsValue): InitRunspacePool {
  const read = (name: string): number => required(integerIn(fieldOf(body, name)), 'INIT_RUNSPACEPOOL', name);
  const applicationArguments = fieldOf(body, 'ApplicationArguments');
  return {
    minRunspaces: read('MinRunspaces'),
    maxRunspaces: read('MaxRunspaces'),
    hostIsNull: parseHostIsNull(fieldOf(body, 'HostInfo')),
    applicationArguments: applicationArguments?.kind === 'Nil' ? undefined : applicationArguments,
  };
}

/** CONNECT_RUNSPACEPOOL: the wanted counts, or an empty string where both are left to the server. */
export function formatConnectRunspacePool(counts: { minRunspaces?: number; maxRunspaces?: number }): PsValue {
  const fields = [];
  if (counts.minRunspaces !== undefined) fields.push(field('MinRunspaces', int32(counts.minRunspaces)));
  if (counts.maxRunspaces !== undefined) fields.push(field('MaxRunspaces', int32(counts.maxRunspaces)));
  return fields.length === 0 ? { kind: 'S', value: '' } : bodyOf(fields);
}

export function parseConnectRunspacePool(body: PsValue): {
  minRunspaces: number | undefined;
  maxRunspaces: number | undefined;
} {
  return {
    minRunspaces: integerIn(fieldOf(body, 'MinRunspaces')),
    maxRunspaces: integerIn(fieldOf(body, 'MaxRunspaces')),
  };
}

export function formatRunspacePoolInitData(counts: { minRunspaces: number; maxRunspaces: number }): PsValue {
  return bodyOf([field('MinRunspaces', int32(counts.minRunspaces)), field('MaxRunspaces', int32(counts.maxRunspaces))]);
}

export function parseRunspacePoolInitData(body: PsValue): { minRunspaces: number; maxRunspaces: number } {
  const read = (name: string): number => required(integerIn(fieldOf(body, name)), 'RUNSPACEPOOL_INIT_DATA', name);
  return { minRunspaces: read('MinRunspaces'), maxRunspaces: read('MaxRunspaces') };
}

export function formatRunspacePoolState(state: RunspacePoolState, error: PsValue | undefined): PsValue {
  const fields = [field('RunspaceState', int32(state))];
  if (error !== undefined) fields.push(field('ExceptionAsErrorRecord', error));
  return bodyOf(fields);
}

export function parseRunspacePoolState(body: PsValue): { state: RunspacePoolState; error: ErrorRecord | undefined } {
  const number = integerIn(fieldOf(body, 'RunspaceState'));
  const state = Object.values(RunspacePoolState).find((known) => known === number);
  const error = fieldOf(body, 'ExceptionAsErrorRecord');
  return {
    state: required(state, 'RUNSPACEPOOL_STATE', 'RunspaceState'),
    error: error?.kind === 'Obj' ? parseErrorRecord(error) : undefined,
  };
}

/** SET_MAX_RUNSPACES and SET_MIN_RUNSPACES. */
export function formatSetRunspaces(which: 'MaxRunspaces' | 'MinRunspaces', count: number, callId: bigint): PsValue {
  return bodyOf([field(which, int32(count)), field('ci', int64(callId))]);
}

export function parseSetRunspaces(
  which: 'MaxRunspaces' | 'MinRunspaces',
  body: PsValue,
): { count: number; callId: bigint } {
  const name = which === 'MaxRunspaces' ? 'SET_MAX_RUNSPACES' : 'SET_MIN_RUNSPACES';
  return {
    count: required(integerIn(fieldOf(body, which)), name, which),
    callId: required(longIn(fieldOf(body, 'ci')), name, 'ci'),
  };
}

/** GET_AVAILABLE_RUNSPACES and RESET_RUNSPACE_STATE: a call id alone. */
export function formatCallId(callId: bigint): PsValue {
  return bodyOf([field('ci', int64(callId))]);
}

export function parseCallId(body: PsValue, messageName: string): bigint {
  return required(longIn(fieldOf(body, 'ci')), messageName, 'ci');
}

/** RUNSPACE_AVAILABILITY: a Boolean (done or not) or the count of available runspaces. */
export function formatRunspaceAvailability(callId: bigint, value: boolean | bigint): PsValue {
  const response = typeof value === 'boolean' ? boolean(value) : int32(Number(value));
  return bodyOf([field('SetMinMaxRunspacesResponse', response), field('ci', int64(callId))]);
}

export function parseRunspaceAvailability(body: PsValue): { callId: bigint; value: boolean | bigint } {
  const response = fieldOf(body, 'SetMinMaxRunspacesResponse');
  return {
    callId: parseCallId(body, 'RUNSPACE_AVAILABILITY'),
    value: required(booleanIn(response) ?? longIn(response), 'RUNSPACE_AVAILABILITY', 'SetMinMaxRunspacesResponse'),
  };
}

/** APPLICATION_PRIVATE_DATA: a dictionary, or Nil. */
export function formatApplicationPrivateData(data: PsValue): PsValue {
  return bodyOf([field('ApplicationPrivateData', data)]);
}

export function parseApplicationPrivateData(body: PsValue): PsValue {
  return required(fieldOf(body, 'ApplicationPrivateData'), 'APPLICATION_PRIVATE_DATA', 'ApplicationPrivateData');
}
