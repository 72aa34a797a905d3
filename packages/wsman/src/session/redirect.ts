/*
 * Redirections by fault 2150859161. The address comes from the server, so that it is followed only where no
 * secret can leak and no protection is lost: never from https to http, never to another organisation, and with
 * Basic never to another host.
 */
import { WsmanError } from '../errors.ts';
import type { WsmanAuthentication } from '../http/authentication.ts';
import { type Endpoint, parseEndpoint } from '../http/endpoint.ts';

function parentDomain(host: string): string | undefined {
  const labels = host.toLowerCase().split('.');
  return labels.length >= 3 ? labels.slice(1).join('.') : undefined;
}

/**
 * The endpoint to go on with.
 * @throws WsmanError WSMAN_FAULT (the server's redirection, with why it was not followed)
 */
export function redirectTarget(
  location: string,
  from: Endpoint,
  authentication: WsmanAuthentication,
  cause: unknown,
): Endpoint {
  const refuse = (why: string) =>
    new WsmanError(
      'WSMAN_FAULT',
      `Create at ${from.url}: the server asks to go to ${location.slice(0, 300)}, which ${why}; name that address outright if it is right`,
      {
        cause,
        phase: 'open',
        operation: 'Create',
        url: from.url,
        faultCode: cause instanceof WsmanError ? cause.faultCode : undefined,
        redirectLocation: location,
      },
    );
  let target: Endpoint;
  try {
    target = parseEndpoint({ url: location, caPem: from.caPem });
  } catch {
    throw refuse('is no usable address');
  }
  if (from.secure && !target.secure) throw refuse('would give up TLS');
  const sameHost = target.host.toLowerCase() === from.host.toLowerCase();
  if (authentication.scheme === 'basic' && !sameHost) throw refuse('is another host: a password is not sent there');
  const domain = parentDomain(from.host);
  if (!sameHost && (domain === undefined || parentDomain(target.host) !== domain))
    throw refuse('lies outside the domain of the first address');
  // The address dialled belongs to the name it was given for.
  return sameHost ? { ...target, dialHost: from.dialHost, dialPort: target.dialPort } : target;
}
