import type { PsValue } from '../clixml/value.ts';

/** What a server says in an INFORMATION_RECORD ([MS-PSRP] 2.2.2.26). */
export interface InformationInit {
  /** MessageData: any value; text for `Write-Information`. */
  readonly messageData: PsValue;
  readonly source?: string;
  /** CLIXML date-time text, e.g. `2024-05-01T10:00:00.0000000Z`. */
  readonly timeGenerated: string;
  readonly tags?: readonly string[];
  readonly user?: string;
  readonly computer?: string;
  readonly processId?: number;
}

/** What a server says in a PROGRESS_RECORD ([MS-PSRP] 2.2.2.25). -1 stands for unknown. */
export interface ProgressInit {
  readonly activity: string;
  readonly activityId: number;
  readonly statusDescription: string;
  readonly currentOperation?: string;
  readonly parentActivityId?: number;
  readonly percentComplete?: number;
  readonly secondsRemaining?: number;
  readonly completed?: boolean;
}
