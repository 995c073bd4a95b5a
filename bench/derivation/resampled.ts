/**
 * More models than anybody trains: each is made of neurons drawn from the zoo's dense networks, HIDDEN of their first
 * layers and one for each output. A copy has the same neurons as a derivation left them. Only derivations that leave
 * neurons where they are and copies that still work serve. What a neuron adds to a retrieval vector is computed once.
 */
import type { Neurons } from '../../src/core/fingerprint/neurons.ts';
import { neuronsOf } from '../../src/core/fingerprint/neurons.ts';
import { RETRIEVAL_DIMENSIONS, retrievalOf, waves } from '../../src/core/fingerprint/retrieval.ts';
import { rowAt } from '../../src/core/fingerprint/projection.ts';
import { stackOfRun } from '../../src/core/fingerprint/run-stack.ts';
import type { Stack } from '../../src/core/fingerprint/stack.ts';
import type { RandomStream } from '../../src/core/random.ts';
import { sha256 } from '../../src/platform/crypto.ts';
import { DERIVATIONS } from './derivations.ts';
import { withZoo } from './derive.ts';
import { STILL_WORKS } from './measure.ts';
import { useOf } from './plan.ts';

const HIDDEN = 128;
const SERIES = 1;
const MOVES_NEURONS = /permuted|dropped|units|inserted|in front|merged|replaced/;

/** What each neuron of a network adds to the sum of its view, `[neurons][RETRIEVAL_DIMENSIONS]` */
interface Network {
  hidden: Float32Array[];
  outputs: Float32Array[];
}

type Pair = [base: Network, copy: Network];

export interface Planted {
  original: Int8Array;
  copy: Int8Array;
  derivation: string;
}

export class Resampler {
  readonly #networks: readonly Network[];
  /** By derivation: bases and working copies */
  readonly #copies: readonly (readonly [string, Pair[]])[];

  private constructor(networks: readonly Network[], copies: readonly (readonly [string, Pair[]])[]) {
    this.#networks = networks;
    this.#copies = copies;
  }

  /** Trains what is not in the folder of the zoo yet. */
  static open(): Promise<Resampler> {
    return withZoo(SERIES, async (zoo, laboratory) => {
      const dense = zoo.filter(({ hyperparameters }) => hyperparameters.arch === 'mlp');
      const networks = dense.map(({ tensors }) => networkOf(stackOfRun(tensors)));
      const copies: [string, Pair[]][] = [];
      for (const derivation of DERIVATIONS.filter(({ name }) => !MOVES_NEURONS.test(name))) {
        const working: Pair[] = [];
        for (const [i, base] of dense.entries()) {
          if (useOf(base) === undefined) continue;
          const derived = await laboratory.derived(base, derivation);
          if (derived.stack === undefined || derived.kept < STILL_WORKS) continue;
          working.push([networks[i]!, networkOf(derived.stack)]);
        }
        if (working.length > 0) copies.push([derivation.name, working]);
      }
      return new Resampler(networks, copies);
    });
  }

  model(random: RandomStream): Int8Array {
    return vectorOf(drawn(random, this.#networks));
  }

  /** @param index derivations take turns */
  planted(random: RandomStream, index: number): Planted {
    const [derivation, working] = this.#copies[index % this.#copies.length]!;
    const drawings = drawn(
      random,
      working.map(([base]) => base),
    );
    const copyOf = new Map(working);
    return {
      derivation,
      original: vectorOf(drawings),
      copy: vectorOf(drawings.map((one) => ({ ...one, network: copyOf.get(one.network)! }))),
    };
  }
}

interface Drawing {
  network: Network;
  view: keyof Network;
  neuron: number;
}

function drawn(random: RandomStream, networks: readonly Network[]): Drawing[] {
  const anyNetwork = (): Network => networks[random.below(networks.length)]!;
  const hidden = Array.from({ length: HIDDEN }, (): Drawing => {
    const network = anyNetwork();
    return { network, view: 'hidden', neuron: random.below(network.hidden.length) };
  });
  const outputs = networks[0]!.outputs.map((_, neuron): Drawing => ({
    network: anyNetwork(),
    view: 'outputs',
    neuron,
  }));
  return [...hidden, ...outputs];
}

function vectorOf(drawings: readonly Drawing[]): Int8Array {
  const sums = { hidden: new Float64Array(RETRIEVAL_DIMENSIONS), outputs: new Float64Array(RETRIEVAL_DIMENSIONS) };
  for (const { network, view, neuron } of drawings) {
    const [sum, addend] = [sums[view], network[view][neuron]!];
    for (let k = 0; k < RETRIEVAL_DIMENSIONS; k++) sum[k]! += addend[k]!;
  }
  return retrievalOf([sums.hidden], sums.outputs);
}

function networkOf(stack: Stack): Network {
  // Twins are not folded: a neuron has one place in the base and in the copy.
  const layers = neuronsOf(sha256, stack);
  return { hidden: addends(layers[0]!), outputs: addends(layers.at(-1)!) };
}

const addends = ({ directions, strengths }: Neurons): Float32Array[] =>
  Array.from(strengths, (strength, i) =>
    Float32Array.from(
      waves(sha256, { count: 1, width: directions.width, values: rowAt(directions, i) }, Float64Array.of(strength)),
    ),
  );
