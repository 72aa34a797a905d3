/* Microsoft's own client (PowerShell's engine, see packages/psrp/test/oracle) on the simulator's pipe. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { Oracle } from '../../psrp/test/oracle-program.ts';

export interface RealObject {
  readonly types: readonly string[];
  readonly text: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

export interface RealError {
  readonly message: string;
  readonly id: string;
  readonly category: string;
  readonly reason: string;
  readonly exception: string;
}

export interface RealOutcome {
  readonly state: string;
  readonly output: readonly (RealObject | null)[];
  readonly errors: readonly RealError[];
  readonly warnings: readonly string[];
  readonly failure: RealError | null;
}

export interface RealRequest {
  readonly statements: readonly (readonly {
    readonly name?: string;
    readonly script?: string;
    readonly parameters?: Readonly<Record<string, unknown>>;
  }[])[];
  readonly input?: readonly string[];
  readonly stopAfter?: number;
}

/** A session of the real client; one request at a time. */
export class RealClient {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  #complaints = '';

  constructor(oracle: Oracle & { kind: 'ready' }, pipe: string) {
    this.#process = spawn(oracle.program, ['invoke', pipe], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints += text;
    });
    this.#reader = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async invoke(request: RealRequest): Promise<RealOutcome> {
    this.#process.stdin?.write(`${JSON.stringify(request)}\n`);
    const line = await this.#lines.next();
    if (line.done === true) throw new Error(`the real client ended: ${this.#complaints}`);
    return JSON.parse(line.value) as RealOutcome;
  }

  /** One pipeline of commands without input. */
  run(...commands: RealRequest['statements'][number]): Promise<RealOutcome> {
    return this.invoke({ statements: [commands] });
  }

  /** Closes the session; gives the exit code. */
  async close(): Promise<number | null> {
    const { promise, resolve } = Promise.withResolvers<number | null>();
    this.#process.on('exit', (code) => resolve(code));
    if (this.#process.exitCode !== null) resolve(this.#process.exitCode);
    this.#process.stdin?.end();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 10_000);
    const code = await promise;
    clearTimeout(timer);
    this.#reader.close();
    return code;
  }
}
