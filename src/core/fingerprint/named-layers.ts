/**
 * Layers told by the names of their tensors alone, as PyTorch (`features.0.weight`), Keras and our own training
 * (`dense1/kernel`, `layers/dense/vars/0`), NumPy (`W1`) and others call them: what belongs to one layer stands under one
 * prefix, and what it is there is told by the last word.
 *
 * A name that tells of something no stack holds is refused by what it says, before any dimensions could happen to chain.
 */
import type { Numbers } from './numbers.ts';
import { stackUnknown } from './stack.ts';

export interface NamedLayer {
  kind: 'layer';
  prefix: string;
  kernel: Numbers;
  bias: Numbers | undefined;
}

export interface NamedNorm {
  kind: 'norm';
  prefix: string;
  mean: Numbers;
  variance: Numbers;
  gamma: Numbers | undefined;
  beta: Numbers | undefined;
}

export type NamedPart = NamedLayer | NamedNorm;

/** `kernel` is what TensorFlow and JAX say, for `[in, out]`; `weight` is PyTorch's word, for `[out, in]`. */
export type Convention = 'tensorflow' | 'pytorch';

export interface NamedParts {
  /** In the natural order of their prefixes: 2 before 10 */
  parts: NamedPart[];
  /** `undefined` where the names tell of none, or of both */
  convention: Convention | undefined;
}

/** @throws RegistryError `stack_unknown`, whose field is the first tensor that is no part of a stack */
export function namedParts(tensors: readonly Numbers[]): NamedParts {
  const groups = new Map<string, Map<Role, Numbers>>();
  const conventions = new Set<Convention>();
  for (const tensor of ofModel(tensors).sort((a, b) => naturalOrder(a.name, b.name))) {
    requireOfStack(tensor.name);
    const { prefix, word } = parse(tensor.name);
    const role = word === undefined ? undefined : ROLES[word];
    if (role === undefined) throw nothingKnown(tensor.name);
    if (role === 'none') continue;
    if (word === 'kernel' || word === 'weight') conventions.add(word === 'kernel' ? 'tensorflow' : 'pytorch');
    const group = groups.get(prefix) ?? new Map<Role, Numbers>();
    if (group.has(role)) throw stackUnknown('Two tensors are this part of one layer.', tensor.name);
    groups.set(prefix, group.set(role, tensor));
  }
  const parts = [...groups].flatMap(([prefix, group]) => partOf(prefix, group));
  const [convention] = conventions;
  return {
    parts: parts.sort((a, b) => naturalOrder(a.prefix, b.prefix)),
    convention: conventions.size === 1 ? convention : undefined,
  };
}

/** Part by part, numbers by their value. */
export function naturalOrder(a: string, b: string): number {
  const [left, right] = [pieces(a), pieces(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [one, other] = [left[i]!, right[i]!];
    if (one === other) continue;
    const numbers = [one, other].every((piece) => /^\d+$/.test(piece));
    if (numbers && Number(one) !== Number(other)) return Number(one) - Number(other);
    return one < other ? -1 : 1;
  }
  return left.length - right.length;
}

const pieces = (name: string): string[] => name.match(/\d+|[^\d./]+|[./]/g) ?? [];

/** What a checkpoint keeps beside the model, and Keras beside a layer's weights */
const isBeside = (name: string): boolean =>
  /^(optim\w*|lr_sched\w*|scaler|epoch|(global_)?steps?)([./]|$)|(^|\/)seed_generator\//i.test(name);

/** A checkpoint that has the model's tensors under a name of their own has others beside them. */
function ofModel(tensors: readonly Numbers[]): Numbers[] {
  const model = tensors.filter(({ name }) => /^(model_)?state(_dict)?[./]/.test(name));
  return (model.length > 0 ? model : tensors).filter(({ name }) => !isBeside(name));
}

/** Words of names, and what they tell of the model */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/attn|attention|in_proj|\b[qkv]_proj|(^|[._/])(query|key|value|qkv)([._/]|$)/i, 'attention'],
  [/embed|embd|(^|[._/])w[tp]e([._/]|$)/i, 'an embedding'],
  [/weight_(ih|hh)|recurrent|lstm|(^|[._/\d])(gru|rnn)/i, 'a recurrent layer'],
  [/downsample|shortcut|residual|(^|[._/])skip/i, 'a residual connection'],
  [/depthwise|separable/i, 'a depthwise convolution'],
  [/conv_?transpose|transposed?_?conv|deconv/i, 'a transposed convolution'],
  [
    /layer_?norm|group_?norm|instance_?norm|rms_?norm|(^|[._/])ln(_?\d+|_f)?([._/]|$)/i,
    'a normalization of each input',
  ],
  [/lora_/i, 'an adapter'],
];

function requireOfStack(name: string): void {
  const [, what] = OTHERS.find(([words]) => words.test(name)) ?? [];
  if (what === undefined) return;
  throw stackUnknown(`The name tells of ${what}; a stack has dense and plain convolutional layers alone.`, name);
}

type Role = 'beta' | 'bias' | 'gamma' | 'kernel' | 'mean' | 'none' | 'var0' | 'var1' | 'var2' | 'var3' | 'variance';

const ROLES: Readonly<Partial<Record<string, Role>>> = {
  weight: 'kernel',
  weights: 'kernel',
  kernel: 'kernel',
  w: 'kernel',
  bias: 'bias',
  biases: 'bias',
  b: 'bias',
  gamma: 'gamma',
  scale: 'gamma',
  beta: 'beta',
  running_mean: 'mean',
  moving_mean: 'mean',
  mean: 'mean',
  running_var: 'variance',
  moving_variance: 'variance',
  variance: 'variance',
  var: 'variance',
  num_batches_tracked: 'none',
  '0': 'var0',
  '1': 'var1',
  '2': 'var2',
  '3': 'var3',
};

/** The word that tells what a tensor is stands last, behind a dot, a slash or an underscore, or first, before a number. */
const LAST =
  /^(?:(.+?)[./_])?(weights?|kernel|bias|biases|gamma|beta|running_mean|running_var|moving_mean|moving_variance|num_batches_tracked|mean|variance|var|scale|w|b)(?::0)?$/i;
const FIRST = /^(weights?|kernel|bias|biases|w|b)_?(\d+)$/i;
/** Keras 3 counts the variables of a layer. */
const COUNTED = /^(.+)\/vars\/([0-3])$/;

function parse(name: string): { prefix: string; word?: string } {
  const counted = COUNTED.exec(name);
  if (counted !== null) return { prefix: counted[1]!, word: counted[2]! };
  const first = FIRST.exec(name);
  if (first !== null) return { prefix: first[2]!, word: first[1]!.toLowerCase() };
  const last = LAST.exec(name);
  return last === null ? { prefix: name } : { prefix: last[1] ?? '', word: last[2]!.toLowerCase() };
}

function partOf(prefix: string, group: ReadonlyMap<Role, Numbers>): NamedPart[] {
  const get = (...roles: Role[]): Numbers | undefined => roles.map((role) => group.get(role)).find((one) => one);
  const [first] = group.values();
  const counted = group.get('var0');
  const isNorm = get('mean', 'var2') !== undefined;
  if (isNorm) {
    const [mean, variance] = [get('mean', 'var2'), get('variance', 'var3')];
    if (mean === undefined || variance === undefined) {
      throw stackUnknown('A normalization has a mean and a variance; one of them is not here.', first!.name);
    }
    return [
      {
        kind: 'norm',
        prefix,
        mean,
        variance,
        gamma: get('gamma', 'kernel', 'var0'),
        beta: get('beta', 'bias', 'var1'),
      },
    ];
  }
  const kernel = get('kernel') ?? counted;
  if (kernel === undefined) throw nothingKnown(first!.name);
  if (kernel.shape.length === 1 || get('gamma', 'beta') !== undefined) {
    // One slope for negative numbers, or one for each channel: positive factors go through.
    if (/relu|act/i.test(prefix) || (kernel.shape[0] === 1 && group.size === 1)) return [];
    throw stackUnknown('It scales what goes through, and its mean and variance are not here.', kernel.name);
  }
  if (kernel.shape.length === 2 || kernel.shape.length === 4) {
    return [{ kind: 'layer', prefix, kernel, bias: get('bias', 'var1') }];
  }
  const sorts: Record<number, string> = { 3: 'one-dimensional', 5: 'three-dimensional' };
  const sort = sorts[kernel.shape.length];
  throw stackUnknown(
    sort === undefined
      ? `A kernel of ${kernel.shape.length} dimensions is of no layer that a stack holds.`
      : `It is a ${sort} convolution; a stack holds those of pictures.`,
    kernel.name,
  );
}

const nothingKnown = (name: string): Error =>
  stackUnknown('The name does not tell what this is in a layer.', name, TELLING);

export const TELLING = 'Export the model to ONNX, whose graph tells the order.';
