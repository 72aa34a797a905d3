/* A plan for a person to read and approve. */
import { showValue } from './field-rule.ts';
import type { FieldValue, Fields } from './field-value.ts';
import type { CmdletCall, OrderDecision, ParameterValue, Plan, PlannedOrder, Step } from './plan.ts';
import { assertNever } from '../errors.ts';

/** Text of the directory on a terminal: control characters would be obeyed by it. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function isList(value: ParameterValue): value is readonly string[] {
  return Array.isArray(value);
}

function argumentText(value: ParameterValue): string {
  if (value === null) return '$null';
  if (typeof value === 'boolean') return value ? '$true' : '$false';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return quoted(value);
  if (isList(value)) return value.map(quoted).join(',');
  const parts: string[] = [];
  if (value.add !== undefined) parts.push(`Add=${value.add.map(quoted).join(',')}`);
  if (value.remove !== undefined) parts.push(`Remove=${value.remove.map(quoted).join(',')}`);
  return `@{${parts.join('; ')}}`;
}

/** A call as it would be typed in the Exchange Management Shell. */
export function describeCall(call: CmdletCall, domainController?: string): string {
  const words = Object.entries(call.parameters).map(([name, value]) => ` -${name} ${argumentText(value)}`);
  const server = domainController === undefined ? '' : ` -DomainController ${quoted(domainController)}`;
  return printable(`${call.cmdlet}${words.join('')}${server}`);
}

function lines(before: Fields, after: Fields): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => fieldLines(name, before[name], after[name]));
}

function fieldLines(name: string, before: FieldValue | undefined, after: FieldValue | undefined): string[] {
  const lists = [before, after].every((value) => value === null || value === undefined || typeof value === 'object');
  // Of what was not looked at there is nothing to show where nothing follows it.
  if ((before ?? null) === null && (after ?? null) === null && before !== after) return [];
  if (!lists || (before === null && after === null)) return [`${name}: ${showValue(before)} → ${showValue(after)}`];
  const [old, fresh] = [(before ?? []) as readonly string[], (after ?? []) as readonly string[]];
  return [
    `${name}:`,
    ...old.filter((text) => !fresh.includes(text)).map((text) => `  - ${text}`),
    ...fresh.filter((text) => !old.includes(text)).map((text) => `  + ${text}`),
    ...fresh.filter((text) => old.includes(text)).map((text) => `    ${text}`),
  ];
}

function stepLines(step: Step, domainController: string | undefined): string[] {
  const after = step.needs.length === 0 ? '' : ` (after step ${step.needs.join(', ')})`;
  const more = [`step ${step.number}${after}: ${step.purpose}`, `  ${describeCall(step, domainController)}`];
  if (step.inverse.kind === 'impossible') more.push(`  cannot be undone: ${step.inverse.reason}`);
  return more;
}

function decisionLines(decision: OrderDecision, plan: Plan): string[] {
  const notes = decision.notes.map((note) => `note: ${note}`);
  switch (decision.kind) {
    case 'planned': {
      const steps = decision.steps.flatMap((number) => {
        const step = plan.steps[number - 1];
        return step === undefined ? [] : stepLines(step, plan.domainController);
      });
      return [...lines(decision.before, decision.after), ...notes, ...steps];
    }
    case 'nothingToDo':
      return ['nothing to do', ...notes];
    case 'refused':
      return [`refused (${decision.class}): ${decision.reason}`, ...notes];
    default:
      return assertNever(decision);
  }
}

function orderLines({ order, decision }: PlannedOrder, plan: Plan): string[] {
  const about = order.about === undefined ? '' : ` ${order.about}`;
  const name = decision.object === undefined ? about : ` ${decision.object.kind} ${decision.object.name}`;
  const head = `order ${order.index} (${order.assignmentId || 'without id'}) ${order.changeTypeText}${name}`;
  return [head, ...decisionLines(decision, plan).map((line) => `  ${line}`)].map(printable);
}

/** The text of a plan: each order with its fields before and after, its cmdlets, its conflicts; then what it comes to. */
export function describePlan(plan: Plan): string {
  const count = (kind: OrderDecision['kind']): number =>
    plan.orders.filter(({ decision }) => decision.kind === kind).length;
  const summary = [
    `${plan.orders.length} orders: ${count('planned')} to carry out in ${plan.steps.length} steps, ${count('nothingToDo')} with nothing to do, ${count('refused')} refused`,
    ...plan.exceeded.map(({ message }) => `stopped by a threshold: ${message}`),
  ];
  return `${[...plan.orders.flatMap((order) => orderLines(order, plan)), ...summary].join('\n')}\n`;
}
