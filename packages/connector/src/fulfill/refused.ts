import type { RefusalClass } from './refusal.ts';

/** Ends the planning of one order: caught where orders are planned, never beyond. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly refusalClass: RefusalClass;
  readonly errorId: string | undefined;

  constructor(refusalClass: RefusalClass, reason: string, errorId?: string) {
    super(reason);
    this.refusalClass = refusalClass;
    this.errorId = errorId === '' ? undefined : errorId;
  }
}

/** Ends the planning of one order for now: something of the organisation has to be read first. */
export class ReadingNeeded extends Error {
  override readonly name = 'ReadingNeeded';
}
