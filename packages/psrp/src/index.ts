export type * from './clixml/value.ts';
export { type Guid, decodeGuid, emptyGuid, encodeGuid, parseGuid } from './guid.ts';
export * from './session.ts';
