/**
 * Rows as PostgreSQL hands them out in bulk: `COPY (…) TO STDOUT (FORMAT binary)` (PostgreSQL manual, COPY, *Binary
 * Format*; §55.2.6 *COPY Operations*). No string and no object is made of a value before somebody looks at it, so a
 * thread that only passes rows on hardly spends time on them.
 *
 * A tuple is an int16 count of fields, then each field as an int32 length and its bytes, -1 for NULL.
 */
import type { Connection, Submittable } from 'pg';

/** `PGCOPY\n\377\r\n\0`, flags and the length of the extension, which precede the first tuple. */
const HEADER_BYTES = 19;
/** Field count of the last message. */
const TRAILER = -1;

export class CopyOut implements Submittable {
  /** Settles when the last row was handed out. */
  readonly done: Promise<void>;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;
  #started = false;
  #connection: Connection | undefined;

  /** @param onTuple gets each row; its bytes are overwritten afterwards */
  constructor(
    private readonly select: string,
    private readonly onTuple: (tuple: Buffer) => void,
  ) {
    this.done = new Promise((resolve, reject) => ([this.#resolve, this.#reject] = [resolve, reject]));
  }

  submit(connection: Connection): void {
    this.#connection = connection;
    connection.query(`COPY (${this.select}) TO STDOUT (FORMAT binary)`);
  }

  /** The server waits when the socket is full. */
  pause(): void {
    this.#connection?.stream.pause();
  }

  resume(): void {
    this.#connection?.stream.resume();
  }

  handleCopyData({ chunk }: { chunk: Buffer }): void {
    const tuple = this.#started ? chunk : chunk.subarray(HEADER_BYTES);
    this.#started = true;
    if (tuple.readInt16BE(0) !== TRAILER) this.onTuple(tuple);
  }

  handleCommandComplete(): void {
    // The end is told by `handleReadyForQuery`.
  }

  handleReadyForQuery(): void {
    this.#resolve();
  }

  handleError(error: unknown): void {
    this.#reject(error);
  }
}

/** The fields of each tuple, as views of `bytes`; null for NULL. */
export function* readTuples(bytes: Uint8Array): Generator<(Buffer | null)[]> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < buffer.length;) {
    const fields = new Array<Buffer | null>(buffer.readInt16BE(at));
    at += 2;
    for (let i = 0; i < fields.length; i++) {
      const length = buffer.readInt32BE(at);
      at += 4;
      fields[i] = length < 0 ? null : buffer.subarray(at, at + length);
      if (length > 0) at += length;
    }
    yield fields;
  }
}

/** An int8 as a number; exact for every index that a log can have. */
export const readInt8 = (bytes: Buffer, at = 0): number => bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
