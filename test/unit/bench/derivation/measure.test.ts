import { describe, expect, it } from '@jest/globals';
import { DERIVATIONS } from '../../../../bench/derivation/derivations.ts';
import { measure } from '../../../../bench/derivation/measure.ts';
import { stackOfRun, tensorsOfRun } from '../../../../src/core/fingerprint/run-stack.ts';
import type { ZooModel } from '../../../../bench/derivation/zoo.ts';
import type { Stack } from '../../../../src/core/fingerprint/stack.ts';
import { parseHyperparameters } from '../../../../src/training/hyperparameters.ts';

/** A model whose whole fingerprint is one number: the nearer two are, the more alike. */
const stackAt = (place: number): Stack => ({
  layers: [
    {
      kind: 'dense',
      name: 'dense1',
      units: 1,
      inputs: 1,
      kernel: Float32Array.of(place),
      bias: Float32Array.of(0),
    },
  ],
});
const scheme = {
  fingerprintOf: (stack: Stack) => stack.layers[0]!.kernel[0]!,
  similarity: (a: number, b: number) => -Math.abs(a - b),
  evidence: (a: number, b: number) => 1 - Math.abs(a - b),
};

function model(name: string, place: number, initSeed: number, role: ZooModel['role'] = 'base'): ZooModel {
  const tensors = tensorsOfRun(stackAt(place));
  const hyperparameters = parseHyperparameters({ hidden: [1] });
  return { name, role, initSeed, images: [0, 1], hyperparameters, tensors, weightDigest: '', testAccuracy: 0.9 };
}
const copy = (base: string, place: number, kept = 1, derivation = DERIVATIONS[0]!.name) => ({
  base,
  derivation,
  stack: stackOfRun(tensorsOfRun(stackAt(place))),
  kept,
});

const ZOO = [
  model('a', 0, 1000),
  model('a-other-order', 0.125, 1000, 'hard negative'),
  model('a-other-init', 1, 1009, 'hard negative'),
  model('b', 2, 1001),
  model('outsider', 2.75, 1500, 'outsider'),
];

describe('measuring', () => {
  it('counts pairs of one initialization apart, all others as unrelated, an outsider’s too', () => {
    const { specificity } = measure(scheme, ZOO, [copy('a', 0.25)]);
    // a, b, a-other-order and a-other-init among each other 12 ordered pairs, the outsider 4, the copy 3 and its base.
    expect(specificity[0]).toMatchObject({ unrelatedPairs: 10 + 4 + 2, initializationPairs: 2 + 1 });
    expect(specificity[0]).toMatchObject({ threshold: 0.25, closest: 'outsider / b', initializationAbove: 3 });
  });

  it('finds a copy that is nearer to its base than unrelated models ever come', () => {
    const { rows, misses, summaries } = measure(scheme, ZOO, [copy('a', 0.25), copy('b', 2.5)]);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ models: 2, working: 2, recall1: 0.5, recall5: 1, found: 1, lowestEvidence: 0.5 });
    expect(rows[0]!.foundAtLeast).toBeCloseTo(Math.sqrt(0.05), 9);
    expect(misses).toEqual([]);
    expect(summaries[0]).toMatchObject({ bases: 'development', working: 2, wholeBases: 2, ofBases: 2 });
  });

  it('names the copies that it misses', () => {
    const { rows, misses } = measure(scheme, ZOO, [copy('a', 0.0625), copy('b', 1.125)]);
    expect(rows[0]).toMatchObject({ found: 0.5, recall5: 1 });
    expect(misses).toEqual([expect.objectContaining({ base: 'b', evidence: 0.125, threshold: 0.875 })]);
  });

  it('leaves copies that no longer work out of the shares, and ones that diverged out of all', () => {
    const { name } = DERIVATIONS[0]!;
    const diverged = { base: 'a', derivation: name, stack: undefined };
    const { rows, misses } = measure(scheme, ZOO, [copy('a', 0.25), copy('b', 9, 0.89), diverged]);
    expect(rows[0]).toMatchObject({ models: 2, diverged: 1, working: 1, found: 1, foundOfAll: 0.5 });
    expect(misses).toEqual([]);
  });

  it('ranks a base behind all that are no less similar: a vector that tells nothing apart recalls nothing', () => {
    const blind = { ...scheme, similarity: () => 0.5 };
    const [row] = measure(blind, ZOO, [copy('a', 0.25)]).rows;
    expect(row).toMatchObject({ recall1: 0, searchRecall1: 0, searchRecall5: 1 });
  });
});
