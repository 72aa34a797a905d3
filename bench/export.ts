/*
 * What complete exports cost their client, over Kerberos with sealed bodies: projected or whole objects, from a server
 * that takes its time or does not.
 */
import { fileURLToPath } from 'node:url';
import type { ClientCost } from './export-client.ts';
import { onStage, type Stage } from './stage.ts';

/** What an export is measured with. */
export interface ExportConditions {
  /** `projected` (default): the server sends 45 properties; `whole`: all 228. */
  readonly objects?: 'projected' | 'whole';
  /** Milliseconds that the server takes for each mailbox; default 0. */
  readonly latencyMs?: number;
  /** Shells that read at once, opened one right after the other: one export for each; default one shell. */
  readonly shells?: readonly number[];
}

/**
 * Measures complete exports of one organisation.
 * @param mailboxes of the organisation; those that `Get-Mailbox` hides are among them
 * @returns what each cost, in the order of `shells`
 */
export function measureExports(
  stage: Stage,
  mailboxes: number,
  { objects = 'projected', latencyMs = 0, shells = [1] }: ExportConditions = {},
): Promise<readonly ClientCost[]> {
  const options = { latencyMs, without: objects === 'whole' ? ['Select-Object'] : [] };
  return stage.serve(mailboxes, options, async (served) => {
    const costs: ClientCost[] = [];
    for (const count of shells) costs.push(await served.run(`shells-${count}`, 'complete', count));
    return costs;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [mailboxes = '10000', objects, latencyMs = '0', shells = '1'] = process.argv.slice(2);
  const costs = await onStage((stage) =>
    measureExports(stage, Number(mailboxes), {
      objects: objects === 'whole' ? 'whole' : 'projected',
      latencyMs: Number(latencyMs),
      shells: shells.split(',').map(Number),
    }),
  );
  for (const cost of costs) process.stdout.write(`${JSON.stringify(cost)}\n`);
}
