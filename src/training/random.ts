/**
 * Every random draw of a run. A *stream* is one generator (core/random.ts), whose state is the beginning of
 * SHA-256("muniment random v1\n" ‖ decimal seed ‖ "\n" ‖ purpose). One stream a purpose (`init/dense1/kernel`,
 * `shuffle/3`) makes the draws of epoch 3 independent of whether epochs 1 and 2 ran in this process, so a run that is
 * resumed draws what an uninterrupted one draws.
 */
import { createHash } from 'node:crypto';
import type { RandomStream } from '../core/random.ts';
import { randomFrom } from '../core/random.ts';

/** @param seed an integer in [0, 2³²) @param purpose names the stream; the same pair gives the same draws */
export function randomStream(seed: number, purpose: string): RandomStream {
  return randomFrom(createHash('sha256').update(`muniment random v1\n${seed}\n${purpose}`).digest());
}
