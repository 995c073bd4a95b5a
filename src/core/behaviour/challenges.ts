/**
 * Challenges: pictures that are shown to a model to see how it decides where deciding is hard. Each is a mixture of two
 * pictures of a data set that belong to different classes, in shares between a quarter and three quarters, so that it
 * lies near where any model of the task changes its mind.
 *
 * They follow from the seed and the pictures alone. Nobody chooses one, and no model has a part in them: among models that
 * were trained alike, the registered one is then one of many, which is what makes the p-value exact (`score.ts`).
 */
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { drawsFrom } from './draws.ts';

/** Of the way in which challenges are made, for statements; another way has another name. */
export const CHALLENGE_SCHEME = 'muniment-challenges-1';

/** Fewer tell too little, more are too much to ask of anybody. */
export const MIN_CHALLENGES = 100;
export const MAX_CHALLENGES = 10_000;

/** Picture `i` is `pixels[i·height·width …]`, row-major, 0 … 255. */
export interface Pictures {
  count: number;
  height: number;
  width: number;
  pixels: Uint8Array;
}

export type LabeledPictures = Pictures & { labels: Uint8Array };

/** The second picture's share, in 256ths. */
const LEAST_SHARE = 64;
const MOST_SHARE = 192;

/**
 * @param seed 32 bytes
 * @throws RegistryError `dataset_malformed` where all pictures are of one class
 */
export function makeChallenges(sha256: Sha256, seed: Uint8Array, pictures: LabeledPictures, count: number): Pictures {
  const { height, width, pixels, labels } = pictures;
  if (labels.every((label) => label === labels[0])) {
    throw new RegistryError('dataset_malformed', 'All pictures are of one class: there is no boundary to look at.', {
      field: 'dataset',
      fix: 'Use data with at least two classes.',
    });
  }
  const draw = drawsFrom(sha256, seed);
  const size = height * width;
  const mixed = new Uint8Array(count * size);
  for (let to = 0; to < mixed.length; to += size) {
    const first = draw(pictures.count);
    let second = draw(pictures.count);
    while (labels[second] === labels[first]) second = draw(pictures.count);
    const share = LEAST_SHARE + draw(MOST_SHARE - LEAST_SHARE + 1);
    for (let i = 0; i < size; i++) {
      mixed[to + i] = (pixels[first * size + i]! * (256 - share) + pixels[second * size + i]! * share + 128) >> 8;
    }
  }
  return { count, height, width, pixels: mixed };
}
