/**
 * The only globals beyond ECMAScript that this package touches: all are web standards that every
 * JavaScript host has. Nothing of Node is declared here, so `Buffer`, `setTimeout` and `node:*` are
 * compile errors: that is how this package stays free of I/O.
 */
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: Uint8Array, options?: { stream?: boolean }): string;
}
declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
}
interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}
