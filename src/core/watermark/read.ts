/**
 * Looks for the mark of a key in a stack. Whatever the model, each bit agrees with a key that was made without regard to it
 * as a fair coin does: the directions are as likely one way round as the other. So the chance of that many bits is the tail
 * of a binomial distribution, without any assumption on models. Every hidden dense layer is looked at, for a thief may put
 * one in front, and the chance is counted once for each.
 */
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { neuronsOf } from '../fingerprint/neurons.ts';
import type { Stack } from '../fingerprint/stack.ts';
import { foldTwins } from '../fingerprint/twins.ts';
import type { WatermarkKey } from './key.ts';
import { MARK_BITS, markOf } from './key.ts';
import { momentsOf } from './moments.ts';

export interface ReadLayer {
  layer: string;
  /** How many of the bits are the key's */
  matched: number;
}

export interface Reading {
  bits: number;
  /** The layer that has the most of them */
  best: ReadLayer;
  layers: ReadLayer[];
  /**
   * Bound on the chance that a key which has nothing to do with the model agrees with a layer of it this well: the exact
   * binomial tail, times the number of layers looked at
   */
  pValue: number;
}

/** From here on a mark is called found: 51 of the 64 bits in the one layer that was looked at, or 52 in one of two to four. */
export const FOUND_BELOW = 1e-6;

/** @throws RegistryError `watermark_unfit` for a stack without hidden dense layers */
export function readMark(sha256: Sha256, stack: Stack, key: WatermarkKey): Reading {
  const layers = neuronsOf(sha256, foldTwins(sha256, stack))
    .slice(0, -1)
    .filter(({ layer }) => layer.kind === 'dense')
    .map((neurons): ReadLayer => {
      const mark = markOf(sha256, key, neurons.directions.width);
      const { values } = momentsOf(neurons, mark);
      return {
        layer: neurons.layer.name,
        matched: values.filter((value, bit) => value * mark.payload[bit]! > 0).length,
      };
    });
  if (layers.length === 0) throw noCarrier();
  const best = layers.reduce((a, b) => (b.matched > a.matched ? b : a));
  return { bits: MARK_BITS, best, layers, pValue: Math.min(1, layers.length * chanceOf(best.matched, MARK_BITS)) };
}

/** P(at least `matched` heads in `bits` tosses of a fair coin), exact before it is rounded once. */
export function chanceOf(matched: number, bits: number): number {
  let ways = 1n;
  let sum = 0n;
  for (let heads = bits; heads >= matched; heads--) {
    sum += ways;
    ways = (ways * BigInt(heads)) / BigInt(bits - heads + 1);
  }
  return Number(sum) / 2 ** bits;
}

export const noCarrier = (): RegistryError =>
  new RegistryError('watermark_unfit', 'The model has no hidden dense layer, which is where a mark is.', {
    field: 'path',
    fix: 'Mark models that have one.',
  });
