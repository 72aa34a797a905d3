/* Orders as the native engine keeps them, in journals and plans: what it never writes, and might be secret, is left out. */
import { type Order, parseExactly } from '../order-files.ts';

const secretName = /passw(?:or)?d|pwd|passphrase|secret|credential/i;
const sections = /^(?:changes|resource)$/i;
/** It stands there still, so that the result says that it was ignored. */
const leftOut = '[not kept]';

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An order without the passwords that it may hold for somebody else; its fingerprint stays that of the whole. */
export function keptOrder(order: Order): Order {
  if (!secretName.test(order.json)) return order;
  const document = parseExactly(order.json) as Record<string, unknown>;
  for (const [name, section] of Object.entries(document)) {
    if (!sections.test(name) || !isObject(section)) continue;
    for (const key of Object.keys(section)) if (secretName.test(key)) section[key] = leftOut;
  }
  return { ...order, json: JSON.stringify(document) };
}
