/*
 * Kinds of values that are handled alike. Each guard takes its kinds out of the union, so that a switch over what is
 * left still ends in assertNever.
 */
import type { PsFloat, PsInteger, PsList, PsLong, PsText, PsValue } from './value.ts';

/** Whether a value is text on the wire and here: a string, a GUID, a date-time and the like, see {@link PsText}. */
export function isPsText(value: PsValue): value is PsText {
  switch (value.kind) {
    case 'S':
    case 'C':
    case 'URI':
    case 'Version':
    case 'G':
    case 'XD':
    case 'SBK':
    case 'TS':
    case 'DT':
    case 'D':
      return true;
    default:
      return false;
  }
}

/** Whether a value is a number: of up to 32 bits, of 64 bits (a `bigint`), or a floating-point one. */
export function isPsNumber(value: PsValue): value is PsInteger | PsLong | PsFloat {
  switch (value.kind) {
    case 'By':
    case 'SB':
    case 'U16':
    case 'I16':
    case 'U32':
    case 'I32':
    case 'U64':
    case 'I64':
    case 'Sg':
    case 'Db':
      return true;
    default:
      return false;
  }
}

/** Whether a value is a list, an enumerable, a stack or a queue. */
export function isPsList(value: PsValue): value is PsList {
  return 'items' in value;
}
