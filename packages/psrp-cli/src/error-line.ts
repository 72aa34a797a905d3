/* An error as one line for a person: what happened, and at its end the code that docs/errors.md explains. */
import { GssapiError } from '@exchange-connector/gssapi';
import { WsmanError } from '@exchange-connector/wsman';

/** The code that says most: where Kerberos is why the session was refused, its own. */
function codeOf(error: Error): string | undefined {
  if (error.cause instanceof GssapiError) return error.cause.code;
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** `message [CODE]`, with the number of the fault before the code where the server sent one. */
export function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const fault = error instanceof WsmanError && error.faultCode !== undefined ? ` (fault ${error.faultCode})` : '';
  const code = codeOf(error);
  return `${error.message}${fault}${code === undefined ? '' : ` [${code}]`}`;
}
