/**
 * Rows that travel to the threads: as PostgreSQL's tuples, behind one another in memory that all threads see, so that
 * nothing is moved or copied between them. Memory is used again when its readers are done with it. Each page needs
 * megabytes, and a collector that has to find out again and again that nobody needs them any more takes more time than all
 * else in the thread that fetches them.
 */
export type SharedBytes = Uint8Array<SharedArrayBuffer>;

export const NO_TUPLES: SharedBytes = new Uint8Array(new SharedArrayBuffer(0));

export class TupleBuffer {
  #bytes: SharedBytes;
  length = 0;

  /** @param capacity bytes that are expected */
  constructor(capacity: number) {
    this.#bytes = takeMemory(capacity);
  }

  add(tuple: Uint8Array): void {
    const end = this.length + tuple.length;
    if (end > this.#bytes.length) {
      const smaller = this.#bytes;
      this.#bytes = takeMemory(Math.max(end, 2 * smaller.length));
      this.#bytes.set(smaller.subarray(0, this.length));
      giveBack(smaller);
    }
    this.#bytes.set(tuple, this.length);
    this.length = end;
  }

  /** The buffer itself, to which nothing may be added any more. */
  bytes(): SharedBytes {
    return this.#bytes.subarray(0, this.length);
  }

  copy(from: number, to: number): SharedBytes {
    const part = takeMemory(to - from).subarray(0, to - from);
    part.set(this.#bytes.subarray(from, to));
    return part;
  }
}

const spare: SharedArrayBuffer[] = [];
const MAX_SPARE = 8;
/** Sizes are powers of two from this one on, so that what is spare fits the next who asks. */
const SMALLEST = 1024 * 1024;
/** What is larger is left to the collector. */
const LARGEST = 4 * SMALLEST;

/** @param bytes that nobody looks at any more */
export function giveBack({ buffer }: SharedBytes): void {
  const { byteLength } = buffer;
  if (byteLength >= SMALLEST && byteLength <= LARGEST && spare.length < MAX_SPARE) spare.push(buffer);
}

function takeMemory(length: number): SharedBytes {
  let size = SMALLEST;
  while (size < length) size *= 2;
  const at = spare.findIndex(({ byteLength }) => byteLength === size);
  return new Uint8Array(at < 0 ? new SharedArrayBuffer(size) : spare.splice(at, 1)[0]!);
}
