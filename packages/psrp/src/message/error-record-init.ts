import type { PsValue } from '../clixml/value.ts';

/** What a server says of an error; everything left out is empty on the wire. */
export interface ErrorRecordInit {
  readonly message: string;
  readonly fullyQualifiedErrorId: string;
  /** Type names of the exception, most derived first; default `System.Exception`, `System.Object`. */
  readonly exceptionTypeNames?: readonly string[];
  /** `ErrorCategory` as its number ([MS-PSRP] 2.2.3.9); default 0, NotSpecified. */
  readonly category?: number;
  readonly categoryActivity?: string;
  readonly categoryReason?: string;
  readonly categoryTargetName?: string;
  readonly categoryTargetType?: string;
  /** Default: made of the other category fields as PowerShell does. */
  readonly categoryMessage?: string;
  readonly targetObject?: PsValue;
  /** `ErrorDetails.Message`. */
  readonly details?: string;
  /** `ErrorDetails.RecommendedAction`; told only where there are `details`. */
  readonly recommendedAction?: string;
}
