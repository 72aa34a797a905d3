/* Sessions between a reader and a server that behaves otherwise than it should, or at a bad moment. */
import type { InvokeOptions, PipelineEvent, PipelineRequest, RemoteSession } from '@exchange-connector/psrp';

/** What a request's answers become; `undefined` leaves one out. */
export type Alteration = (event: PipelineEvent) => PipelineEvent | undefined;

/**
 * @param look sees each request before the server does, and may give what its answers become
 */
export function altered(
  inner: RemoteSession,
  look: (request: PipelineRequest) => Alteration | undefined,
): RemoteSession {
  return {
    get server() {
      return inner.server;
    },
    async *invoke(request: PipelineRequest, options?: InvokeOptions): AsyncGenerator<PipelineEvent> {
      const alter = look(request);
      for await (const event of inner.invoke(request, options)) {
        const given = alter === undefined ? event : alter(event);
        if (given !== undefined) yield given;
      }
    },
    close: () => inner.close(),
  };
}

/** The text of `-Filter`; empty where there is none. */
export function filterOf({ statements }: PipelineRequest): string {
  const filter = statements[0]?.[0]?.parameters.find(({ name }) => name === 'Filter')?.value;
  return filter?.kind === 'S' ? filter.value : '';
}

/** What all mailboxes are piped into, `undefined` for nothing; `none` where another thing is asked for. */
export function allMailboxesInto({ statements }: PipelineRequest): string | undefined {
  const [command, next] = statements[0] ?? [];
  const size = command?.parameters[0]?.value;
  const isAll = command?.name === 'Get-Mailbox' && command.parameters.length === 1;
  return isAll && size?.kind === 'S' && size.value === 'Unlimited' ? next?.name : 'none';
}
