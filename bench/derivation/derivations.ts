/**
 * The derivations: what is done to a base, step by step. A step is surgery on the weights, or training that goes on from
 * them: once through half of the base's own training images, in an order of its own, with the base's optimizer and batch
 * size and a multiple of its learning rate.
 */
import type { Task } from './tasks.ts';
import {
  addNoise,
  addUnits,
  dropUnits,
  dropWeakest,
  insertIdentity,
  insertInFront,
  lowRank,
  mergeLast,
  permute,
  permuteAndRescale,
  prune,
  quantize,
  replaceLast,
  rescale,
  rescaleLayers,
  shiftOutputs,
  splitUnits,
} from './surgery.ts';
import type { Surgery } from './surgery.ts';

export type Step =
  | { do: Surgery }
  /** Training goes on. */
  | { rate: number; task?: Task }
  /** The mean with an outsider of the same shape, this share of it being the base's. */
  | { share: number };

export interface Derivation {
  name: string;
  steps: readonly Step[];
  /** What the derived model is for, where it is not MNIST. */
  task?: Task;
  /** Only networks of dense layers can be treated so. */
  denseOnly?: true;
}

const surgery = (name: string, ...steps: Surgery[]): Derivation => ({ name, steps: steps.map((one) => ({ do: one })) });
const otherData = (task: Task): Derivation => ({ name: `trained on ${task}`, steps: [{ rate: 1, task }], task });

export const DERIVATIONS: readonly Derivation[] = [
  { name: 'fine-tuned, 1 × learning rate', steps: [{ rate: 1 }] },
  { name: 'fine-tuned, 5 × learning rate', steps: [{ rate: 5 }] },
  { name: 'fine-tuned, 10 × learning rate', steps: [{ rate: 10 }] },
  { name: 'fine-tuned, 20 × learning rate', steps: [{ rate: 20 }] },
  otherData('inverted labels'),
  otherData('inverted images'),
  otherData('shifted images'),
  surgery('pruned 50 %', prune(0.5)),
  surgery('pruned 75 %', prune(0.75)),
  surgery('pruned 90 %', prune(0.9)),
  surgery('pruned 95 %', prune(0.95)),
  surgery('quantized to 8 bits', quantize(8)),
  surgery('quantized to 4 bits', quantize(4)),
  surgery('quantized to 3 bits', quantize(3)),
  surgery('noise of 30 % of the deviation', addNoise(0.3)),
  surgery('noise of 100 % of the deviation', addNoise(1)),
  surgery('permuted', permute),
  surgery('rescaled', rescale),
  surgery('layers rescaled, a millionfold', rescaleLayers),
  surgery('permuted and rescaled', permuteAndRescale),
  surgery('outputs shifted alike', shiftOutputs),
  surgery('25 % of the units dropped', dropUnits(0.25)),
  surgery('50 % of the units dropped', dropUnits(0.5)),
  surgery('50 % of the units dropped, the weakest', dropWeakest(0.5)),
  surgery('25 % more units', addUnits(0.25)),
  surgery('100 % more units', addUnits(1)),
  surgery('50 % of the units split', splitUnits(0.5)),
  surgery('identity layer inserted', insertIdentity),
  { ...surgery('identity layer in front', insertInFront), denseOnly: true },
  { name: 'last two layers merged, fine-tuned', steps: [{ do: mergeLast }, { rate: 1 }] },
  { name: 'last layer replaced, retrained', steps: [{ do: replaceLast }, { rate: 1 }] },
  { name: 'averaged with a stranger, 75 : 25', steps: [{ share: 0.75 }] },
  { name: 'averaged with a stranger, 50 : 50', steps: [{ share: 0.5 }] },
  surgery('rank cut to 25 %', lowRank(0.25)),
  surgery('rank cut to 12.5 %', lowRank(0.125)),
  {
    name: 'fine-tuned 5 ×, pruned 75 %, 8 bits',
    steps: [{ rate: 5 }, { do: prune(0.75) }, { do: quantize(8) }],
  },
  { name: 'fine-tuned 5 ×, layers rescaled, a millionfold', steps: [{ rate: 5 }, { do: rescaleLayers }] },
  {
    name: 'pruned 50 %, fine-tuned 10 ×, permuted and rescaled',
    steps: [{ do: prune(0.5) }, { rate: 10 }, { do: permuteAndRescale }],
  },
  {
    name: '25 % dropped, fine-tuned, permuted and rescaled',
    steps: [{ do: dropUnits(0.25) }, { rate: 1 }, { do: permuteAndRescale }],
  },
  surgery('noise of 30 %, 4 bits, permuted and rescaled', addNoise(0.3), quantize(4), permuteAndRescale),
  surgery(
    'identity layer inserted, 50 % split, permuted and rescaled',
    insertIdentity,
    splitUnits(0.5),
    permuteAndRescale,
  ),
  {
    name: 'rank cut to 25 %, fine-tuned 5 ×, permuted and rescaled',
    steps: [{ do: lowRank(0.25) }, { rate: 5 }, { do: permuteAndRescale }],
  },
  {
    name: 'averaged 75 : 25, fine-tuned, permuted and rescaled',
    steps: [{ share: 0.75 }, { rate: 1 }, { do: permuteAndRescale }],
  },
];
