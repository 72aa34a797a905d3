/*
 * A plan as a file. The text is the same for the same plan; a digest over its content finds a file that was cut short or
 * edited. It is no signature: who may write the file may write another digest.
 */
import type { Plan } from './plan.ts';
import { planFault } from './plan-shape.ts';

/** The version of the format that is written, and the only one that is read. */
export const planVersion = 1;

/** The SHA-256 of a text as UTF-8, in lower-case hexadecimal. */
export type Digest = (text: string) => string;

/** What reading a plan's file gives. */
export type PlanReading =
  | { readonly kind: 'plan'; readonly plan: Plan; readonly digest: string }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** JSON with the keys of every object in order: the same for the same content. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`);
  return `{${entries.join(',')}}`;
}

/** The digest by which a plan is known: in its file, in the journal, in the audit. */
export function planDigest(plan: Plan, digest: Digest): string {
  return digest(canonical(plan));
}

/** A plan as the text of its file. */
export function formatPlan(plan: Plan, digest: Digest): string {
  const document = {
    format: 'exchange-connector fulfilment plan',
    version: planVersion,
    sha256: planDigest(plan, digest),
    plan,
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** Reads the text of a plan's file. */
export function parsePlan(text: string, digest: Digest): PlanReading {
  const unreadable = (reason: string): PlanReading => ({ kind: 'unreadable', reason });
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    const { name, message } = error as Error;
    return unreadable(name === 'RangeError' ? 'its JSON is nested too deeply' : `it is not valid JSON: ${message}`);
  }
  const { format, version, sha256, plan } = (typeof document === 'object' && document !== null ? document : {}) as {
    format?: unknown;
    version?: unknown;
    sha256?: unknown;
    plan?: unknown;
  };
  if (format !== 'exchange-connector fulfilment plan') return unreadable('it is no plan of this connector');
  if (version !== planVersion) {
    return unreadable(
      `it has the format version ${JSON.stringify(version)}; version ${planVersion} is read: plan anew`,
    );
  }
  let computed: string;
  try {
    computed = digest(canonical(plan));
  } catch {
    return unreadable('its JSON is nested too deeply');
  }
  if (sha256 !== computed) return unreadable('its content does not match its sha256: it was changed or cut short');
  const fault = planFault(plan);
  if (fault !== undefined) return unreadable(fault);
  return { kind: 'plan', plan: plan as Plan, digest: computed };
}
