/*
 * [MS-PSRP] 2.2.2.15, 2.2.2.16 (runspace pool) and 2.2.2.27, 2.2.2.28 (pipeline): host calls and their
 * answers.
 */
import type { PsValue } from '../clixml/value.ts';
import type { ErrorRecord } from '../session.ts';

/** A call of the server to the client's host. Call id -100 asks for no answer. */
export interface HostCall {
  readonly callId: bigint;
  /** `RemoteHostMethodId` ([MS-PSRP] 2.2.3.17), e.g. 6 SetShouldExit, 11 ReadLine, 26 PromptForChoice. */
  readonly methodId: number;
  /** The method's name as the specification spells it, or its number as text where it is unknown. */
  readonly methodName: string;
  readonly parameters: PsValue;
}

/** The client's answer to a host call. */
export interface HostResponse {
  readonly callId: bigint;
  readonly methodId: number;
  readonly returnValue: PsValue | undefined;
  readonly error: ErrorRecord | undefined;
}
