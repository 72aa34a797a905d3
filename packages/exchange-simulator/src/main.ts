/* The program `exchange-simulator`; bin/exchange-simulator.mjs starts it on a Node that is new enough. */
import { runProgram } from './program.ts';

process.exitCode = await runProgram(process.argv.slice(2));
