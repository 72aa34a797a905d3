/*
 * Organisations of several sizes, each exported completely, again without a change, and again with the changes of a
 * day, through one shell and through four. Each organisation is made once: the clients of one shell and of four have
 * folders of their own, and read the same.
 */
import { fileURLToPath } from 'node:url';
import type { TestOrganization } from '@exchange-connector/exchange-simulator';
import type { ClientCost } from './export-client.ts';
import {
  type DayOfChanges,
  type MatrixCell,
  type MatrixColumn,
  type MatrixExport,
  matrixShells,
} from './matrix-figures.ts';
import { readCookie } from './measured-client.ts';
import { onStage, type ServedOrganization, type Stage } from './stage.ts';

/** Of a hundred mailboxes one is changed; of two thousand one is new, and one is gone. */
export function changesOf(size: number): DayOfChanges {
  const few = Math.max(1, Math.round(size / 2000));
  return { updated: Math.max(1, Math.round(size / 100)), created: few, deleted: few };
}

/** Makes the changes, to mailboxes that are exported, spread over the organisation. */
function changeOrganization(organization: TestOrganization, { updated, created, deleted }: DayOfChanges): void {
  const step = Math.floor(organization.mailboxCount / (updated + deleted));
  let next = 0;
  const choose = (): number => {
    for (let index = next; ; index += 1) {
      if (organization.placeOf(index).hiddenBehind !== undefined) continue;
      next = Math.max(index + 1, next + step);
      return index;
    }
  };
  const deleteEvery = Math.floor((updated + deleted) / deleted);
  for (let count = 1; count <= updated + deleted; count += 1) {
    const mailbox = choose();
    if (count % deleteEvery === 0 && count <= deleteEvery * deleted) {
      organization.change({ kind: 'removeMailbox', mailbox });
    } else {
      organization.change({ kind: 'setMailbox', mailbox, properties: { displayName: `Changed ${count}` } });
    }
  }
  for (let count = 0; count < created; count += 1) organization.change({ kind: 'createMailbox' });
}

async function measureServed(
  size: number,
  served: ServedOrganization,
  tell: (what: string) => void,
): Promise<MatrixColumn> {
  const cells: MatrixCell[] = [];
  const measure = async (kind: MatrixExport, shells: number): Promise<ClientCost> => {
    const cost = await served.run(`shells-${shells}`, kind === 'complete' ? 'complete' : 'incremental', shells);
    cells.push({ export: kind, shells, cost });
    tell(`${size} mailboxes, ${kind}, shells: ${shells}`);
    return cost;
  };
  for (const shells of matrixShells) {
    await measure('complete', shells);
    const { rows } = await measure('no change', shells);
    if (rows !== 0) throw new Error(`an export after no change wrote ${rows} rows`);
  }
  const changes = changesOf(size);
  changeOrganization(served.organization, changes);
  const least = changes.updated + changes.created + changes.deleted;
  for (const shells of matrixShells) {
    const { rows } = await measure('incremental', shells);
    // Who forwards to a mailbox that is gone is changed by that, too.
    if (rows < least) throw new Error(`an incremental export wrote ${rows} rows of at least ${least}`);
  }
  return { size, changes, cells, cookie: await readCookie(served.cookie(`shells-${matrixShells[0]}`)) };
}

/**
 * Measures one organisation.
 * @param tell hears of each export that was measured
 */
export function measureMatrixColumn(stage: Stage, size: number, tell: (what: string) => void): Promise<MatrixColumn> {
  return stage.serve(size, {}, (served) => measureServed(size, served, tell));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const size = Number(process.argv[2] ?? 10_000);
  const column = await onStage((stage) => measureMatrixColumn(stage, size, console.error));
  process.stdout.write(`${JSON.stringify(column, undefined, 1)}\n`);
}
