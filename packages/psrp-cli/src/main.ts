/* The program `psrp`; bin/psrp.mjs starts it on a Node that is new enough. */
import { runProgram } from './program.ts';
import { endProcess } from './run-control.ts';

endProcess(await runProgram(process.argv.slice(2)));
