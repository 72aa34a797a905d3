/**
 * An Exchange organisation in memory that answers on the real wire: WS-Management and PSRP over HTTP(S), with
 * Kerberos, Negotiate and Basic. For tests, demonstrations and measurements; the program `exchange-simulator`
 * runs it by itself.
 */
export { SimulatorError, type SimulatorErrorCode, type SimulatorRecovery } from './errors.ts';
export { type Simulator, type SimulatorOptions, startSimulator } from './simulator.ts';
export type { Changed, MailboxProperties, OrganizationChange, RecipientReference } from './organization/change.ts';
export type { ClockStart, OrganizationClock } from './organization/clock.ts';
export {
  createTestOrganization,
  type DirectoryTruth,
  type MailboxTruth,
  type OrganizationTruth,
  type TestOrganization,
  type TestOrganizationOptions,
} from './organization/control.ts';
export { type InProcessSessionOptions, openInProcessSession } from './in-process-session.ts';
export type { MoveTiming } from './organization/move-requests.ts';
export type { RecipientClass } from './organization/mailbox.ts';
export type { TruthValue } from './organization/truth.ts';
export type { SimulatorFacts } from './wire/shell-registry.ts';
export { chaosScript } from './faults/chaos.ts';
export type { MessageKind } from './faults/fault-script.ts';
export type { MessageCounts } from './faults/faults.ts';
