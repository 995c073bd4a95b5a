/**
 * The way of data through an ONNX graph, from its one input on: each value must go into one node alone, so residual
 * connections, attention and several heads end it, and the node is named. Operators: https://onnx.ai/onnx/operators.
 *
 * Weights are values that do not depend on the input: initializers and constants, also behind Identity, Cast, Transpose
 * and DequantizeLinear, which exporters leave in place. What is elementwise and has no weights does not change the order.
 */
import type { OnnxGraph, OnnxNode } from '../weights/onnx-graph.ts';
import type { Step } from './assemble.ts';
import type { Numbers } from './numbers.ts';
import { affineOf, countOf, dequantized, mapped, transposed, written } from './numbers.ts';
import { stackUnknown } from './stack.ts';

/** @throws RegistryError `stack_unknown`, whose field is the node that does not fit */
export async function stepsOfGraph(graph: OnnxGraph, tensors: readonly Numbers[]): Promise<Step[]> {
  return new GraphWalk(graph, tensors).steps();
}

/** Elementwise; how much of a number goes through, not from where to where */
const ACTIVATIONS = new Set(
  'Relu LeakyRelu PRelu Elu Celu Selu Sigmoid HardSigmoid HardSwish Mish Swish Gelu Softplus Softsign Tanh ThresholdedRelu Clip'.split(
    ' ',
  ),
);
const MAXIMA = new Set(['MaxPool', 'GlobalMaxPool']);
/** Nothing, or a mean over pixels of a map, which scales with it */
const PASSING = new Set(
  'Identity Dropout Cast QuantizeLinear DequantizeLinear Pad AveragePool GlobalAveragePool'.split(' '),
);
const ENDS = new Set(['Softmax', 'LogSoftmax', 'ArgMax']);
/** Who reads a value's shape takes none of its numbers. */
const SHAPES = new Set(['Shape', 'Size']);
/** And why some are none of a stack */
const OTHERS: Readonly<Partial<Record<string, string>>> = {
  ConvTranspose: 'It is a transposed convolution.',
  LSTM: 'It is a recurrent layer.',
  GRU: 'It is a recurrent layer.',
  RNN: 'It is a recurrent layer.',
  Gather: 'It picks rows of a table, as an embedding does.',
  LayerNormalization: 'It normalizes each input by itself, which is part of no layer.',
  InstanceNormalization: 'It normalizes each input by itself, which is part of no layer.',
  GroupNormalization: 'It normalizes each input by itself, which is part of no layer.',
  Concat: 'It joins several ways of the data.',
};
/** Nodes behind each other that a constant goes through */
const MAX_CONSTANT_DEPTH = 4;
/** Dimensions of a value, or axes of it */
const MAX_AXES = 64;

class GraphWalk {
  readonly #graph: OnnxGraph;
  readonly #tensors: ReadonlyMap<string, Numbers>;
  readonly #makers = new Map<string, OnnxNode>();
  readonly #takers = new Map<string, Set<OnnxNode>>();
  readonly #steps: Step[] = [];
  #layers = 0;
  /** How maps lie in memory; `undefined` before the first convolution and once they are rows */
  #maps: 'nchw' | 'nhwc' | undefined;

  constructor(graph: OnnxGraph, tensors: readonly Numbers[]) {
    this.#graph = graph;
    this.#tensors = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    for (const node of graph.nodes) {
      for (const output of node.outputs) this.#makers.set(output, node);
      if (SHAPES.has(node.type)) continue;
      for (const input of node.inputs.filter((name) => name !== '')) {
        const takers = this.#takers.get(input) ?? new Set();
        this.#takers.set(input, takers.add(node));
      }
    }
  }

  async steps(): Promise<Step[]> {
    const seen = new Set<OnnxNode>();
    let value = this.#input();
    for (let node = this.#next(value); node !== undefined; node = this.#next(value)) {
      if (seen.has(node)) throw refuse(node, 'The graph runs in a circle.');
      seen.add(node);
      if (node.domain !== '' && node.domain !== 'ai.onnx') {
        throw refuse(node, `It is an operator of "${node.domain}", which is not known here.`, INLINE);
      }
      await this.#take(node, value);
      value = node.outputs[0] ?? '';
    }
    return this.#steps;
  }

  #input(): string {
    const inputs = this.#graph.inputs.filter((name) => !this.#tensors.has(name));
    if (inputs.length === 1) return inputs[0]!;
    throw stackUnknown(`The graph takes ${inputs.length} inputs; a stack takes one.`, inputs[1] ?? 'graph');
  }

  #next(value: string): OnnxNode | undefined {
    const [node, other] = this.#takers.get(value) ?? [];
    if (other === undefined) return node;
    throw refuse(other, `What "${called(node!)}" takes goes here too: the data has more than one way.`);
  }

  async #take(node: OnnxNode, value: string): Promise<void> {
    const { type } = node;
    if (type === 'Gemm') this.#gemm(node, value);
    else if (type === 'MatMul') this.#matMul(node, value);
    else if (type === 'Conv') this.#conv(node, value);
    else if (type === 'BatchNormalization') this.#normalization(node);
    else if (type === 'Add' || type === 'Sub' || type === 'Mul' || type === 'Div') this.#affine(node, value);
    else if (type === 'Transpose') this.#transpose(node);
    else if (type === 'Flatten') this.#flatten(node, node.attributes.get('axis')?.[0] ?? 1);
    else if (type === 'Reshape') await this.#reshape(node);
    else if (type === 'Squeeze') this.#toRows();
    else if (type === 'ReduceMean' || type === 'ReduceMax') await this.#reduce(node);
    else if (ACTIVATIONS.has(type)) this.#steps.push({ kind: 'activation' });
    else if (MAXIMA.has(type)) this.#steps.push({ kind: 'maximum' });
    else if (ENDS.has(type)) this.#steps.push({ kind: 'end', name: called(node) });
    else if (!PASSING.has(type)) throw refuse(node, OTHERS[type] ?? `A stack has nothing like its "${type}".`);
  }

  /** alpha · A · B + beta · C */
  #gemm(node: OnnxNode, value: string): void {
    const { attributes, inputs } = node;
    if (inputs[0] !== value || attributes.get('transA')?.[0] === 1) throw refuse(node, 'The data is not its rows.');
    const alpha = attributes.get('alpha')?.[0] ?? 1;
    const beta = attributes.get('beta')?.[0] ?? 1;
    const kernel = this.#weights(node, 1);
    this.#dense(node, scaledBy(kernel, alpha), attributes.get('transB')?.[0] === 1 ? 'out-in' : 'in-out');
    if (inputs[2] === undefined || inputs[2] === '') return;
    const shift = scaledBy(this.#weights(node, 2), beta);
    this.#steps.push({ kind: 'affine', name: shift.name, shift });
  }

  #matMul(node: OnnxNode, value: string): void {
    if (node.inputs[0] !== value) throw refuse(node, 'The data is not its rows.');
    this.#dense(node, this.#weights(node, 1), 'in-out');
  }

  #dense(node: OnnxNode, kernel: Numbers, layout: 'in-out' | 'out-in'): void {
    if (this.#maps !== undefined) throw refuse(node, 'It takes the rows of maps, each by itself.');
    this.#steps.push({ kind: 'dense', kernel, layout });
    this.#layers++;
  }

  #conv(node: OnnxNode, value: string): void {
    const group = node.attributes.get('group')?.[0] ?? 1;
    if (group !== 1) throw refuse(node, `It is a depthwise or grouped convolution, of ${group} groups.`);
    if (node.inputs[0] !== value || this.#maps === 'nhwc') throw refuse(node, 'The data is not its maps.');
    const kernel = this.#weights(node, 1);
    const bias = node.inputs[2] === undefined || node.inputs[2] === '' ? undefined : this.#weights(node, 2);
    this.#steps.push({ kind: 'conv2d', kernel, bias, layout: 'oihw' });
    this.#layers++;
    this.#maps = 'nchw';
  }

  #normalization(node: OnnxNode): void {
    if (node.attributes.get('training_mode')?.[0] === 1) throw refuse(node, 'It still learns its mean and variance.');
    const epsilon = node.attributes.get('epsilon')?.[0] ?? 1e-5;
    const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((i) => this.#weights(node, i));
    const parts = { gamma, beta, mean: mean!, variance: variance!, epsilon };
    this.#steps.push({ kind: 'affine', name: called(node), ...affineOf(parts) });
  }

  #affine(node: OnnxNode, value: string): void {
    const at = node.inputs[0] === value ? 1 : 0;
    if (node.inputs[1 - at] !== value || node.inputs[at] === value) throw refuse(node, 'It takes the data twice.');
    const other = this.#constant(node.inputs[at]!);
    if (other === undefined) throw refuse(node, 'It joins two ways of the data, as a residual connection does.');
    this.#requireOfFeatures(node, other);
    const [name, { type }] = [called(node), node];
    if (type === 'Div' && at === 0) throw refuse(node, 'It divides by the data.');
    if (type === 'Mul') this.#steps.push({ kind: 'affine', name, scale: other });
    else if (type === 'Div') this.#steps.push({ kind: 'affine', name, scale: mapped(other, (x) => 1 / x) });
    else if (type === 'Add') this.#steps.push({ kind: 'affine', name, shift: other });
    else if (at === 1) this.#steps.push({ kind: 'affine', name, shift: mapped(other, (x) => -x) });
    else this.#steps.push({ kind: 'affine', name, shift: other, scale: written(name, [-1]) });
  }

  /** One number, or one for each feature: those lie on the last axis, or on that of the channels. */
  #requireOfFeatures(node: OnnxNode, { shape }: Numbers): void {
    const fromBack = this.#maps === 'nchw' ? 3 : 1;
    const isOther = (axis: number): boolean => shape[axis] !== 1 && shape.length - axis !== fromBack;
    if (!shape.some((_, axis) => isOther(axis))) return;
    if (this.#layers === 0 && shape.length >= 3 && shape.every((n, axis) => n === 1 || shape.length - axis === 3))
      return;
    throw refuse(node, `Numbers of the shape [${shape.join(', ')}] are not one for each feature.`);
  }

  #transpose(node: OnnxNode): void {
    const order = node.attributes.get('perm')?.join(' ');
    if (this.#layers === 0 || order === '0 1' || order === '0 1 2 3') return;
    if (this.#maps === 'nchw' && order === '0 2 3 1') this.#maps = 'nhwc';
    else if (this.#maps === 'nhwc' && order === '0 3 1 2') this.#maps = 'nchw';
    else throw refuse(node, 'It puts the data in an order that is not that of features.');
  }

  #flatten(node: OnnxNode, axis: number): void {
    if (axis !== 1 && axis !== -3) throw refuse(node, 'It flattens other axes than those of one picture.');
    this.#toRows();
  }

  async #reshape(node: OnnxNode): Promise<void> {
    const shape = await this.#axes(node);
    if (this.#maps !== undefined && shape !== undefined && shape.length !== 2) {
      throw refuse(node, `It gives maps the shape [${shape.join(', ')}], which is no row.`);
    }
    this.#toRows();
  }

  async #reduce(node: OnnxNode): Promise<void> {
    const listed = node.attributes.get('axes') ?? (await this.#axes(node)) ?? [];
    const axes = listed.map((axis) => (axis < 0 ? axis + 4 : axis)).sort();
    if (this.#maps === undefined || axes.join() !== (this.#maps === 'nchw' ? '2,3' : '1,2')) {
      throw refuse(node, 'It goes over other axes than the height and width of maps.');
    }
    if (node.type === 'ReduceMax') this.#steps.push({ kind: 'maximum' });
    if (node.attributes.get('keepdims')?.[0] === 0) this.#toRows();
  }

  /** The second input, where it is written in the model */
  async #axes(node: OnnxNode): Promise<number[] | undefined> {
    const numbers = this.#constant(node.inputs[1] ?? '');
    return numbers === undefined || countOf(numbers) > MAX_AXES ? undefined : [...(await numbers.read())];
  }

  #toRows(): void {
    if (this.#maps !== undefined) this.#steps.push({ kind: 'flatten', order: this.#maps === 'nchw' ? 'chw' : 'hwc' });
    this.#maps = undefined;
  }

  /** An input that does not depend on the data */
  #weights(node: OnnxNode, input: number): Numbers {
    const numbers = this.#constant(node.inputs[input] ?? '');
    if (numbers !== undefined) return numbers;
    throw refuse(node, `Its input "${node.inputs[input] ?? input}" is computed from data, as in attention.`);
  }

  #constant(value: string, depth = 0): Numbers | undefined {
    const tensor = this.#tensors.get(value);
    if (tensor !== undefined) return tensor;
    const node = this.#makers.get(value);
    if (node === undefined || depth > MAX_CONSTANT_DEPTH) return undefined;
    const { type, attributes, inputs } = node;
    if (type === 'Constant') {
      const words = ['value_float', 'value_floats', 'value_int', 'value_ints'];
      const numbers = words.map((word) => attributes.get(word)).find((one) => one !== undefined);
      return numbers === undefined ? undefined : written(value, numbers);
    }
    const from = this.#constant(inputs[0] ?? '', depth + 1);
    if (from === undefined) return undefined;
    if (type === 'Identity' || type === 'Cast') return from;
    if (type === 'Transpose') {
      const order = attributes.get('perm') ?? from.shape.map((_, axis) => from.shape.length - 1 - axis);
      const isOrder = order.length === from.shape.length && from.shape.every((_, axis) => order.includes(axis));
      if (!isOrder) throw refuse(node, 'It names axes that its input does not have.');
      return transposed(from, order);
    }
    if (type !== 'DequantizeLinear') return undefined;
    const [scale, zero] = [inputs[1], inputs[2]].map((name) => this.#constant(name ?? '', depth + 1));
    const axis = attributes.get('axis')?.[0] ?? 1;
    return scale && dequantized(from, scale, zero, axis < 0 ? axis + from.shape.length : axis);
  }
}

const called = ({ name, outputs, type }: OnnxNode): string => [name, outputs[0]].find((one) => one) ?? type;

const scaledBy = (numbers: Numbers, factor: number): Numbers =>
  factor === 1 ? numbers : mapped(numbers, (value) => value * factor);

const refuse = (node: OnnxNode, sentence: string, fix?: string): Error =>
  stackUnknown(sentence, `${node.type} ${called(node)}`, fix);

const INLINE = 'Where it is a function of the model, inline it: onnx.inliner.inline_local_functions.';
