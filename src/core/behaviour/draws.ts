/**
 * Numbers drawn from a seed, the same on every machine: the words of SHA-256(seed ‖ counter), the counter a 64-bit
 * big-endian integer from 0, each hash eight 32-bit big-endian words. Whoever sees some challenges cannot tell the others,
 * as from a generator with a small state (core/random.ts) they could.
 */
import type { Sha256 } from '../digest.ts';

/** An integer in [0, bound), unbiased by rejection; `bound` in 1 … 2³². */
export type Draw = (bound: number) => number;

export function drawsFrom(sha256: Sha256, seed: Uint8Array): Draw {
  const counter = new DataView(new ArrayBuffer(8));
  let blocks = 0n;
  let words = new DataView<ArrayBufferLike>(new ArrayBuffer(0));
  let at = 0;
  const word = (): number => {
    if (at === words.byteLength) {
      counter.setBigUint64(0, blocks++);
      const block = sha256(seed, new Uint8Array(counter.buffer));
      words = new DataView(block.buffer, block.byteOffset, block.byteLength);
      at = 0;
    }
    at += 4;
    return words.getUint32(at - 4);
  };
  return (bound) => {
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let drawn = word();
    while (drawn >= limit) drawn = word();
    return drawn % bound;
  };
}
