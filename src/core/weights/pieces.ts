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

/** The bytes of each `size` in the other order. */
export async function* swapped(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let rest = new Uint8Array(0);
  for await (const piece of pieces) {
    const all = new Uint8Array(rest.length + piece.length);
    all.set(rest);
    all.set(piece, rest.length);
    const whole = all.length - (all.length % size);
    rest = all.slice(whole);
    for (let at = 0; at < whole; at += size) {
      for (let low = at, high = at + size - 1; low < high; low++, high--) {
        const byte = all[low]!;
        all[low] = all[high]!;
        all[high] = byte;
      }
    }
    yield all.subarray(0, whole);
  }
  // A part of an element is left where the data is too short, which whoever counts the bytes refuses.
  if (rest.length > 0) yield rest;
}
