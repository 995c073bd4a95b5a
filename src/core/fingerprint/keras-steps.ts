/**
 * The way of data through a Keras model, as its `get_config` describes it: a Sequential model, or a functional one in which
 * each layer takes the one before it alone. Kernels are `[in, out]` and height, width, channels, filters. The weights of a
 * layer are found under its name, or in a Keras 3 file under its class and number there.
 */
import type { Json } from '../canonical-json.ts';
import type { JsonObject } from '../weights/json.ts';
import { asArray, asObject, asString } from '../weights/json.ts';
import type { Step } from './assemble.ts';
import type { Numbers } from './numbers.ts';
import { affineOf, countOf } from './numbers.ts';
import { stackUnknown } from './stack.ts';

/** @throws RegistryError `stack_unknown`, whose field is the layer that does not fit; `malformed_container` */
export function stepsOfKeras(model: JsonObject, tensors: readonly Numbers[]): Step[] {
  const walk = new KerasWalk(tensors);
  walk.model(model, 'model', 'layers', 1);
  return walk.steps;
}

/** Models in models */
const MAX_DEPTH = 16;
/** In lower case, without underscores: functions and layers spell them in two ways. */
const ACTIVATIONS = new Set(
  'relu relu6 leakyrelu elu selu celu gelu silu swish mish tanh sigmoid hardsigmoid hardswish hardsilu softplus softsign exponential'.split(
    ' ',
  ),
);
/** Layers without weights, and what of a stack they are */
const PLAIN: Readonly<Partial<Record<string, Step['kind'] | 'nothing'>>> = {
  InputLayer: 'nothing',
  Dropout: 'nothing',
  SpatialDropout2D: 'nothing',
  GaussianDropout: 'nothing',
  GaussianNoise: 'nothing',
  AlphaDropout: 'nothing',
  ActivityRegularization: 'nothing',
  ZeroPadding2D: 'nothing',
  AveragePooling2D: 'nothing',
  GlobalAveragePooling2D: 'nothing',
  MaxPooling2D: 'maximum',
  GlobalMaxPooling2D: 'maximum',
  ReLU: 'activation',
  LeakyReLU: 'activation',
  PReLU: 'activation',
  ELU: 'activation',
  ThresholdedReLU: 'activation',
  Softmax: 'end',
};

interface KerasLayer {
  type: string;
  name: string;
  config: JsonObject;
  /** Of the layers that it takes, in a functional model */
  takes: string[] | undefined;
}

class KerasWalk {
  readonly steps: Step[] = [];
  readonly #tensors: readonly Numbers[];
  /** Whether maps have their channels first; `undefined` before the first convolution and once they are rows */
  #channelsFirst: boolean | undefined;

  constructor(tensors: readonly Numbers[]) {
    this.#tensors = tensors;
  }

  /** @param path of its layers in a Keras 3 file */
  model(model: JsonObject, field: string, path: string, depth: number): void {
    const type = asString(model['class_name'], `${field}.class_name`);
    if (depth > MAX_DEPTH) throw stackUnknown(`Models stand in each other more than ${MAX_DEPTH} deep.`, field);
    if (type !== 'Sequential' && type !== 'Functional' && type !== 'Model') {
      throw stackUnknown(`A model of the class "${type}" does not tell the order of its layers.`, field);
    }
    // Keras 2.1 and before had the list alone.
    const config = model['config'];
    const listed = Array.isArray(config)
      ? config
      : asArray(asObject(config, `${field}.config`)['layers'], `${field}.config.layers`);
    const layers = listed.map((layer, i) => layerOf(layer, `${field}.config.layers.${i}`));
    const counts = new Map<string, number>();
    const paths = new Map(layers.map((layer) => [layer, `${path}/${numbered(snakeCase(layer.type), counts)}`]));
    for (const layer of type === 'Sequential' ? layers : inOrder(layers)) {
      this.#layer(layer, paths.get(layer)!, depth);
    }
  }

  #layer({ type, name, config }: KerasLayer, path: string, depth: number): void {
    const kind = PLAIN[type];
    if (type === 'Dense') this.#dense(name, path, config);
    else if (type === 'Conv2D') this.#conv(name, path, config);
    else if (type === 'BatchNormalization') this.#normalization(name, path, config);
    else if (type === 'Flatten') this.#flatten(name, config['data_format'] === 'channels_first');
    else if (type === 'Activation') this.#activation(name, config['activation']);
    else if (type === 'Sequential' || type === 'Functional' || type === 'Model') {
      this.model({ class_name: type, config }, name, `${path}/layers`, depth + 1);
    } else if (kind === 'end') this.steps.push({ kind, name });
    else if (kind === 'maximum' || kind === 'activation') this.steps.push({ kind });
    else if (kind === undefined) throw stackUnknown(`A stack has nothing like a layer of the class "${type}".`, name);
    if (type.startsWith('Global')) this.#channelsFirst = undefined;
  }

  #dense(name: string, path: string, config: JsonObject): void {
    if (this.#channelsFirst !== undefined) throw stackUnknown('It takes the pixels of maps, each by itself.', name);
    const [kernel, bias] = this.#kernelAndBias(name, path, config);
    this.steps.push({ kind: 'dense', kernel, bias, layout: 'in-out' });
    this.#activation(name, config['activation']);
  }

  #conv(name: string, path: string, config: JsonObject): void {
    if ((config['groups'] ?? 1) !== 1) throw stackUnknown('It is a grouped convolution.', name);
    const [kernel, bias] = this.#kernelAndBias(name, path, config);
    this.steps.push({ kind: 'conv2d', kernel, bias, layout: 'hwio' });
    this.#channelsFirst = config['data_format'] === 'channels_first';
    this.#activation(name, config['activation']);
  }

  #kernelAndBias(name: string, path: string, config: JsonObject): [kernel: Numbers, bias: Numbers | undefined] {
    const words = config['use_bias'] === false ? ['kernel'] : ['kernel', 'bias'];
    const [kernel, bias] = this.#weights(name, path, words);
    return [kernel!, bias];
  }

  #normalization(name: string, path: string, config: JsonObject): void {
    const words = [...(config['scale'] === false ? [] : ['gamma']), ...(config['center'] === false ? [] : ['beta'])];
    const found = this.#weights(name, path, [...words, 'moving_mean', 'moving_variance']);
    const of = (word: string): Numbers | undefined => (words.includes(word) ? found[words.indexOf(word)] : undefined);
    const [mean, variance] = found.slice(-2);
    const { epsilon = 1e-3 } = config;
    if (typeof epsilon !== 'number') throw stackUnknown('Its epsilon is no number.', name);
    const parts = { gamma: of('gamma'), beta: of('beta'), mean: mean!, variance: variance!, epsilon };
    this.steps.push({ kind: 'affine', name, ...affineOf(parts) });
  }

  #flatten(name: string, isFirst: boolean): void {
    if (this.#channelsFirst === false && isFirst) {
      throw stackUnknown('It flattens maps as if their channels were first, and they are last.', name);
    }
    // Keras puts channels that are first last, where Flatten is told of them, and otherwise leaves pixels as they lie.
    const asTheyLie = this.#channelsFirst === true && !isFirst;
    if (this.#channelsFirst !== undefined) this.steps.push({ kind: 'flatten', order: asTheyLie ? 'chw' : 'hwc' });
    this.#channelsFirst = undefined;
  }

  #activation(name: string, activation: Json | undefined): void {
    const named = typeof activation === 'object' && activation !== null && !Array.isArray(activation);
    const called = named ? activation['class_name'] : (activation ?? 'linear');
    const plain = typeof called === 'string' ? called.replaceAll('_', '').toLowerCase() : '';
    if (plain === 'linear') return;
    if (plain === 'softmax' || plain === 'logsoftmax') this.steps.push({ kind: 'end', name });
    else if (ACTIVATIONS.has(plain)) this.steps.push({ kind: 'activation' });
    else throw stackUnknown('Its activation is not known here.', name);
  }

  /**
   * In the order of `words`: `vars/0`, `vars/1` in a Keras 3 file, else the tensors that lie below the layer's name and end in
   * one of the words, with `:0` behind it where Keras 2 wrote them.
   */
  #weights(name: string, path: string, words: readonly string[]): Numbers[] {
    return words.map((word, i) => {
      const counted = this.#tensors.filter((tensor) => tensor.name === `${path}/vars/${i}`);
      const called = this.#tensors.filter((tensor) => {
        const parts = tensor.name.split('/');
        return parts.slice(0, -1).includes(name) && parts.at(-1)?.replace(/:0$/, '') === word;
      });
      const found = counted.length > 0 ? counted : called;
      if (found.length === 1 && countOf(found[0]!) > 0) return found[0]!;
      throw stackUnknown(`The layer has ${found.length} tensors that could be its ${word}.`, name);
    });
  }
}

function layerOf(value: Json, field: string): KerasLayer {
  const layer = asObject(value, field);
  const config = asObject(layer['config'], `${field}.config`);
  const name = asString(layer['name'] ?? config['name'], `${field}.config.name`);
  const type = asString(layer['class_name'], `${field}.class_name`);
  const inbound = layer['inbound_nodes'];
  return { type, name, config, takes: inbound === undefined ? undefined : takenBy(inbound, field) };
}

/** Keras 2 has `[[["name", 0, 0, {}]]]`, Keras 3 the same behind `keras_history`, among the arguments. */
function takenBy(value: Json, field: string): string[] {
  const found: string[] = [];
  const walk = (node: Json, depth: number): void => {
    if (depth > MAX_DEPTH || typeof node !== 'object' || node === null) return;
    const [name, call, output] = Array.isArray(node) ? node : [];
    if (typeof name === 'string' && typeof call === 'number' && typeof output === 'number') found.push(name);
    else for (const inner of Object.values(node)) walk(inner, depth + 1);
  };
  for (const call of asArray(value, `${field}.inbound_nodes`)) walk(call, 0);
  return found;
}

function inOrder(layers: readonly KerasLayer[]): KerasLayer[] {
  const takers = new Map<string, KerasLayer>();
  const [first, second] = layers.filter(({ takes }) => (takes ?? []).length === 0);
  if (first === undefined || second !== undefined) {
    throw stackUnknown('The model does not have one input.', (second ?? layers[0])?.name ?? 'layers');
  }
  for (const layer of layers) {
    const [taken, another] = layer.takes ?? [];
    if (another !== undefined) throw stackUnknown('It joins several ways of the data.', layer.name);
    if (taken === undefined) continue;
    const other = takers.get(taken);
    if (other !== undefined) throw stackUnknown(`What "${other.name}" takes goes here too.`, layer.name);
    takers.set(taken, layer);
  }
  const order: KerasLayer[] = [];
  for (let layer: KerasLayer | undefined = first; layer !== undefined; layer = takers.get(layer.name)) {
    if (order.push(layer) > layers.length) throw stackUnknown('The layers run in a circle.', layer.name);
  }
  if (order.length === layers.length) return order;
  throw stackUnknown('It is on no way from the input.', layers.find((layer) => !order.includes(layer))!.name);
}

/** As Keras 3 names the folder of a layer after its class: `keras.src.utils.naming.to_snake_case`. */
const snakeCase = (type: string): string =>
  type
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();

/** And numbers those of one class. */
function numbered(name: string, counts: Map<string, number>): string {
  const count = counts.get(name) ?? 0;
  counts.set(name, count + 1);
  return count === 0 ? name : `${name}_${count}`;
}
