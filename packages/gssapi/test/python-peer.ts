import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Why the Python peer cannot run here, or false. */
export const noPython: string | false =
  spawnSync('/usr/bin/python3', ['-c', 'import gssapi']).status === 0
    ? false
    : 'python3-gssapi is not installed: apt-get install python3-gssapi';

export type PeerVerb = 'step' | 'peer' | 'wrap-iov' | 'unwrap-iov' | 'wrap' | 'sign' | 'unwrap' | 'session-key';

/** python3-gssapi as one side of a context (python-peer.py). */
export class PythonPeer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(side: 'initiate' | 'accept', scheme: string, target: string, keytab: string) {
    const program = join(import.meta.dirname, 'python-peer.py');
    const stdio = ['pipe', 'pipe', 'inherit'] as const;
    const child = spawn('/usr/bin/python3', [program, side, scheme, target, keytab], { stdio: [...stdio] });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  }

  async ask(verb: PeerVerb, ...given: readonly Uint8Array[]): Promise<Buffer[]> {
    const words = given.map((bytes) => (bytes.byteLength === 0 ? '-' : Buffer.from(bytes).toString('base64')));
    this.#child.stdin?.write(`${[verb, ...words].join(' ')}\n`);
    const line = await this.#lines.next();
    if (line.done) throw new Error(`the Python peer ended at ${verb}`);
    return line.value.split(' ').map((word) => (word === '-' ? Buffer.alloc(0) : Buffer.from(word, 'base64')));
  }

  end(): void {
    this.#child.stdin?.end();
  }
}
