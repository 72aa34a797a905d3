/*
 * What to ask Exchange for, and what a row is. Nothing here does I/O: sessions, sorting, files and time
 * come in through ports.
 */
export { addressesText, type CellRemarks, cellText, noRemarks } from './cell-text.ts';
export {
  type Column,
  type ColumnPlan,
  databaseColumns,
  databaseHeader,
  mailboxColumns,
  mailboxHeader,
  propertiesOf,
} from './columns.ts';
export { readOrganisation } from './complete-export.ts';
export { statusMissing } from './database-reading.ts';
export { csvField, csvLine } from './csv.ts';
export { CsvReader, type CsvRecord } from './csv-reader.ts';
export { dateTimeText } from './date-time.ts';
export { ConnectorError, type ConnectorErrorCode } from './errors.ts';
export type {
  ExportPlan,
  ExportPorts,
  OrganisationReading,
  ReadingPorts,
  ReadingProgress,
  RowSink,
  SessionPorts,
} from './export-ports.ts';
export { type CheckedFile, ExportFileCheck, type ExpectedFile, GuidFinder } from './export-file-check.ts';
export { type ForestView, openForestView } from './forest-view.ts';
export { type CheckOutcome, checkAll, failureOfCheck, isStill, readsOf, verify } from './fulfill/check-state.ts';
export { describeCall, describePlan } from './fulfill/describe-plan.ts';
export { classOfError } from './fulfill/error-class.ts';
export type { FieldValue, Fields } from './fulfill/field-value.ts';
export { LiveReadings, readKey } from './fulfill/live-readings.ts';
export type { LiveObject, LiveState, Population, Read, ReadResult, ReadView } from './fulfill/live-state.ts';
export type {
  ChangeType,
  Order,
  OrderField,
  OrderHead,
  OrderIdentity,
  OrderReading,
  OrderTarget,
  UnusableOrder,
} from './fulfill/order.ts';
export type {
  Check,
  CmdletCall,
  ExceededThreshold,
  FulfillSettings,
  Inverse,
  InverseCall,
  ObjectIdentity,
  OrderDecision,
  ParameterValue,
  Plan,
  PlannedOrder,
  Step,
} from './fulfill/plan.ts';
export { planBatch, type ReadsNeeded } from './fulfill/plan-batch.ts';
export { entryNamedBy } from './fulfill/protection.ts';
export {
  type Digest,
  formatPlan,
  parsePlan,
  planDigest,
  type PlanReading,
  planVersion,
} from './fulfill/plan-document.ts';
export { type CarriedOut, planUndo } from './fulfill/plan-undo.ts';
export { type OrderSections, readOrder, readOrderSections } from './fulfill/read-order.ts';
export { isProjectionMissing, type ReadOptions, readRequest, readResultOf } from './fulfill/read-request.ts';
export { type RefusalClass, refusalClasses } from './fulfill/refusal.ts';
export { type CallOptions, callRequest } from './fulfill/step-request.ts';
export { type RunConditions, whyComplete } from './incremental/basis.ts';
export type { SearchCost } from './incremental/count-ranges.ts';
export {
  type CookieFacts,
  type KnownDatabase,
  type KnownUnit,
  parseCookieFacts,
  type Restless,
} from './incremental/cookie-facts.ts';
export {
  type IncrementOutcome,
  type IncrementPlan,
  type IncrementPorts,
  type IncrementReading,
  readIncrement,
} from './incremental/increment-reading.ts';
export { deleteLine, RowEntries, type RowHash } from './incremental/row-entry.ts';
export { type Absence, mergeRows, type MergePlan, type MergeStep } from './incremental/row-merge.ts';
export { type DatabaseStep, type RowCounts, type RunFacts, RunResult } from './incremental/run-result.ts';
export { compareGuids, fieldText, guidText, RowScanner } from './incremental/row-scanner.ts';
export { domainOf } from './incremental/server-check.ts';
export { digestBytes, type SnapshotEntry } from './incremental/snapshot-layout.ts';
export { SnapshotReader, type SnapshotSource } from './incremental/snapshot-reader.ts';
export { SnapshotWriter } from './incremental/snapshot-writer.ts';
export {
  type Breach,
  type ChangeLimits,
  type CommandLimits,
  type FileChange,
  findBreaches,
} from './incremental/thresholds.ts';
export type { Unit } from './incremental/unit.ts';
export { readUnits } from './incremental/units.ts';
export { joinAddresses, joinValues, splitAddresses, splitValues } from './multi-value.ts';
export {
  askedProperties,
  ObjectReader,
  type ObjectValues,
  propertyNames,
  readWholeObject,
  spellAsServer,
} from './object-reader.ts';
export { GuidSet } from './partition/guid-set.ts';
export type { KeptPart, KeptReading, OpenPart, PartFacts, PartLedger } from './partition/part-ledger.ts';
export { type Part, partId } from './partition/partition-plan.ts';
export {
  commandFailed,
  describeError,
  isCommandMissing,
  isParameterMissing,
  type PipelineHandlers,
  type PipelineOutcome,
  runPipeline,
} from './pipeline-run.ts';
export {
  commandRequest,
  databasesRequest,
  type ExportScope,
  exchangeServersRequest,
  forestViewRequest,
  mailboxCountRequest,
  mailboxesRequest,
  type MailboxesOptions,
  type MailboxSelection,
  mailboxSelections,
  narrowSelection,
  oneMailboxRequest,
  type PinnedServers,
  projectOnServer,
} from './requests.ts';
export { type RowCommand, RowWriter } from './row-writer.ts';
export { type SessionSource, singleSession } from './session-source.ts';
export { exportScriptRequest, scriptErrorIds, type ScriptSettings } from './script-contract.ts';
export { runExportScript, type ScriptPlan, type ScriptPorts, type ScriptReading, strayError } from './script-export.ts';
