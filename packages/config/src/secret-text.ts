import type { Origin, SettingValue } from './setting-value.ts';

/** A text whose value no printing, serializing or logging of the object shows. */
export function secretText(text: string, origin: Origin): SettingValue {
  return Object.defineProperty({ kind: 'text', origin }, 'value', {
    value: text,
    enumerable: false,
  }) as SettingValue & {
    kind: 'text';
  };
}
