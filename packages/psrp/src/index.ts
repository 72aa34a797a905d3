/**
 * The PowerShell Remoting Protocol ([MS-PSRP]) and CLIXML, both sides, without I/O: bytes, ids and
 * cryptography come in as arguments, events and bytes go out.
 *
 * A client: `open()` a ClientRunspacePool, carry `takeOutgoing(target)` to the server and what the server sends
 * to `receive(source)`, until `poolOpened`; then `startPipeline()`, and so on until the pipeline's `state` event.
 * A ServerRunspacePool is its mirror. What carries the bytes (WS-Man, standard streams, a socket) is not here.
 */
export type * from './clixml/value.ts';
export { type Guid, decodeGuid, emptyGuid, encodeGuid, parseGuid } from './guid.ts';
export * from './session.ts';
export type { ClientEvent } from './client/event.ts';
export type { ClientRunspacePoolOptions } from './client/options.ts';
export { ClientRunspacePool } from './client/runspace-pool.ts';
export { assertNever, PsrpError, type PsrpErrorCode, psrpErrorCodes, type Recovery } from './errors.ts';
export { defaultPsrpLimits, type PsrpLimits } from './limits.ts';
export type { ErrorRecordInit } from './message/error-record-init.ts';
export { encodeFragment, type FragmentHeader, fragmentHeaderBytes } from './fragment/fragment.ts';
export { FragmentAssembler } from './fragment/fragment-assembler.ts';
export { nameOfErrorCategory, parseErrorRecord } from './message/error-record.ts';
export type { HostCall, HostResponse } from './message/host-call.ts';
export { decodeMessage, Destination, encodeMessage, type Message, messageHeaderBytes } from './message/message.ts';
export { MessageType, nameOfMessageType } from './message/message-type.ts';
export type { InformationInit, ProgressInit } from './message/record-init.ts';
export { psSecureString } from './secure-string.ts';
export type { ServerEvent } from './server/event.ts';
export type { ServerRunspacePoolOptions } from './server/options.ts';
export { ServerRunspacePool } from './server/runspace-pool.ts';
export { formatPacket, type Packet, PacketReader, parsePacket } from './out-of-process/packet.ts';
export { type ProtocolVersion, protocolVersions } from './protocol-version.ts';
export type { RsaPublicKey, SessionKeyPair, SessionKeyPort } from './session-key.ts';
export { settledBefore, type Settled, untilAborted } from './settling.ts';
export { RunspacePoolState } from './state/runspace-pool-state.ts';
export { CliXmlError } from './clixml/cli-xml-error.ts';
export {
  psArray,
  psBoolean,
  psDouble,
  psGuid,
  psHashtable,
  psInt32,
  psInt64,
  psNull,
  psObject,
  type PsObjectInit,
  psString,
} from './clixml/construct.ts';
export { property, textOf } from './clixml/inspect.ts';
export { type CliXmlLimits, defaultCliXmlLimits } from './clixml/limits.ts';
export type { CliXmlReadingHooks } from './clixml/reader.ts';
export { createProjection, type Projection } from './clixml/projection.ts';
export { isPsList, isPsNumber, isPsText } from './clixml/value-groups.ts';
export { decodeCliXml, decodeCliXmlFile } from './clixml/decode.ts';
export { deepestWritten, encodeCliXml, encodeCliXmlDocument } from './clixml/writer.ts';
