import type { ConnectionSettings } from '@exchange-connector/config';
import { AgentError } from './errors.ts';

/**
 * The XML configuration may say of a connection what it is not for; whoever starts the run, it is refused before
 * anything is read, written or contacted.
 * @throws AgentError RUN_SETTINGS_UNUSABLE
 */
export function refuseDeactivated({ id, deactivated }: ConnectionSettings, use: 'export' | 'fulfillment'): void {
  if (deactivated !== use) return;
  throw new AgentError(
    'RUN_SETTINGS_UNUSABLE',
    `connection ${id}: its ${use} is switched off by DeactivationExportFulfill of the XML configuration`,
    { mend: 'switch it on there, or use another connection' },
  );
}
