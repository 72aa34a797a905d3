/*
 * [MS-PSRP] 3.1.1.2 and 3.2.1.2: the states of runspace pools, as tables: phase, then what is called or
 * received, give the next phase. What a table does not hold is refused: to the caller as an error, to the
 * peer as a violation. Once a pool is closing, closed or broken, what the peer still sends is dropped by
 * the pools themselves, before they ask a table.
 */

/** Where a client's pool stands. */
export type ClientPhase = 'beforeOpen' | 'negotiating' | 'opening' | 'opened' | 'closing' | 'closed' | 'broken';

/** What moves a client's pool: calls of its owner, then messages of the server. */
export type ClientInput =
  | 'open'
  | 'startPipeline'
  | 'askServer'
  | 'close'
  | 'capability'
  | 'capabilityRefused'
  | 'privateData'
  | 'initData'
  | 'keyMessage'
  | 'poolMessage'
  | 'pipelineMessage'
  | 'stateOpened'
  | 'stateClosing'
  | 'stateClosed'
  | 'stateBroken'
  | 'stateOther';

const clientEnds = { close: 'closing', stateClosing: 'closing', stateClosed: 'closed', stateBroken: 'broken' } as const;

export const clientTransitions: Readonly<Record<ClientPhase, Partial<Readonly<Record<ClientInput, ClientPhase>>>>> = {
  beforeOpen: { open: 'negotiating', close: 'closed' },
  // A real server with an initial command sends a stray pipeline state on the pool before anything else.
  negotiating: { capability: 'opening', capabilityRefused: 'broken', pipelineMessage: 'negotiating', ...clientEnds },
  opening: {
    privateData: 'opening',
    initData: 'opening',
    keyMessage: 'opening',
    poolMessage: 'opening',
    pipelineMessage: 'opening',
    stateOther: 'opening',
    stateOpened: 'opened',
    ...clientEnds,
  },
  opened: {
    startPipeline: 'opened',
    askServer: 'opened',
    privateData: 'opened',
    initData: 'opened',
    keyMessage: 'opened',
    poolMessage: 'opened',
    pipelineMessage: 'opened',
    stateOther: 'opened',
    stateOpened: 'opened',
    ...clientEnds,
  },
  closing: { close: 'closing', stateClosing: 'closing', stateClosed: 'closed', stateBroken: 'broken' },
  closed: { close: 'closed' },
  broken: { close: 'broken' },
};

/** Where a server's pool stands. `refused`: the client's version was answered and nothing follows. */
export type ServerPhase =
  | 'beforeOpen'
  | 'negotiated'
  | 'opening'
  | 'connecting'
  | 'opened'
  | 'closed'
  | 'broken'
  | 'refused';

/** What moves a server's pool: messages of the client, then calls of its owner. */
export type ServerInput =
  | 'capability'
  | 'capabilityRefused'
  | 'init'
  | 'connect'
  | 'keyMessage'
  | 'poolMessage'
  | 'createPipeline'
  | 'pipelineMessage'
  | 'openPool'
  | 'connectPool'
  | 'breakPool'
  | 'closePool'
  | 'answer';

const serverEnds = { breakPool: 'broken', closePool: 'closed' } as const;

export const serverTransitions: Readonly<Record<ServerPhase, Partial<Readonly<Record<ServerInput, ServerPhase>>>>> = {
  beforeOpen: { capability: 'negotiated', capabilityRefused: 'refused', ...serverEnds },
  negotiated: { init: 'opening', connect: 'connecting', ...serverEnds },
  opening: { openPool: 'opened', keyMessage: 'opening', poolMessage: 'opening', ...serverEnds },
  connecting: { connectPool: 'opened', keyMessage: 'connecting', ...serverEnds },
  opened: {
    capability: 'opened',
    connect: 'connecting',
    keyMessage: 'opened',
    poolMessage: 'opened',
    createPipeline: 'opened',
    pipelineMessage: 'opened',
    answer: 'opened',
    ...serverEnds,
  },
  closed: { breakPool: 'closed', closePool: 'closed' },
  broken: { breakPool: 'broken', closePool: 'broken' },
  refused: { breakPool: 'refused', closePool: 'refused' },
};
