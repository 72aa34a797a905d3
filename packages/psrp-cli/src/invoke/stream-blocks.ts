/*
 * The streams beside the output, as blocks on standard error. The first line of a block begins with the
 * stream's word; its other lines are moved in, so that no text of a server can begin a block of its own.
 */
import { property, textOf } from '@exchange-connector/psrp';
import type { ErrorRecord, PsProgress, PsValue } from '@exchange-connector/psrp';
import { indentRest, inlineText, visibleText } from './record-text.ts';

const indent = '  ';

/** A record of the warning, verbose, debug or information stream. */
export function formatMessageBlock(word: 'WARNING' | 'VERBOSE' | 'DEBUG' | 'INFORMATION', message: string): string {
  return `${word}: ${indentRest(message, indent)}\n`;
}

/** An error record, or the error that ended a pipeline. */
export function formatErrorBlock(record: ErrorRecord): string {
  const lines = [
    `ERROR: ${indentRest(record.details ?? record.message, indent)}`,
    `${indent}FullyQualifiedErrorId : ${indentRest(record.fullyQualifiedErrorId, indent + indent)}`,
  ];
  if (record.categoryMessage !== '') {
    lines.push(`${indent}CategoryInfo          : ${indentRest(record.categoryMessage, indent + indent)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** An error block for a pipeline that ended in a state of failure without saying why. */
export function formatUnexplainedEnd(state: string): string {
  return `ERROR: the pipeline ended in state ${state}, and the server gave no error for it\n${indent}FullyQualifiedErrorId : (none)\n`;
}

/**
 * The text of an INFORMATION_RECORD ([MS-PSRP] 2.2.2.26): its MessageData, which `Write-Host` makes an
 * object whose text is its `Message`.
 */
export function informationText(raw: PsValue): string {
  const data = property(raw, 'MessageData');
  if (data === undefined) return inlineText(raw);
  const message = property(data, 'Message');
  return textOf(data) ?? (message === undefined ? undefined : textOf(message)) ?? inlineText(data);
}

/** A progress record as one line of at most `columns` characters. */
export function formatProgress(record: PsProgress, columns: number): string {
  const percent = record.percentComplete >= 0 ? ` ${record.percentComplete}%` : '';
  const left = record.secondsRemaining >= 0 ? `, ${record.secondsRemaining} s left` : '';
  const line = `${record.activity}: ${record.statusDescription}${percent}${left}`;
  return visibleText(line)
    .replace(/[\n\t]/g, ' ')
    .slice(0, Math.max(1, columns - 1));
}
