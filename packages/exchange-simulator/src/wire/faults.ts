/* The faults of the service, in the words of recorded servers ([MS-WSMV] 2.2.4.43) and of Exchange's proxy. */
import { FaultCode, type WsmanFault } from '@exchange-connector/wsman/codec';

/** Carries a fault out of an operation. */
export class ServiceFault extends Error {
  readonly fault: WsmanFault;

  constructor(fault: WsmanFault) {
    super(fault.reason);
    this.name = 'ServiceFault';
    this.fault = fault;
  }
}

function make(
  role: WsmanFault['role'],
  subcode: string,
  code: number,
  reason: string,
  more: { message?: string; faultDetail?: string } = {},
): ServiceFault {
  return new ServiceFault({
    role,
    subcode,
    code,
    reason,
    message: more.message ?? reason,
    faultDetail: more.faultDetail,
    machine: undefined,
  });
}

const timedOutText =
  'The WS-Management service cannot complete the operation within the time specified in OperationTimeout.  ';

/** A quiet Receive. */
export const timedOut = (): ServiceFault => make('Receiver', 'TimedOut', FaultCode.operationTimedOut, timedOutText);

const selectorsText =
  'The WS-Management service cannot process the request because the request contained invalid selectors for the resource. ';

export const commandGone = (): ServiceFault =>
  make('Sender', 'InvalidSelectors', FaultCode.unexpectedSelectors, selectorsText, {
    message:
      'The Windows Remote Shell received a request to perform an operation on a command identifier that does not exist. Either the command has completed execution or the client specified an invalid command identifier. ',
    faultDetail: 'UnexpectedSelectors',
  });

/** The shell is not known, or the request lost its affinity cookie and came to another server. */
export function shellGone(shellId: string, origin: string): ServiceFault {
  return make('Sender', 'InvalidSelectors', FaultCode.unexpectedSelectors, selectorsText, {
    message:
      `${origin} [FailureCategory=WSMan-InvalidShellID] The request for the Windows Remote Shell with ShellId ${shellId} failed because the shell was not found on the server. ` +
      'Possible causes are: the specified ShellId is incorrect or the shell no longer exists on the server. Provide the correct ShellId or create a new shell and retry the operation. ',
    faultDetail: 'UnexpectedSelectors',
  });
}

export const resourceUnknown = (uri: string): ServiceFault =>
  make(
    'Sender',
    'DestinationUnreachable',
    FaultCode.invalidResourceUri,
    `The WS-Management service cannot process the request. The service cannot find the resource identified by the resource URI and selectors. `,
    {
      message: `The WS-Management service cannot process the request. The resource URI (${uri}) was not found in the WS-Management catalog. The catalog contains the metadata that describes resources, or logical endpoints. `,
      faultDetail: 'InvalidResourceURI',
    },
  );

export const tooManyShells = (limit: number): ServiceFault =>
  make(
    'Receiver',
    'QuotaLimit',
    FaultCode.quotaMaxShells,
    'The service is configured to not accept any remote shell requests beyond the quota.',
    {
      message: `The WS-Management service cannot process the request. This user is allowed a maximum number of ${limit} concurrent shells, which has been exceeded. Close existing shells or raise the quota for this user.`,
    },
  );

export const actionUnknown = (action: string): ServiceFault =>
  make(
    'Sender',
    'ActionNotSupported',
    FaultCode.actionNotSupported,
    `The action ${action.slice(0, 200)} is not supported by the service.`,
  );

export const envelopeInvalid = (what: string): ServiceFault =>
  make(
    'Sender',
    'SchemaValidationError',
    FaultCode.schemaValidation,
    `The SOAP XML in the message does not match the corresponding XML schema definition. Change the XML and retry. ${what}`,
  );

export const envelopeTooLarge = (limit: number): ServiceFault =>
  make(
    'Sender',
    'EncodingLimit',
    FaultCode.encodingLimit,
    `The WS-Management service cannot process the request because the request exceeds the maximum envelope size of ${limit} bytes.`,
    {
      faultDetail: 'MaxEnvelopeSize',
    },
  );

export const timeoutInvalid = (): ServiceFault =>
  make(
    'Sender',
    'InvalidParameter',
    FaultCode.invalidTimeout,
    'The WS-Management service cannot process the request because the timeout header is invalid.',
  );

export const receiveUnderWay = (): ServiceFault =>
  make(
    'Receiver',
    'InternalError',
    FaultCode.receiveInProgress,
    'The WS-Management service cannot process the request because another Receive is under way for this stream.',
  );

export const aborted = (): ServiceFault =>
  make(
    'Receiver',
    'InternalError',
    FaultCode.operationAborted,
    'The I/O operation has been aborted because of either a thread exit or an application request. ',
  );

export const internalError = (what: string): ServiceFault =>
  make('Receiver', 'InternalError', FaultCode.internalError, what);

export const invalidParameter = (what: string): ServiceFault =>
  make('Sender', 'InvalidParameter', FaultCode.invalidParameter, what);

export const operationsExceeded = (): ServiceFault =>
  make(
    'Receiver',
    'QuotaLimit',
    FaultCode.quotaMaxOperations,
    'The WS-Management service cannot process the request. The maximum number of concurrent operations for this user has been exceeded. Close existing operations for this user, or raise the quota for this user.',
  );

/** The front end could not hand a Create on to any back end. */
export const createRefused = (): ServiceFault =>
  make(
    'Receiver',
    'InternalError',
    FaultCode.internalError,
    '[FailureCategory=Cafe-SendFailure] The front end could not reach a server that serves this request.',
  );

/** A fault of any code, in the least words. */
export const faultOfCode = (code: number): ServiceFault =>
  make('Receiver', 'InternalError', code, `The WS-Management service cannot process the request: error ${code}.`);
