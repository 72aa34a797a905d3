/**
 * An Exchange organisation in memory that answers on the real wire: WS-Management and PSRP over HTTP(S), with
 * Kerberos, Negotiate and Basic. For tests, demonstrations and measurements; the program `exchange-simulator`
 * runs it by itself.
 */
export { SimulatorError, type SimulatorErrorCode, type SimulatorRecovery } from './errors.ts';
export { type OrganizationTruth, type Simulator, type SimulatorOptions, startSimulator } from './simulator.ts';
export type { TruthValue } from './organization/truth.ts';
export type { SimulatorFacts } from './wire/shell-registry.ts';
