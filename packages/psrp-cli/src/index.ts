/** The `psrp` program's own parts: CLIXML values as JSON, and the reading of command-line arguments. */
export { parsePipeline } from './arguments/argument-reader.ts';
export { parseNumberLiteral } from './arguments/number-literal.ts';
export { parseJsonInput } from './arguments/json-input.ts';
export { PsrpCliError, type PsrpCliErrorCode, psrpCliErrorCodes } from './errors.ts';
export { defaultMaxJsonCharacters, formatJson, JsonWriter, type JsonWriterOptions } from './json/json-value.ts';
