/** What is done to data that comes in pieces, wherever they are cut. */

/** The `length` bytes that the pieces have together. */
export async function gathered(pieces: AsyncIterable<Uint8Array>, length: number): Promise<Uint8Array> {
  const whole = new Uint8Array(length);
  let at = 0;
  for await (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Copies in which each piece has whole elements of `size` bytes; what is left over comes last. */
export async function* whole(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let rest = new Uint8Array(0);
  for await (const piece of pieces) {
    const all = new Uint8Array(rest.length + piece.length);
    all.set(rest);
    all.set(piece, rest.length);
    const end = all.length - (all.length % size);
    rest = all.slice(end);
    yield all.subarray(0, end);
  }
  // Where the data is too short, which whoever counts the bytes refuses.
  if (rest.length > 0) yield rest;
}

/** The bytes of each `size` in the other order. */
export async function* swapped(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of whole(pieces, size)) {
    for (let at = 0; at + size <= piece.length; at += size) {
      for (let low = at, high = at + size - 1; low < high; low++, high--) {
        const byte = piece[low]!;
        piece[low] = piece[high]!;
        piece[high] = byte;
      }
    }
    yield piece;
  }
}
