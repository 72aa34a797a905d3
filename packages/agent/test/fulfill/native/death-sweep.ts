/*
 * `node death-sweep.ts '{ "orders": 200, "part": 0, "parts": 2, "stride": 1 }'`: lets a batch die at each moment that is
 * this part's, goes on after each, and prints a line of JSON now and then, and for each finding. Parts run side by side.
 */
import { Recording, type RecordedDeath } from './kills.ts';

export interface SweepTask {
  readonly orders: number;
  readonly part: number;
  readonly parts: number;
  /** 1: each of them. */
  readonly stride: number;
  /** Only this moment: a finding is looked at again. */
  readonly only?: { readonly moment: number; readonly torn: boolean };
}

export type SweepLine =
  | {
      readonly kind: 'recorded';
      readonly orders: number;
      readonly writes: number;
      readonly moments: number;
      readonly deaths: number;
      readonly own: number;
    }
  | { readonly kind: 'progress'; readonly done: number }
  | {
      readonly kind: 'finding';
      readonly moment: number;
      readonly torn: boolean;
      readonly what: string;
      readonly error: string;
    }
  | { readonly kind: 'ended'; readonly done: number };

const progressEvery = 50;

function isOwn(death: RecordedDeath, at: number, { part, parts, stride, only }: SweepTask): boolean {
  if (only !== undefined)
    return (death.torn !== undefined) === only.torn && [death.moment, ...death.also].includes(only.moment);
  return at % stride === 0 && (at / stride) % parts === part;
}

async function sweep(task: SweepTask, tell: (line: SweepLine) => void): Promise<void> {
  const recording = await Recording.make(task.orders);
  try {
    const own = recording.deaths.filter((death, at) => isOwn(death, at, task));
    const { orders, moments, deaths, reference } = recording;
    tell({
      kind: 'recorded',
      orders: orders.length,
      writes: reference.writes,
      moments,
      deaths: deaths.length,
      own: own.length,
    });
    let done = 0;
    for (const death of own) {
      try {
        await recording.goOn(death);
      } catch (error) {
        const { moment, torn, what } = death;
        tell({ kind: 'finding', moment, torn: torn !== undefined, what, error: String((error as Error).stack) });
      }
      done += 1;
      if (done % progressEvery === 0) tell({ kind: 'progress', done });
    }
    tell({ kind: 'ended', done });
  } finally {
    recording.dispose();
  }
}

await sweep(JSON.parse(process.argv[2] ?? '') as SweepTask, (line) => console.log(JSON.stringify(line)));
