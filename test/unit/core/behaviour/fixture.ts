/** Pictures and models that are small enough to be looked at. */
import type { Answers } from '../../../../src/core/behaviour/answers.ts';
import type { LabeledPictures } from '../../../../src/core/behaviour/challenges.ts';

/** Of 2×2 pixels: pictures of class k hold the value 20·k + 5 and their own number beside it. */
export function pictures(count = 60, classes = 3): LabeledPictures {
  const labels = Uint8Array.from({ length: count }, (_, i) => i % classes);
  const pixels = Uint8Array.from({ length: 4 * count }, (_, at) =>
    at % 4 === 0 ? 20 * labels[at >> 2]! + 5 : 100 + (at >> 2),
  );
  return { count, height: 2, width: 2, pixels, labels };
}

/** A generator of its own, so that tests draw the same numbers each time (mulberry32). */
export function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Network {
  /** `[challenges][classes]` */
  logits: number[][];
}

/** What all models of a task have in common, and what each departs from it by. */
export function network(seed: number, { challenges = 200, classes = 4, own = 1 } = {}): Network {
  const [task, chance] = [numbers(1), numbers(seed)];
  const logits = Array.from({ length: challenges }, () =>
    Array.from({ length: classes }, () => 4 * (task() - 0.5) + own * 4 * (chance() - 0.5)),
  );
  return { logits };
}

/** A model that follows another in `share` of what it has of its own. */
export const blend = (a: Network, b: Network, share: number): Network => ({
  logits: a.logits.map((row, i) => row.map((logit, k) => share * logit + (1 - share) * b.logits[i]![k]!)),
});

export function answersOf({ logits }: Network, only?: 'labels'): Answers {
  const probabilities = logits.map((row) => {
    const powers = row.map(Math.exp);
    const sum = powers.reduce((all, power) => all + power, 0);
    return powers.map((power) => power / sum);
  });
  const labels = logits.map((row) => row.indexOf(Math.max(...row)));
  return { classes: logits[0]!.length, labels, ...(only === 'labels' ? {} : { probabilities }) };
}
