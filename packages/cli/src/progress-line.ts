import type { RunPhase, RunProgress } from '@exchange-connector/agent';
import type { Terminal } from './terminal.ts';

const phaseWords: Record<RunPhase, string> = {
  connecting: 'connecting',
  counting: 'counting mailboxes',
  databases: 'reading databases',
  mailboxes: 'reading mailboxes',
  writing: 'writing files',
  fulfilling: 'carrying out orders',
};

/** Without a terminal: a line for each phase, and one so often within a long one. */
const plainIntervalMs = 10_000;
const widestBar = 30;

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** `42 s`, `3 min 5 s`, `2 h 10 min`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** `14:05`, in the time of this machine: the first minute that is over then. */
function timeOfDay(iso: string): string {
  const time = new Date(Math.ceil(Date.parse(iso) / 60_000) * 60_000);
  return `${String(time.getHours()).padStart(2, '0')}:${String(time.getMinutes()).padStart(2, '0')}`;
}

function factsOf(progress: RunProgress): string[] {
  const facts: string[] = [];
  if (progress.total !== undefined && progress.total > 0) {
    facts.push(`${grouped.format(progress.done)} of ${grouped.format(progress.total)}`);
    facts.push(`${Math.floor((Math.min(progress.done, progress.total) / progress.total) * 100)}%`);
  } else if (progress.done > 0) facts.push(grouped.format(progress.done));
  if (progress.done > 0 && progress.perSecond > 0) facts.push(`${grouped.format(progress.perSecond)}/s`);
  if (progress.throttledUntil !== undefined) facts.push(`throttled until ${timeOfDay(progress.throttledUntil)}`);
  else if (progress.secondsLeft !== undefined && progress.done < (progress.total ?? 0))
    facts.push(`${formatSeconds(progress.secondsLeft)} left`);
  return facts;
}

/** One line that fits the width: words, a bar where the total is known and there is room, numbers. */
export function formatProgress(progress: RunProgress, width: number): string {
  const facts = factsOf(progress).join(', ');
  const words = phaseWords[progress.phase];
  const room = Math.min(widestBar, width - words.length - facts.length - 6);
  if (progress.total === undefined || progress.total === 0 || room < 5)
    return `${words}${facts === '' ? ' …' : `  ${facts}`}`;
  const filled = Math.round((Math.min(progress.done, progress.total) / progress.total) * room);
  return `${words} [${'#'.repeat(filled)}${'-'.repeat(room - filled)}] ${facts}`;
}

/** Shows how far a run has come: one line drawn again and again on a terminal, now and then a line elsewhere. */
export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  #phase: RunPhase | undefined;
  #saidAt = 0;
  #endSaid = false;
  #throttled = false;

  constructor(terminal: Terminal, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#now = now;
  }

  show(progress: RunProgress): void {
    if (this.#terminal.canRedraw) {
      this.#terminal.draw(formatProgress(progress, this.#terminal.width));
      return;
    }
    if (progress.phase !== this.#phase) this.#endSaid = false;
    const atEnd = progress.done === progress.total && progress.done > 0;
    if (atEnd && this.#endSaid) return;
    this.#endSaid = atEnd;
    const isThrottled = progress.throttledUntil !== undefined;
    const changed = progress.phase !== this.#phase || isThrottled !== this.#throttled;
    this.#throttled = isThrottled;
    const due = changed || atEnd || this.#now() - this.#saidAt >= plainIntervalMs;
    if (!due) return;
    this.#phase = progress.phase;
    this.#saidAt = this.#now();
    const facts = factsOf(progress).join(', ');
    this.#terminal.say(`${phaseWords[progress.phase]}${facts === '' ? ' …' : `: ${facts}`}`);
  }

  end(): void {
    this.#terminal.draw('');
  }
}
