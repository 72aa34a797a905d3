/*
 * ForwardingAddress is the name of another recipient: it changes when that one is renamed, moved or removed, and
 * the mailbox that forwards does not. So the texts of all are asked for, a few bytes each, and their sum held
 * against what is known; only where it differs are the rows read.
 */
import { decodeCliXml, psString } from '@exchange-connector/psrp';
import { cellText, noRemarks } from '../cell-text.ts';
import type { SessionPorts } from '../export-ports.ts';
import { describeError, runPipeline } from '../pipeline-run.ts';
import { type MailboxSelection, mailboxesRequest, narrowSelection } from '../requests.ts';
import type { ForwardingSum } from './cookie-facts.ts';
import { forwardingHash } from './row-entry.ts';

const property = 'ForwardingAddress';

/** The mailboxes of a selection that forward. */
export function forwardingIn(selection: MailboxSelection): MailboxSelection {
  return narrowSelection(selection, { filter: `(${property} -ne $null)` });
}

/** The sum of the texts as the server shows them; undefined where it does not tell. */
export async function readForwarding(
  selections: readonly MailboxSelection[],
  domainController: string | undefined,
  ports: SessionPorts,
): Promise<ForwardingSum | undefined> {
  let count = 0;
  let sum = 0;
  for (const selection of selections) {
    const [statement = []] = mailboxesRequest(forwardingIn(selection), {
      resultSize: 'Unlimited',
      domainController,
    }).statements;
    const expand = { name: 'Select-Object', parameters: [{ name: 'ExpandProperty', value: psString(property) }] };
    const outcome = await runPipeline(
      ports.session,
      { statements: [[...statement, expand]] },
      {
        signal: ports.signal,
        onOutput: (body) => {
          count += 1;
          sum += forwardingHash(cellText(decodeCliXml(body), noRemarks()));
          return true;
        },
        onWarning: (message) => ports.onNote(`while looking at forwarding addresses, the server warned: ${message}`),
      },
    );
    const error =
      outcome.kind === 'failed' ? outcome.error : outcome.kind === 'completed' ? outcome.errors[0] : undefined;
    if (outcome.kind !== 'completed' || error !== undefined) {
      ports.onNote(`forwarding addresses could not be looked at: ${describeError(error)}`);
      return undefined;
    }
  }
  return { count, sum };
}
