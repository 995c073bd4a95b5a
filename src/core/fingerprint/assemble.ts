/**
 * A stack out of the steps that data takes through a model, which readers of graphs, descriptions and names find. Here the
 * layers must chain, kernels are put into the order of `stack.ts`, and what scales and shifts features (batch normalization,
 * a bias of its own) becomes part of a layer:
 *
 *   of the one before it   W'[o] = s[o]·W[o], b'[o] = s[o]·b[o] + t[o]       where nothing but pooling stands between
 *   of the one behind it   W'[o,i] = W[o,i]·s[i], b'[o] = b[o] + Σ W[o,i]·t[i]    else; at the border of a padded picture,
 *                                                                              where t is missing, the bias is another one
 *
 * A maximum lets only positive factors through, an activation none that shift.
 */
import { requireFinite } from './decode.ts';
import type { Numbers } from './numbers.ts';
import { countOf, transposed } from './numbers.ts';
import type { Layer, Stack } from './stack.ts';
import { stackUnknown } from './stack.ts';

export interface DenseStep {
  kind: 'dense';
  kernel: Numbers;
  layout: 'in-out' | 'out-in';
  bias?: Numbers | undefined;
}

export interface ConvStep {
  kind: 'conv2d';
  kernel: Numbers;
  /** Filters, channels, height, width as PyTorch and ONNX have them, or height, width, channels, filters as TensorFlow */
  layout: 'hwio' | 'oihw';
  bias?: Numbers | undefined;
}

/** x · scale + shift, one number of each for all features, or one for each */
export interface AffineStep {
  kind: 'affine';
  name: string;
  scale?: Numbers | undefined;
  shift?: Numbers | undefined;
}

export type Step =
  | AffineStep
  | ConvStep
  | DenseStep
  | { kind: 'activation' }
  | { kind: 'maximum' }
  /** Maps become one row of features: channel by channel, or pixel by pixel with the channels of each */
  | { kind: 'flatten'; order: 'chw' | 'hwc' }
  /** What only the last layer may have behind it, a softmax */
  | { kind: 'end'; name: string };

/** 1 GiB of floats */
export const MAX_PARAMETERS = 2 ** 28;

/** @throws RegistryError `stack_unknown`, `malformed_container` */
export async function assemble(steps: readonly Step[]): Promise<Stack> {
  requireAffordable(steps);
  const assembly = new Assembly();
  for (const step of steps) await assembly.take(step);
  return assembly.finish();
}

/** Before anything is read */
function requireAffordable(steps: readonly Step[]): void {
  let parameters = 0;
  for (const step of steps) {
    const parts = step.kind === 'affine' ? [step.scale, step.shift] : 'kernel' in step ? [step.kernel, step.bias] : [];
    for (const part of parts) parameters += part === undefined ? 0 : countOf(part);
  }
  if (parameters <= MAX_PARAMETERS) return;
  throw stackUnknown(`The layers have more than ${MAX_PARAMETERS} parameters.`, 'parameters');
}

interface Affine {
  name: string;
  scale: Float32Array;
  shift: Float32Array;
}

class Assembly {
  readonly #layers: Layer[] = [];
  /** Since the last layer */
  #activation = false;
  #maximum = false;
  #flatten: 'chw' | 'hwc' | undefined;
  /** What the next layer takes up */
  #pending: Affine | undefined;
  #end: string | undefined;

  async take(step: Step): Promise<void> {
    if (step.kind === 'end') {
      this.#activate();
      this.#end ??= step.name;
    } else if (step.kind === 'activation') this.#activate();
    else if (step.kind === 'maximum') this.#maximize();
    else if (step.kind === 'flatten') this.#flatten = step.order;
    else if (step.kind === 'affine') await this.#affine(step);
    else await this.#layer(step);
  }

  finish(): Stack {
    if (this.#pending !== undefined) {
      throw stackUnknown('The model ends with a scale or a shift that is of no layer.', this.#pending.name);
    }
    if (this.#layers.length === 0) throw stackUnknown('The model has no dense or convolutional layer.', 'layers');
    return { layers: this.#layers };
  }

  #activate(): void {
    if (this.#pending !== undefined) {
      throw stackUnknown('The scale or shift is of no layer: an activation is behind it.', this.#pending.name);
    }
    this.#activation = true;
  }

  #maximize(): void {
    if (this.#pending !== undefined) requirePositive(this.#pending);
    this.#maximum = true;
  }

  async #affine({ name, scale, shift }: AffineStep): Promise<void> {
    const count = Math.max(...[scale, shift].map((part) => (part === undefined ? 1 : countOf(part))));
    const last = this.#layers.at(-1);
    const isBack = last !== undefined && !this.#activation && this.#pending === undefined;
    const affine = { name, scale: await filled(scale, count, 1), shift: await filled(shift, count, 0) };
    if (isBack && (count === 1 || count === outputsOf(last))) {
      if (this.#maximum && scale !== undefined) requirePositive(affine);
      scaleOutputs(last, affine);
    } else this.#pending = this.#pending === undefined ? affine : both(this.#pending, affine);
  }

  async #layer(step: ConvStep | DenseStep): Promise<void> {
    if (this.#end !== undefined) {
      throw stackUnknown('Behind it come further layers, which a stack cannot hold.', this.#end);
    }
    const layer = step.kind === 'dense' ? await readDense(step) : await readConv(step);
    if (layer.kernel.length === 0) throw stackUnknown('The layer has no weights.', layer.name);
    this.#requireFits(layer);
    const order = this.#inputOrder(layer);
    if (this.#pending !== undefined) scaleInputs(layer, this.#pending, order);
    if (layer.kind === 'dense' && order === 'hwc') {
      layer.kernel = byChannel(layer.kernel, layer.inputs, outputsOf(this.#layers.at(-1)!));
    }
    this.#layers.push(layer);
    this.#activation = this.#maximum = false;
    this.#flatten = this.#pending = undefined;
  }

  #requireFits(layer: Layer): void {
    const before = this.#layers.at(-1);
    const misfit = before === undefined ? undefined : misfitOf(before, layer);
    if (misfit !== undefined) throw stackUnknown(misfit, layer.name);
  }

  /** Of a dense layer behind maps; `undefined` where each input is one feature */
  #inputOrder(layer: Layer): 'chw' | 'hwc' | undefined {
    const before = this.#layers.at(-1);
    if (before?.kind !== 'conv2d' || layer.kind !== 'dense' || layer.inputs === before.filters) return undefined;
    if (this.#flatten !== undefined) return this.#flatten;
    throw stackUnknown('It is not told in which order the maps before it become one row.', layer.name);
  }
}

/** What does not fit between two layers, in a sentence; `undefined` where all does. */
export function misfitOf(before: Pick<Layer, 'name'> & Sized, next: Pick<Layer, 'name'> & Sized): string | undefined {
  const given = outputsOf(before);
  const taken = next.kind === 'conv2d' ? next.channels : next.inputs;
  if (next.kind === 'conv2d') {
    if (before.kind === 'dense')
      return `It takes maps, and "${before.name}" before it gives a row of ${given} numbers.`;
    if (taken === given) return undefined;
    if (given % taken === 0 && next.filters % (given / taken) === 0) {
      return `It is a depthwise or grouped convolution: ${taken} of the ${given} channels of "${before.name}" for each filter.`;
    }
    return `It takes ${taken} channels, and "${before.name}" before it gives ${given}.`;
  }
  if (before.kind === 'conv2d' ? taken % given === 0 : taken === given) return undefined;
  return `It takes ${taken} inputs, and "${before.name}" before it gives ${given}.`;
}

/** A layer without its weights */
export type Sized =
  { kind: 'conv2d'; filters: number; channels: number } | { kind: 'dense'; units: number; inputs: number };

export const outputsOf = (layer: Sized): number => (layer.kind === 'dense' ? layer.units : layer.filters);

async function readDense({ kernel, layout, bias }: DenseStep): Promise<Layer> {
  if (kernel.shape.length !== 2) throw wrongRank(kernel, 2);
  const ordered = layout === 'out-in' ? kernel : transposed(kernel, [1, 0]);
  const [units = 0, inputs = 0] = ordered.shape;
  const { name } = ordered;
  return { kind: 'dense', name, units, inputs, bias: await readBias(bias, units), kernel: await ordered.read() };
}

async function readConv({ kernel, layout, bias }: ConvStep): Promise<Layer> {
  if (kernel.shape.length !== 4) throw wrongRank(kernel, 4);
  const ordered = layout === 'oihw' ? kernel : transposed(kernel, [3, 2, 0, 1]);
  const [filters = 0, channels = 0, height = 0, width = 0] = ordered.shape;
  const { name } = ordered;
  const biases = await readBias(bias, filters);
  return { kind: 'conv2d', name, filters, channels, height, width, bias: biases, kernel: await ordered.read() };
}

async function readBias(bias: Numbers | undefined, units: number): Promise<Float32Array | undefined> {
  if (bias === undefined) return undefined;
  if (countOf(bias) === units) return bias.read();
  throw stackUnknown(`The bias has ${countOf(bias)} numbers, and its layer ${units} outputs.`, bias.name);
}

/** One feature of a row after the other, channel by channel, where they were pixel by pixel */
function byChannel(kernel: Float32Array, inputs: number, channels: number): Float32Array {
  const pixels = inputs / channels;
  const out = new Float32Array(kernel.length);
  for (let row = 0; row < kernel.length; row += inputs) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let channel = 0; channel < channels; channel++) {
        out[row + channel * pixels + pixel] = kernel[row + pixel * channels + channel]!;
      }
    }
  }
  return out;
}

async function filled(numbers: Numbers | undefined, count: number, otherwise: number): Promise<Float32Array> {
  const values = await numbers?.read();
  if (values?.length === count) return values;
  if (values !== undefined && values.length !== 1) throw wrongCount(numbers!.name, values.length, count);
  return new Float32Array(count).fill(values?.[0] ?? otherwise);
}

/** The first, then the second */
function both(first: Affine, second: Affine): Affine {
  const count = Math.max(first.scale.length, second.scale.length);
  for (const { name, scale } of [first, second]) {
    if (scale.length !== 1 && scale.length !== count) throw wrongCount(name, scale.length, count);
  }
  const [scale, shift] = [new Float32Array(count), new Float32Array(count)];
  for (let i = 0; i < count; i++) {
    const [a, b] = [i % first.scale.length, i % second.scale.length];
    scale[i] = first.scale[a]! * second.scale[b]!;
    shift[i] = first.shift[a]! * second.scale[b]! + second.shift[b]!;
  }
  return { name: second.name, scale, shift };
}

function scaleOutputs(layer: Layer, { name, scale, shift }: Affine): void {
  const units = outputsOf(layer);
  const run = layer.kernel.length / units;
  layer.bias ??= new Float32Array(units);
  for (let unit = 0; unit < units; unit++) {
    const which = unit % scale.length;
    const factor = scale[which]!;
    layer.bias[unit] = layer.bias[unit]! * factor + shift[which]!;
    if (factor === 1) continue;
    for (let i = unit * run; i < (unit + 1) * run; i++) layer.kernel[i]! *= factor;
  }
  requireFinite(layer.bias, name);
  requireFinite(layer.kernel, name);
}

/** @param order as the kernel has its inputs, where features are pixels of maps */
function scaleInputs(layer: Layer, { name, scale, shift }: Affine, order: 'chw' | 'hwc' | undefined): void {
  const units = outputsOf(layer);
  const run = layer.kernel.length / units;
  const features = layer.kind === 'dense' ? layer.inputs : layer.channels;
  const count = scale.length;
  if (count !== features && count !== 1 && (order === undefined || features % count !== 0)) {
    throw wrongCount(name, count, features);
  }
  const whichOf = (i: number): number => (order === 'hwc' ? i % count : Math.floor(i / (run / count)));
  layer.bias ??= new Float32Array(units);
  for (let unit = 0; unit < units; unit++) {
    let bias = layer.bias[unit]!;
    for (let i = 0; i < run; i++) {
      const [at, which] = [unit * run + i, whichOf(i)];
      bias += layer.kernel[at]! * shift[which]!;
      layer.kernel[at]! *= scale[which]!;
    }
    layer.bias[unit] = bias;
  }
  requireFinite(layer.bias, name);
  requireFinite(layer.kernel, name);
}

function requirePositive({ name, scale }: Affine): void {
  if (scale.every((factor) => factor > 0)) return;
  throw stackUnknown('It scales by a negative number beside a maximum, which is no scale of a layer.', name);
}

const wrongRank = ({ name, shape }: Numbers, rank: number): Error =>
  stackUnknown(`The kernel has the shape [${shape.join(', ')}], and not ${rank} dimensions.`, name);

const wrongCount = (name: string, count: number, wanted: number): Error =>
  stackUnknown(`It has ${count} numbers where there are ${wanted} features.`, name);
