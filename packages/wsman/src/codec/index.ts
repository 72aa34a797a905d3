/**
 * The codec of WS-Management envelopes as remote PowerShell uses them: both sides, no input or output.
 * A client formats requests and parses responses; a server (the simulator) does the reverse.
 */
export { formatDuration, parseDuration } from './duration.ts';
export {
  describeFault,
  failureCategory,
  isQuiet,
  redirectLocation,
  requestedWaitMs,
  type WsmanFault,
} from './fault.ts';
export { FaultCode, type FaultMeaning, faultMeaning, parseFaultCode } from './fault-codes.ts';
export {
  Action,
  anonymousAddress,
  type CommandStateName,
  FaultAction,
  Namespace,
  resourceUriPrefix,
  SignalCode,
  soapContentType,
} from './names.ts';
export {
  formatRequest,
  type ParsedRequest,
  parseRequest,
  payloadCapacity,
  type RequestBody,
  type RequestHeader,
} from './request.ts';
export {
  type CommandState,
  formatResponse,
  type ParsedResponse,
  parseResponse,
  type ReceivedStream,
  type ResponseBody,
  type ResponseHeader,
  type ShellFacts,
} from './response.ts';
export {
  formatSealedBody,
  isSealedContentType,
  parseSealedBody,
  type SealedBody,
  type SealingProtocol,
  sealedContentType,
} from './sealed-body.ts';
export {
  WsmanError,
  type WsmanErrorCode,
  type WsmanErrorDetails,
  type WsmanPhase,
  type WsmanRecovery,
} from '../errors.ts';
