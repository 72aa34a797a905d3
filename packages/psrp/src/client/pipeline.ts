import { PsrpError } from '../errors.ts';
import type { Guid } from '../guid.ts';
import { type MessageType, nameOfMessageType } from '../message/message-type.ts';
import { type PipelineEvent, PipelineState } from '../session.ts';
import { readPipelineEvent } from './pipeline-event.ts';

/** [MS-PSRP] 3.1.1.2.4: one pipeline of a client's pool: whether input may still be sent, and whether it has ended. */
export class ClientPipeline {
  readonly #id: Guid;
  readonly #hasInput: boolean;
  #inputEnded = false;
  #hasEnded = false;

  constructor(id: Guid, hasInput: boolean) {
    this.#id = id;
    this.#hasInput = hasInput;
  }

  /** Whether its last state came: what arrives later belongs to nothing. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Throws PSRP_STATE_INVALID where no input is due. */
  sendsInput(): void {
    if (this.#hasInput && !this.#inputEnded) return;
    const why = this.#hasInput ? 'its input was ended' : 'it was started without input';
    throw new PsrpError('PSRP_STATE_INVALID', `sending input to pipeline ${this.#id}: ${why}`);
  }

  endsInput(): void {
    this.sendsInput();
    this.#inputEnded = true;
  }

  /** The event that a message of this pipeline tells; throws PsrpError for one that no server sends. */
  receive(type: MessageType, body: Uint8Array): PipelineEvent {
    const event = readPipelineEvent(type, body);
    if (event === undefined) {
      const seen = `receiving a ${nameOfMessageType(type)} in pipeline ${this.#id}`;
      throw new PsrpError('PSRP_MESSAGE_UNEXPECTED', `${seen}: only a client sends it`);
    }
    if (event.kind === 'state') {
      this.#hasEnded = event.state >= PipelineState.Stopped && event.state !== PipelineState.Disconnected;
    }
    return event;
  }
}
