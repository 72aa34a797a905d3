/* Every command, in the order of the help. */
import { acknowledgeCommand } from './acknowledge.ts';
import { auditGroup, auditVerifyCommand } from './audit.ts';
import { checkCommand } from './check.ts';
import { configCheckCommand, configGroup, configSchemaCommand, configShowCommand } from './config.ts';
import { configScanCommand } from './config-scan.ts';
import { configXmlCommand } from './config-xml.ts';
import type { CommandDescription, GroupDescription } from './command.ts';
import { discoverCommand } from './discover.ts';
import { exportCommand } from './export.ts';
import { fulfillCommand } from './fulfill.ts';
import { undoCommand } from './undo.ts';
import { protectCommands, protectGroup } from './protect.ts';

export const commands: readonly CommandDescription[] = [
  exportCommand,
  acknowledgeCommand,
  checkCommand,
  discoverCommand,
  fulfillCommand,
  undoCommand,
  auditVerifyCommand,
  configShowCommand,
  configCheckCommand,
  configScanCommand,
  configSchemaCommand,
  configXmlCommand,
  ...protectCommands,
];

/** The first words of the commands that have sub-commands. */
export const groups: readonly GroupDescription[] = [auditGroup, configGroup, protectGroup];

/** Commands of later versions: no misspelling of one of these. */
export const plannedCommands: ReadonlySet<string> = new Set();
