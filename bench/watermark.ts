/**
 * What becomes of watermarks: bases of the derivation benchmark's zoo are marked, each by a key of its own, then derived
 * from as a thief would, and beyond that treated by somebody who knows the method. Tells for each derivation how many bits
 * are wrong, whether the mark is found, and what the copy still knows; and how keys of others fare on the same models.
 * Models are kept in `MUNIMENT_ZOO`, as those of `npm run bench derivation`, whose zoo it is.
 */
import { join } from 'node:path';
import { utf8 } from '../src/core/bytes.ts';
import type { DenseLayer, Stack } from '../src/core/fingerprint/stack.ts';
import { embedMark } from '../src/core/watermark/embed.ts';
import type { WatermarkKey } from '../src/core/watermark/key.ts';
import { MARK_BITS } from '../src/core/watermark/key.ts';
import { FOUND_BELOW, readMark } from '../src/core/watermark/read.ts';
import { weightDigestOf } from '../src/core/weights/digest.ts';
import { sha256 } from '../src/platform/crypto.ts';
import { chooseBackend } from '../src/training/backends/index.ts';
import type { ChosenBackend } from '../src/training/backends/index.ts';
import type { ImageDataset } from '../src/training/idx.ts';
import { readMnist } from '../src/training/mnist.ts';
import { Laboratory } from './derivation/derive.ts';
import { zooFolder } from './derivation/kept.ts';
import { stackOfRun, tensorsOfRun } from '../src/core/fingerprint/run-stack.ts';
import { accuracyOf } from './derivation/network.ts';
import { growZoo } from './derivation/zoo.ts';
import type { ZooModel } from './derivation/zoo.ts';
import { principalComponents, projectRows } from './principal-components.ts';
import type { BenchResult } from './result.ts';
import { median } from './result.ts';

const SERIES = 1;
/** One of each optimizer and width, and two with convolutions. */
const BASES = ['mlp-01', 'mlp-02', 'mlp-03', 'mlp-04', 'cnn-01', 'cnn-02'];
const STRANGERS = 5;
const COMPONENTS = [200, 100, 50];

interface Copy {
  base: string;
  derivation: string;
  stack: Stack;
  kept: number;
}

export async function run(): Promise<BenchResult[]> {
  const backend = await chooseBackend('wasm', { threads: 1 });
  try {
    const dataset = await readMnist();
    const folder = join(zooFolder(), `series-${SERIES}`);
    const zoo = await growZoo(folder, SERIES, backend, dataset);
    const bases = zoo.filter(({ name }) => BASES.includes(name));
    const laboratory = new Laboratory(join(folder, 'watermarked'), backend, dataset, zoo);
    const copies: Copy[] = [];
    console.log(
      '| base | accuracy | marked | margin | change | seconds | bits before |\n|---|---|---|---|---|---|---|',
    );
    for (const base of bases) {
      const marked = await mark(base, backend, dataset);
      const derived = await laboratory.derive(marked);
      copies.push(...derived.filter((one): one is Copy => one.stack !== undefined));
      copies.push(...(await attacks(marked, backend, dataset)));
    }
    tellCopies(copies);
    tellStrangers(bases, copies);
    return [];
  } finally {
    backend.dispose();
  }
}

const keyOf = (name: string): WatermarkKey => ({
  party: 'party_00000000000000000000000000',
  secret: sha256(utf8(`benchmark ${name}`)),
});

async function mark(base: ZooModel, backend: ChosenBackend, dataset: ImageDataset): Promise<ZooModel> {
  const before = stackOfRun(base.tensors);
  const began = performance.now();
  const { stack, margin, change } = embedMark(sha256, before, keyOf(base.name));
  const seconds = (performance.now() - began) / 1000;
  const testAccuracy = await accuracyOf(backend, stack, dataset.test, dataset.classes);
  const tensors = tensorsOfRun(stack);
  const { matched } = readMark(sha256, before, keyOf(base.name)).best;
  const cells = [base.name, share(base.testAccuracy), share(testAccuracy), margin, share(change), seconds.toFixed(1)];
  console.log(`| ${[...cells, matched].join(' | ')} |`);
  return { ...base, tensors, weightDigest: weightDigestOf(sha256, tensors).weightDigest, testAccuracy };
}

/** By somebody who has the data and knows how marks are made, and not the key. */
async function attacks(marked: ZooModel, backend: ChosenBackend, dataset: ImageDataset): Promise<Copy[]> {
  const original = stackOfRun(marked.tensors);
  const stacks: [string, Stack][] = [
    ['marked again', embedMark(sha256, original, keyOf(`${marked.name} again`)).stack],
  ];
  const [first] = original.layers;
  if (first?.kind === 'dense') {
    stacks.push(['mean row subtracted', { layers: original.layers.with(0, withoutMean(first)) }]);
    for (const count of COMPONENTS) {
      const kernel = projectRows(first.kernel, principalComponents(dataset.train, count));
      stacks.push([
        `rows projected on ${count} principal components of the images`,
        { layers: original.layers.with(0, { ...first, kernel }) },
      ]);
    }
  }
  const copies: Copy[] = [];
  for (const [derivation, stack] of stacks) {
    const accuracy = await accuracyOf(backend, stack, dataset.test, dataset.classes);
    copies.push({ base: marked.name, derivation, stack, kept: accuracy / marked.testAccuracy });
  }
  return copies;
}

function withoutMean(layer: DenseLayer): DenseLayer {
  const { units, inputs } = layer;
  const kernel = layer.kernel.slice();
  for (let input = 0; input < inputs; input++) {
    let sum = 0;
    for (let unit = 0; unit < units; unit++) sum += kernel[unit * inputs + input]!;
    for (let unit = 0; unit < units; unit++) kernel[unit * inputs + input]! -= sum / units;
  }
  return { ...layer, kernel };
}

function tellCopies(copies: readonly Copy[]): void {
  for (const architecture of ['mlp', 'cnn']) {
    const own = copies.filter(({ base }) => base.startsWith(architecture));
    console.log(
      `\n### ${architecture.toUpperCase()}\n\n| derivation | copies | accuracy kept | bits wrong | found | highest p |`,
    );
    console.log('|---|---|---|---|---|---|');
    for (const derivation of new Set(own.map((copy) => copy.derivation))) {
      const group = own.filter((copy) => copy.derivation === derivation);
      const readings = group.map(({ base, stack }) => look(stack, keyOf(base)));
      const wrong = readings.reduce((sum, { matched }) => sum + 1 - matched / MARK_BITS, 0) / group.length;
      const found = readings.filter(({ pValue }) => pValue < FOUND_BELOW).length;
      const worst = Math.max(...readings.map(({ pValue }) => pValue));
      const kept = median(group.map((copy) => copy.kept));
      console.log(
        `| ${[derivation, group.length, share(kept), share(wrong), `${found} of ${group.length}`, worst.toExponential(1)].join(' | ')} |`,
      );
      console.log(
        JSON.stringify({
          bench: 'watermark',
          architecture,
          derivation,
          kept,
          wrong,
          found,
          copies: group.length,
          worst,
        }),
      );
    }
  }
}

/** Where two layers became one there may be no hidden one left, and nothing to be read: bits as by chance. */
function look(stack: Stack, key: WatermarkKey): { matched: number; pValue: number } {
  if (stack.layers.slice(0, -1).every(({ kind }) => kind !== 'dense')) return { matched: MARK_BITS / 2, pValue: 1 };
  const { best, pValue } = readMark(sha256, stack, key);
  return { matched: best.matched, pValue };
}

/** Keys that have nothing to do with the models, on bases as they were and on all the copies. */
function tellStrangers(bases: readonly ZooModel[], copies: readonly Copy[]): void {
  const keys = Array.from({ length: STRANGERS }, (_, i) => keyOf(`stranger ${i}`));
  const stacks = [...bases.map(({ tensors }) => stackOfRun(tensors)), ...copies.map(({ stack }) => stack)];
  const pValues = stacks.flatMap((stack) => keys.map((key) => look(stack, key).pValue));
  const below = (limit: number): number => pValues.filter((p) => p < limit).length;
  const least = Math.min(...pValues);
  console.log(
    `\nOther keys: ${pValues.length} looks, p below 0.05 in ${below(0.05)}, below 0.001 in ${below(0.001)}, found ${below(FOUND_BELOW)}; least p ${least.toExponential(1)}.`,
  );
}

const share = (value: number): string => `${(100 * value).toFixed(1)} %`;
