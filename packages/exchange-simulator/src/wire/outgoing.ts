/* An HTTP answer before it is sent, and IIS's page for what is none of the service's. */
import type { ServerResponse } from 'node:http';

export interface Outgoing {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
}

export function htmlPage(
  status: number,
  title: string,
  headers: Readonly<Record<string, string | string[]>> = {},
): Outgoing {
  const text = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN""http://www.w3.org/TR/html4/strict.dtd">\r\n<HTML><HEAD><TITLE>${title}</TITLE></HEAD>\r\n<BODY><h2>${title}</h2><hr><p>HTTP Error ${status}.</p></BODY></HTML>\r\n`;
  return { status, headers: { ...headers, 'Content-Type': 'text/html; charset=us-ascii' }, body: Buffer.from(text) };
}

/** Writes status and headers, with the length of the whole body. */
export function writeHead(response: ServerResponse, { status, headers, body }: Outgoing): void {
  response.writeHead(status, { ...headers, 'Content-Length': body.length });
}

/** Sends all of it. */
export function sendWhole(response: ServerResponse, outgoing: Outgoing): void {
  if (response.destroyed) return;
  writeHead(response, outgoing);
  response.end(outgoing.body);
}
