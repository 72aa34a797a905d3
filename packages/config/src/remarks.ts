import type { SettingRemark } from './connection-settings.ts';
import type { Origin } from './setting-value.ts';

/** A hostile file could earn a remark a byte; a person reads the first ones. */
const mostRemarks = 200;

/** Gathers what is wrong, so that all of it is said at once. */
export class Remarks {
  readonly #all: SettingRemark[] = [];
  #unsaid = 0;

  error(origin: Origin, message: string): void {
    this.#add('error', origin, message);
  }

  warn(origin: Origin, message: string): void {
    this.#add('warning', origin, message);
  }

  get hasErrors(): boolean {
    return this.#all.some((remark) => remark.severity === 'error');
  }

  /** The remarks in the order they were made; the last one counts those beyond the limit. */
  list(): readonly SettingRemark[] {
    const last = this.#all.at(-1);
    if (this.#unsaid === 0 || last === undefined) return this.#all;
    const message = `and ${this.#unsaid} more remarks, not shown`;
    return [...this.#all, { severity: 'warning', source: last.source, path: '', position: undefined, message }];
  }

  #add(severity: 'error' | 'warning', origin: Origin, message: string): void {
    if (this.#all.length >= mostRemarks && (severity === 'warning' || this.hasErrors)) this.#unsaid += 1;
    else {
      const { source, path, position } = origin;
      this.#all.push({ severity, source, path, position, message });
    }
  }
}

/** A value from a settings file as it may stand in a message: short, on one line, nothing unprintable. */
export function quote(text: string): string {
  // A password or token may have been written into an address; it is not for messages.
  const safe = text.replace(/\/\/\S*@/g, '//[secret]@').replace(/(:\/\/[^?\s]*)\?\S*/g, '$1?…');
  return JSON.stringify(safe.length > 100 ? `${safe.slice(0, 100)}…` : safe).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    '�',
  );
}
