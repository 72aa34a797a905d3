/*
 * Composition: what a command or a page asks for, done with real sessions, files and clocks. Every run
 * takes an AbortSignal, tells its progress, and gives its outcome as a value with the exit code of the
 * command line.
 */
export {
  type AtRest,
  type EncryptionSource,
  openAtRest,
  type RowCiphers,
  type Sealing,
  stateKeyPath,
} from './at-rest.ts';
export { AgentError, type AgentErrorCode } from './errors.ts';
export { cookiePath, type ExportPaths, exportPaths, stateFolder } from './export-paths.ts';
export { isAtLeast, type LogLevel, type LogRecord, listenToLog, logLevels } from './log.ts';
export { openLogFile } from './log-file.ts';
export { type CommandCounts, formatManifest, type Manifest, type ManifestFile } from './manifest.ts';
export type {
  AcknowledgeOutcome,
  AcknowledgeRequest,
  CheckOutcome,
  CheckRequest,
  CheckStep,
  CheckStepName,
  ColumnAvailability,
  DiscoveredDatabase,
  DiscoveredServer,
  Discovery,
  DiscoverOutcome,
  ExportOutcome,
  ExportRequest,
  RunFailure,
  RunPhase,
  RunProgress,
  RunRequest,
} from './run.ts';
export type {
  ApplyRequest,
  FulfillOutcome,
  FulfillRequest,
  FulfillSummary,
  PlanOutcome,
  PlanRequest,
  PlanSummary,
  UndoRequest,
} from './fulfill/request.ts';
export type { AuditVerdict } from './fulfill/native/audit-log.ts';
/** What the native engine reaches the world through: server, clock, disk. For tests; every run has its own by default. */
export type { NativePorts } from './fulfill/native/native-context.ts';
export { verifyAuditOf } from './fulfill/native/run-audit.ts';
export { runApply, runUndo } from './fulfill/native/run-native.ts';
export { planUndo, runPlan } from './fulfill/native/run-plan.ts';
export { runFulfill } from './fulfill/run-fulfill.ts';
export { runAcknowledge } from './run-acknowledge.ts';
export { runCheck } from './run-check.ts';
export { runDiscover } from './run-discover.ts';
export { runExport } from './run-export.ts';
export { openSettings, type OpenSettingsRequest } from './settings/open-settings.ts';
/**
 * For the end of a program: true while a call into the security library is blocked (a dead KDC), which
 * would keep the process from ending; `exitImmediately(code)` ends it all the same.
 */
export { exitImmediately, hasBlockedCall } from '@exchange-connector/gssapi';
