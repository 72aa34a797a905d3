/* Opens the session: over HTTP, with a PowerShell started here, or over a pipe. */
import type { RemoteSession } from '@exchange-connector/psrp';
import { openWsmanSession, type WsmanAuthentication } from '@exchange-connector/wsman';
import { assertNever, usageError } from '../errors.ts';
import type { LineOutput } from '../output.ts';
import type { Log } from '../log.ts';
import { exitThrough } from '../run-control.ts';
import type { InvokeTarget, WsmanTarget } from './invoke-settings.ts';
import { readPassword } from './password.ts';

/** What opening needs of the command's surroundings. */
export interface OpeningSurroundings {
  readonly complaints: LineOutput;
  readonly standardInput: NodeJS.ReadStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Asks for what is needed (a password) before anything is contacted, and gives the way to open the session.
 *
 * @throws PsrpCliError PSRP_CLI_USAGE
 */
export async function prepareOpening(
  target: InvokeTarget,
  surroundings: OpeningSurroundings,
): Promise<(signal: AbortSignal) => Promise<RemoteSession>> {
  const { log } = surroundings;
  switch (target.kind) {
    case 'wsman': {
      if (target.caPem !== undefined && target.url.protocol === 'http:')
        log.write('Warning', '--ca means nothing to an http address');
      const authentication = await authenticationOf(target, surroundings);
      return (signal) => openWsman(target, authentication, signal, log);
    }
    case 'local':
      return (signal) => openLocal(target.program, signal, log);
    case 'pipe':
      await checkPipeName(target.name);
      return (signal) => openPipe(target.name, signal, log);
    default:
      return assertNever(target);
  }
}

async function authenticationOf(target: WsmanTarget, surroundings: OpeningSurroundings): Promise<WsmanAuthentication> {
  const { identity } = target;
  const ask = async (login: string): Promise<() => string> => {
    const password = await readPassword({
      fromStandardInput: target.passwordStdin,
      environment: surroundings.environment,
      input: surroundings.standardInput,
      prompt: (text) => void surroundings.complaints.write(text),
      login,
      signal: surroundings.signal,
    });
    return () => password;
  };
  if (identity.kind === 'basic') {
    const password = await ask(identity.login);
    return { scheme: 'basic', login: identity.login, password, allowUnencrypted: target.allowUnencryptedBasic };
  }
  const credential = identity.kind === 'password' ? { ...identity, password: await ask(identity.principal) } : identity;
  const { exitImmediately, gssapiMechanism } = await import('@exchange-connector/gssapi');
  exitThrough(exitImmediately);
  const scheme = target.auth === 'negotiate' ? 'negotiate' : 'kerberos';
  return { scheme, mechanism: gssapiMechanism(), credential, servicePrincipal: target.spn };
}

async function openWsman(
  target: WsmanTarget,
  authentication: WsmanAuthentication,
  signal: AbortSignal,
  log: Log,
): Promise<RemoteSession> {
  const facts = { url: target.url.href, auth: target.auth, configuration: target.configurationName };
  log.write('Information', 'opening a session', facts);
  const session = await openWsmanSession({
    url: target.url.href,
    caPem: target.caPem,
    authentication,
    configurationName: target.configurationName,
    signal,
  });
  log.write('Information', 'the session is open', { shell: session.shellId, protocol: session.server.protocolVersion });
  return session;
}

async function openLocal(program: string | undefined, signal: AbortSignal, log: Log): Promise<RemoteSession> {
  const { openLocalSession } = await import('@exchange-connector/powershell-process');
  log.write('Information', 'starting a local PowerShell', { program: program ?? 'as found' });
  const session = await openLocalSession({ program, signal });
  const facts = { process: session.processId, protocol: session.server.protocolVersion };
  log.write('Information', 'the session is open', facts);
  return session;
}

async function checkPipeName(name: string): Promise<void> {
  const { pipeNameFault } = await import('@exchange-connector/powershell-process');
  const fault = pipeNameFault(name);
  if (fault !== undefined) throw usageError(`--pipe: the pipe ${JSON.stringify(name.slice(0, 200))} ${fault}`);
}

async function openPipe(name: string, signal: AbortSignal, log: Log): Promise<RemoteSession> {
  const { openPipeSession } = await import('@exchange-connector/powershell-process');
  log.write('Information', 'connecting to a pipe', { pipe: name });
  const session = await openPipeSession({ name, signal });
  log.write('Information', 'the session is open', { protocol: session.server.protocolVersion });
  return session;
}
