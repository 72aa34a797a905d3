/*
 * A session with a PowerShell that listens on a pipe, as `pwsh -CustomPipeName NAME` does: a Unix socket
 * `CoreFxPipe_NAME` in the temporary folder of .NET, a named pipe on Windows.
 */
import { connect, type Socket } from 'node:net';
import { isAbsolute, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { untilAborted } from '@exchange-connector/psrp';
import { PowerShellProcessError } from './errors.ts';
import { defaultPowerShellSessionLimits } from './limits.ts';
import { OutOfProcessSession, type PowerShellSession, type PowerShellSessionOptions } from './session/session.ts';
import type { Transport } from './session/transport.ts';
import { settledWithin } from './waiting.ts';

/** Which pipe to connect to. */
export interface PipeSessionOptions extends PowerShellSessionOptions {
  /** As given to `-CustomPipeName`; on Unix also the absolute path of a socket. */
  readonly name: string;
}

/** A pipe serves one client at a time, and one that comes right after another can be reset: tried again so long. */
const retryForMs = 2_000;
const retryDelayMs = 100;
/** The longest path of a Unix socket: `sun_path` has 108 bytes on Linux, 104 on macOS, a zero byte at the end. */
const maxSocketPathBytes = process.platform === 'darwin' ? 103 : 107;

/**
 * Opens a session over a pipe.
 *
 * @throws PowerShellProcessError POWERSHELL_PIPE_NAME_INVALID, POWERSHELL_PIPE_REFUSED, POWERSHELL_NOT_OPENED, POWERSHELL_RESPONSE_INVALID,
 *   POWERSHELL_TIMED_OUT; the signal's reason
 */
export async function openPipeSession(options: PipeSessionOptions): Promise<PowerShellSession> {
  options.signal?.throwIfAborted();
  const fault = pipeNameFault(options.name);
  if (fault !== undefined) {
    const message = `the pipe ${JSON.stringify(options.name.slice(0, 200))} ${fault}`;
    throw new PowerShellProcessError('POWERSHELL_PIPE_NAME_INVALID', message, { phase: 'open' });
  }
  const path = pipePath(options.name);
  const limits = { ...defaultPowerShellSessionLimits, ...options.limits };
  const retryUntil = performance.now() + retryForMs;
  for (;;) {
    const attempt = new Attempt(path, options.name);
    try {
      await attempt.connect(options.signal, limits.openTimeoutMs);
      return await OutOfProcessSession.open(attempt.transport, limits, options);
    } catch (error) {
      attempt.transport.destroy();
      const tooLate = error instanceof PowerShellProcessError && error.code === 'POWERSHELL_TIMED_OUT';
      if (options.signal?.aborted === true || tooLate || !attempt.wasReset) throw error;
      if (performance.now() >= retryUntil) throw attempt.alwaysCut(error);
      await delay(retryDelayMs, undefined, options.signal === undefined ? {} : { signal: options.signal }).catch(() => {
        throw options.signal?.reason;
      });
    }
  }
}

/** Why no pipe can have a name, in words that follow it; undefined where one can. */
export function pipeNameFault(name: string): string | undefined {
  if (name === '' || name.includes('\0')) return 'has a name that cannot be';
  if (process.platform === 'win32') return undefined;
  if (!isAbsolute(name) && name.includes('/'))
    return 'has a name with a slash in it; give the bare name, or an absolute path';
  const path = pipePath(name);
  if (Buffer.byteLength(path) > maxSocketPathBytes)
    return `would be the socket ${path.slice(0, 300)}, and a socket's path has at most ${maxSocketPathBytes} bytes`;
  return undefined;
}

/** Where .NET puts a named pipe of that name. */
function pipePath(name: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  return isAbsolute(name) ? name : join(process.env['TMPDIR'] || '/tmp', `CoreFxPipe_${name}`);
}

/** One try to connect. */
class Attempt {
  readonly transport: Transport;
  readonly #socket: Socket;
  readonly #path: string;
  readonly #name: string;
  #error: (Error & { code?: string }) | undefined;

  constructor(path: string, name: string) {
    this.#path = path;
    this.#name = name;
    const socket = connect(path);
    this.#socket = socket;
    socket.on('error', (error) => {
      this.#error = error;
    });
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    this.transport = {
      name: `the PowerShell at the pipe ${name}`,
      incoming: socket,
      outgoing: socket,
      ended: closed.then(() => (this.#error === undefined ? 'it closed the pipe' : this.#error.message)),
      said: () => '',
      end: async (limitMs) => {
        socket.end();
        socket.resume();
        await settledWithin(closed, limitMs);
        socket.destroy();
      },
      destroy: () => void socket.destroy(),
    };
  }

  /**
   * Whether the connection was cut before anything came over it, or the one client it serves has just left:
   * the engine then makes its socket anew, and for a moment there is none.
   */
  get wasReset(): boolean {
    if (this.#socket.bytesRead > 0) return false;
    const code = this.#error?.code;
    if (code === undefined) return this.#socket.readableEnded || this.#socket.closed;
    return (
      code === 'ECONNRESET' || code === 'EPIPE' || code === 'ECONNREFUSED' || code === 'ENOENT' || code === 'EBUSY'
    );
  }

  /** What is said when it was cut each time. */
  alwaysCut(error: unknown): PowerShellProcessError {
    if (error instanceof PowerShellProcessError && error.code === 'POWERSHELL_PIPE_REFUSED') return error;
    const why =
      'it cut each connection at once for two seconds; it serves one client at a time: is another one connected?';
    const options = { phase: 'open', recovery: 'retry-after-delay', cause: error } as const;
    return new PowerShellProcessError(
      'POWERSHELL_PIPE_REFUSED',
      `connecting to the pipe ${this.#name}: ${why}`,
      options,
    );
  }

  async connect(signal: AbortSignal | undefined, timeLimitMs: number): Promise<void> {
    const socket = this.#socket;
    const connected = new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const tooLong = AbortSignal.timeout(timeLimitMs);
    try {
      await untilAborted(connected, signal === undefined ? tooLong : AbortSignal.any([signal, tooLong]));
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      throw this.#refused(error === tooLong.reason ? undefined : (error as Error & { code?: string }), timeLimitMs);
    }
  }

  #refused(error: (Error & { code?: string }) | undefined, timeLimitMs: number): PowerShellProcessError {
    const why =
      error === undefined
        ? `nothing answered within ${timeLimitMs / 1000} s`
        : error.code === 'ENOENT'
          ? `there is none (${this.#path}); start its PowerShell with pwsh -CustomPipeName ${this.#name}, under the same account and temporary folder`
          : error.code === 'ECONNREFUSED'
            ? `nobody listens there any more (${this.#path}); start its PowerShell again`
            : error.code === 'EACCES' || error.code === 'EPERM'
              ? `this account may not use it (${this.#path}); a pipe belongs to the account that made it`
              : error.message;
    return new PowerShellProcessError('POWERSHELL_PIPE_REFUSED', `connecting to the pipe ${this.#name}: ${why}`, {
      phase: 'open',
      recovery: 'retry-after-delay',
      cause: error,
    });
  }
}
