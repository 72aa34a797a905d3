export { GssapiError, type GssapiErrorCode, type GssapiErrorDetails, type GssapiRecovery } from './errors.ts';
export { exitImmediately, gssapiMechanism, hasBlockedCall } from './gssapi-mechanism.ts';
export type * from './mechanism.ts';
