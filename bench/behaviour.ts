/**
 * What the behavioural fingerprint finds, and what it does not: models that came from a registered one in many ways, and
 * models that did not, each scored by its labels alone and by its probabilities. All are trained here, from the seeds below.
 *
 * Owners train on the first 10,000 pictures of MNIST; whoever copies a model has 10,000 others. References are of the
 * owners' recipe, so one set of them serves every owner. `found` is p at its least, 1 / (1 + references): the model weighs
 * more than each of them. A stranger is found so by chance as often as that p says.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { LabeledPictures } from '../src/core/behaviour/challenges.ts';
import { makeChallenges } from '../src/core/behaviour/challenges.ts';
import { scoreSuspect } from '../src/core/behaviour/score.ts';
import { utf8 } from '../src/core/bytes.ts';
import { permutation } from '../src/core/random.ts';
import type { Tensor as StoredTensor } from '../src/core/weights/safetensors.ts';
import { sha256 } from '../src/platform/crypto.ts';
import { answerWith } from '../src/training/answer.ts';
import { chooseBackend } from '../src/training/backends/index.ts';
import type { Hyperparameters } from '../src/training/hyperparameters.ts';
import { parseHyperparameters } from '../src/training/hyperparameters.ts';
import type { ImageSet } from '../src/training/idx.ts';
import { readMnist } from '../src/training/mnist.ts';
import { createOptimizer } from '../src/training/optimizers.ts';
import { randomStream } from '../src/training/random.ts';
import { createRecipe } from '../src/training/recipes/index.ts';
import { initialValues } from '../src/training/recipes/recipe.ts';
import { loadTensors, storeTensors } from '../src/training/tensors.ts';
import type { BenchResult } from './result.ts';

const OWNERS = 3;
const REFERENCES = 39;
const CHALLENGES = 1000;
const CLASSES = 10;

const RECIPE = { epochs: 6, optimizer: 'momentum', learningRate: 0.02 };
const OWN = parseHyperparameters(RECIPE);
const SMALL = parseHyperparameters({ ...RECIPE, hidden: [64] });
const CNN = parseHyperparameters({ ...RECIPE, arch: 'cnn', hidden: [64], epochs: 3 });

const backend = await chooseBackend('wasm', { threads: 1 });
const { tf } = backend;
const mnist = await readMnist();
const owned = part(mnist.train, 0, 10_000);
const others = part(mnist.train, 20_000, 30_000);
const test = part(mnist.test, 0, 2_000);

interface Model {
  recipe: Hyperparameters;
  tensors: readonly StoredTensor[];
}

/** What a student is to say of each picture: `[pictures][classes]`. */
interface Lessons {
  pictures: LabeledPictures;
  targets: readonly (readonly number[])[];
}

export async function run(): Promise<BenchResult[]> {
  const references = await inTurn(REFERENCES, (i) => learn(OWN, truth(owned), 100 + i));
  const strangers: [string, Model][] = [];
  for (let i = 0; i < 8; i++) strangers.push(['same recipe and data', await learn(OWN, truth(owned), 200 + i)]);
  for (let i = 0; i < 4; i++) strangers.push(['same recipe, other data', await learn(OWN, truth(others), 220 + i)]);
  for (let i = 0; i < 4; i++) strangers.push(['half as wide', await learn(SMALL, truth(owned), 240 + i)]);
  for (let i = 0; i < 2; i++) strangers.push(['convolutional', await learn(CNN, truth(owned), 260 + i)]);

  const table = new Map<string, Found[]>();
  for (let owner = 0; owner < OWNERS; owner++) {
    const model = await learn(OWN, truth(owned), 1 + owner);
    const challenges = makeChallenges(sha256, sha256(utf8(`muniment bench behaviour ${owner}`)), owned, CHALLENGES);
    const answer = ({ tensors }: Model) => answerWith(backend, tensors, challenges);
    const [own, like] = [answer(model), references.map(answer)];
    const judge = (kind: string, suspect: Model) => {
      const given = answer(suspect);
      const found = {
        accuracy: accuracyOf(suspect),
        labels: scoreSuspect(own, { ...given, probabilities: undefined }, like),
        probabilities: scoreSuspect(own, given, like),
      };
      table.set(kind, [...(table.get(kind) ?? []), found]);
      const { labels, probabilities, accuracy } = found;
      console.log(
        `  owner ${owner + 1}  ${kind.padEnd(44)} ${accuracy.toFixed(3)}  labels p ${labels.pValue.toFixed(3)} ` +
          `score ${labels.score.toFixed(3)}  probabilities p ${probabilities.pValue.toFixed(3)} ` +
          `score ${probabilities.score.toFixed(3)}`,
      );
    };
    judge('the model itself', model);
    for await (const [kind, suspect] of derivedFrom(model, owner)) judge(kind, suspect);
    for (const [kind, stranger] of strangers) judge(`stranger: ${kind}`, stranger);
  }
  tell(table);
  return [];
}

interface Found {
  accuracy: number;
  labels: ReturnType<typeof scoreSuspect>;
  probabilities: ReturnType<typeof scoreSuspect>;
}

/** In the order in which less and less of the model is left. */
async function* derivedFrom(model: Model, owner: number): AsyncGenerator<[string, Model]> {
  const seed = (i: number) => 1000 * (owner + 1) + i;
  yield ['rounded to 8 bits', changed(model, quantized(8))];
  yield ['rounded to 4 bits', changed(model, quantized(4))];
  yield ['50 % pruned', changed(model, pruned(0.5))];
  yield ['80 % pruned', changed(model, pruned(0.8))];
  yield ['95 % pruned', changed(model, pruned(0.95))];
  yield ['fine-tuned on its data', await learn({ ...OWN, epochs: 3 }, truth(owned), seed(1), model)];
  yield ['fine-tuned on other data', await learn({ ...OWN, epochs: 3 }, truth(others), seed(2), model)];
  const [soft, hard] = [taughtBy(model, others), taughtBy(model, others, 'labels')];
  yield ['distilled: probabilities', await learn(OWN, soft, seed(3))];
  yield ['distilled: probabilities, half as wide', await learn(SMALL, soft, seed(4))];
  yield ['distilled: probabilities, convolutional', await learn(CNN, soft, seed(5))];
  yield ["distilled: probabilities, owner's pictures", await learn(OWN, taughtBy(model, owned), seed(6))];
  yield ['distilled: labels of mixtures', await learn(OWN, taughtBy(model, mixed(owner), 'labels'), seed(7))];
  yield ['distilled: labels', await learn(OWN, hard, seed(8))];
  yield ['distilled: labels, half as wide', await learn(SMALL, hard, seed(9))];
  yield ['distilled: labels, convolutional', await learn(CNN, hard, seed(10))];
  yield ["distilled: labels, owner's pictures", await learn(OWN, taughtBy(model, owned, 'labels'), seed(11))];
  // No copy: it began with the same weights, and saw the same data in the same order.
  yield ['same seed, other rate, no copy', await learn({ ...OWN, learningRate: 0.03 }, truth(owned), 1 + owner)];
}

/** Trains on lessons, from a seed or from where another model ended. */
async function learn(
  recipe: Hyperparameters,
  { pictures, targets }: Lessons,
  seed: number,
  from?: Model,
): Promise<Model> {
  const network = createRecipe(recipe, { ...pictures, classes: CLASSES });
  const { parameters } = network;
  const optimizer = createOptimizer(recipe);
  let weights: Tensor[] = from
    ? loadTensors(tf, parameters, from.tensors, 'from')
    : parameters.map((spec) => tf.tensor(initialValues(spec, randomStream(seed, `init/${spec.name}`)), spec.shape));
  let state: Tensor[] = optimizer.slots.flatMap(() => parameters.map(({ shape }) => tf.zeros(shape)));
  const { batchSize, epochs } = recipe;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const order = permutation(pictures.count, randomStream(seed, `shuffle/${epoch}`));
    for (let first = 0; first < order.length; first += batchSize) {
      const members = order.subarray(first, first + batchSize);
      const next = tf.tidy(() => {
        const batch = {
          images: columnsOf(pictures, members),
          targets: tf.tensor2d(Array.from(members, (member) => targets[member]!).flat(), [members.length, CLASSES]),
        };
        const { gradients } = network.step(tf, weights, batch, optimizer.scale / members.length);
        const at = (epoch - 1) * Math.ceil(order.length / batchSize) + first / batchSize + 1;
        return optimizer.apply(tf, weights, gradients, state, at);
      });
      tf.dispose([weights, state]);
      ({ weights, state } = next);
    }
  }
  const tensors = await storeTensors(parameters, weights);
  tf.dispose([weights, state]);
  return { recipe, tensors };
}

function columnsOf({ pixels, height, width }: LabeledPictures, members: Uint32Array): Tensor2D {
  const size = height * width;
  const values = new Float32Array(size * members.length);
  members.forEach((member, column) => {
    for (let i = 0; i < size; i++) values[i * members.length + column] = pixels[member * size + i]! / 255;
  });
  return tf.tensor2d(values, [size, members.length]);
}

const truth = (pictures: LabeledPictures): Lessons => ({
  pictures,
  targets: Array.from(pictures.labels, oneHot),
});

function taughtBy(model: Model, pictures: LabeledPictures, only?: 'labels'): Lessons {
  const { labels, probabilities } = answerWith(backend, model.tensors, pictures);
  return { pictures, targets: only === 'labels' ? labels.map(oneHot) : probabilities };
}

const oneHot = (label: number): number[] => Array.from({ length: CLASSES }, (_, k) => (k === label ? 1 : 0));

/** Pictures as a copier would mix them who knows how challenges are made, and not from which seed. */
function mixed(owner: number): LabeledPictures {
  const seed = sha256(utf8(`a copier of ${owner}`));
  return { ...makeChallenges(sha256, seed, others, others.count), labels: others.labels };
}

function changed(model: Model, change: (kernel: Float32Array) => void): Model {
  const tensors = model.tensors.map((tensor) => {
    const values = new Float32Array(Uint8Array.from(tensor.data).buffer);
    if (tensor.name.endsWith('kernel')) change(values);
    return { ...tensor, data: new Uint8Array(values.buffer) };
  });
  return { ...model, tensors };
}

const quantized = (bits: number) => (values: Float32Array) => {
  const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / (2 ** (bits - 1) - 1);
  values.forEach((value, i) => (values[i] = Math.round(value / scale) * scale));
};

const pruned = (share: number) => (values: Float32Array) => {
  const least = values.map(Math.abs).sort()[Math.floor(share * values.length)]!;
  values.forEach((value, i) => (values[i] = Math.abs(value) < least ? 0 : value));
};

function accuracyOf({ tensors }: Model): number {
  const { labels } = answerWith(backend, tensors, test);
  return labels.filter((label, i) => label === test.labels[i]).length / test.count;
}

function part({ pixels, labels, height, width }: ImageSet, from: number, to: number): LabeledPictures {
  const size = height * width;
  return {
    count: to - from,
    height,
    width,
    pixels: pixels.subarray(from * size, to * size),
    labels: labels.subarray(from, to),
  };
}

async function inTurn<T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  for (let i = 0; i < count; i++) made.push(await make(i));
  return made;
}

function tell(table: ReadonlyMap<string, Found[]>): void {
  const least = 1 / (1 + REFERENCES);
  console.log(`\nbehaviour: ${OWNERS} owners, ${REFERENCES} references, ${CHALLENGES} challenges; found: p = ${least}`);
  console.log('| suspect | n | accuracy | found by labels | largest p | found by probabilities | largest p |');
  console.log('|---|---|---|---|---|---|---|');
  for (const [kind, found] of table) {
    const cells = (['labels', 'probabilities'] as const).flatMap((by) => {
      const values = found.map((one) => one[by].pValue);
      return [`${values.filter((p) => p <= least).length} of ${values.length}`, Math.max(...values).toFixed(3)];
    });
    const accuracy = found.reduce((sum, one) => sum + one.accuracy, 0) / found.length;
    console.log(`| ${[kind, found.length, accuracy.toFixed(3), ...cells].join(' | ')} |`);
  }
  const strangers = [...table].flatMap(([kind, found]) => (kind.startsWith('stranger') ? found : []));
  for (const by of ['labels', 'probabilities'] as const) {
    const counts = [0.025, 0.05, 0.1, 0.2, 0.5].map(
      (level) => `${strangers.filter((one) => one[by].pValue <= level).length} at p ≤ ${level}`,
    );
    console.log(`strangers by ${by}, of ${strangers.length}: ${counts.join(', ')}`);
  }
  console.log(JSON.stringify({ bench: 'behaviour', table: Object.fromEntries(table) }));
}
