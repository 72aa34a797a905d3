import { Asn1Fault, Asn1Reader, type ElementHead, readHead } from '../asn1/reader.ts';

/** The bytes end before the structure does. */
export class SourceEnded extends Error {
  override readonly name = 'SourceEnded';
  readonly offset: number;
  constructor(offset: number) {
    super(`the bytes end at ${offset}`);
    this.offset = offset;
  }
}

/** The longest head of an element: identifier, length of up to six bytes. */
const mostHeadBytes = 8;

/** Bytes that come in chunks of any size, read as ASN.1 from front to back with bounded memory. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #buffer: Uint8Array = new Uint8Array();
  #ended = false;
  #offset = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Of the next byte, counted from the start. */
  get offset(): number {
    return this.#offset;
  }

  /** Up to `count` bytes without taking them; fewer only at the end. */
  async peek(count: number): Promise<Uint8Array> {
    const parts = [this.#buffer];
    let have = this.#buffer.length;
    while (have < count && !this.#ended) {
      const { done, value } = await this.#chunks.next();
      if (done === true) this.#ended = true;
      else {
        parts.push(value);
        have += value.length;
      }
    }
    if (parts.length > 1) this.#buffer = Buffer.concat(parts);
    return this.#buffer.subarray(0, count);
  }

  /** Exactly `count` bytes. */
  async take(count: number): Promise<Uint8Array> {
    const bytes = await this.peek(count);
    if (bytes.length < count) throw new SourceEnded(this.#offset + bytes.length);
    this.#consume(count);
    return bytes;
  }

  /** Between one and `most` bytes, as they come. */
  async takeSome(most: number): Promise<Uint8Array> {
    await this.peek(1);
    const bytes = this.#buffer.subarray(0, most);
    if (bytes.length === 0) throw new SourceEnded(this.#offset);
    this.#consume(bytes.length);
    return bytes;
  }

  /** The head of the next element, without taking it. */
  async peekHead(): Promise<ElementHead> {
    const bytes = await this.peek(mostHeadBytes);
    const head = readHead(bytes, 0, this.#offset);
    if (head === undefined) throw new SourceEnded(this.#offset + bytes.length);
    return head;
  }

  async peekIdentifier(): Promise<number | undefined> {
    return (await this.peek(1))[0];
  }

  /** One whole element of at most `most` bytes, as a reader that stands before it. */
  async element(most: number, what: string): Promise<Asn1Reader> {
    const start = this.#offset;
    const head = await this.peekHead();
    if (head.contentBytes !== undefined) {
      const whole = head.headBytes + head.contentBytes;
      if (whole > most) throw new Asn1Fault(start, `${what} of ${whole} bytes; at most ${most} are read`);
      return new Asn1Reader(await this.take(whole), start);
    }
    for (let wanted = 1024; ; wanted *= 2) {
      const bytes = await this.peek(Math.min(wanted, most));
      try {
        const { encoded } = new Asn1Reader(bytes, start).any();
        this.#consume(encoded.length);
        return new Asn1Reader(encoded, start);
      } catch (error) {
        if (!(error instanceof Asn1Fault)) throw error;
        // Less than was asked for is all there is; all that is allowed is too much.
        if (bytes.length < Math.min(wanted, most)) throw new SourceEnded(start + bytes.length);
        if (wanted >= most) throw error;
      }
    }
  }

  /** Lets the source of the bytes go. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  #consume(count: number): void {
    this.#buffer = this.#buffer.subarray(count);
    this.#offset += count;
  }
}
