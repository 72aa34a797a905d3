/*
 * How many orders a batch may carry out before a person has to look: the export's thresholds, with orders for lines.
 * Counted per target and kind of change; orders that have nothing to do do not count. Percentages are those of the
 * organisation's mailboxes, and count from 200 mailboxes upward.
 */
import type { ChangeType, Order, OrderTarget } from './order.ts';
import type { OrganisationView } from './organisation-view.ts';
import type { ExceededThreshold, FulfillSettings } from './plan.ts';
import { Refused } from './refused.ts';

const leastForPercentage = 200;

const words: Readonly<Record<ChangeType, 'Inserted' | 'Updated' | 'Deleted'>> = {
  Added: 'Inserted',
  Modified: 'Updated',
  Deleted: 'Deleted',
};

function limitsOf(settings: FulfillSettings, change: ChangeType): { readonly lines: number; readonly percent: number } {
  switch (change) {
    case 'Added':
      return { lines: settings.maximumInsertedLines, percent: settings.maxPercentageInsertedLines };
    case 'Modified':
      return { lines: settings.maximumUpdatedLines, percent: settings.maxPercentageUpdatedLines };
    case 'Deleted':
      return { lines: settings.maximumDeletedLines, percent: settings.maxPercentageDeletedLines };
  }
}

/** Whether `found` orders are more than `percent` of the mailboxes. Reads no more of them than it takes to tell. */
function percentageExceeded(
  view: OrganisationView,
  found: number,
  percent: number,
  setting: string,
): ExceededThreshold | undefined {
  const enough = Math.ceil((found * 100) / percent);
  if (percent === 0 || enough <= leastForPercentage) return undefined;
  try {
    const total = view.objects({ kind: 'mailboxCount', upTo: enough }).length;
    if (total >= enough || total < leastForPercentage) return undefined;
    const message = `${found} orders are more than ${percent} % of the ${total} mailboxes (${setting})`;
    return { setting, limit: percent, found: Math.round((found * 10_000) / total) / 100, message };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return {
      setting,
      limit: percent,
      found,
      message: `the mailboxes could not be counted (${setting}): ${error.message}`,
    };
  }
}

/** @throws ReadingNeeded */
export function exceededThresholds(
  orders: readonly Order[],
  view: OrganisationView,
  settings: FulfillSettings,
): ExceededThreshold[] {
  const exceeded: ExceededThreshold[] = [];
  for (const target of ['mailbox', 'database'] as const satisfies readonly OrderTarget[]) {
    for (const change of ['Added', 'Modified', 'Deleted'] as const) {
      const found = orders.filter((order) => order.target === target && order.changeType === change).length;
      const { lines, percent } = limitsOf(settings, change);
      const setting = `Maximum${words[change]}Lines`;
      if (lines > 0 && found > lines) {
        const what = `${target} orders that are ${change}`;
        exceeded.push({
          setting,
          limit: lines,
          found,
          message: `${found} ${what} would be carried out; ${setting} is ${lines}`,
        });
      }
      if (target !== 'mailbox' || found === 0) continue;
      const share = percentageExceeded(view, found, percent, `MaxPercentage${words[change]}Lines`);
      if (share !== undefined) exceeded.push(share);
    }
  }
  return exceeded;
}
