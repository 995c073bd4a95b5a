import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { Json } from '../../../../src/core/canonical-json.ts';
import { stackOf } from '../../../../src/core/fingerprint/stack-of.ts';
import type { Stack } from '../../../../src/core/fingerprint/stack.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import type { ContainerName } from '../../../../src/core/weights/container.ts';
import { openWeights } from '../../../../src/core/weights/inspect.ts';
import type { JsonObject } from '../../../../src/core/weights/json.ts';
import { writeSafetensors } from '../../../../src/core/weights/safetensors.ts';
import type { Values } from './network.ts';
import { draw, expected, names, numbersIn, refusal, stackIn, tensorflowNetwork, tensorsOf } from './network.ts';

const saved = (name: string, container: ContainerName): Promise<Stack> =>
  stackIn(new Uint8Array(readFileSync(new URL(`../../../vectors/weights/keras/${name}`, import.meta.url))), container);

/** These tensors, and what Keras would say of them */
async function described(model: JsonObject, arrays: Record<string, Values>): Promise<Stack> {
  const opened = await openWeights(bytesSource(writeSafetensors(tensorsOf(arrays))));
  return stackOf({ ...opened!, plan: async () => Promise.resolve({ kind: 'keras', model }) });
}

type Made = [type: string, name: string, config?: JsonObject];

const sequential = (...layers: Made[]): JsonObject => ({
  class_name: 'Sequential',
  config: {
    name: 'net',
    layers: layers.map(([class_name, name, config]) => ({ class_name, config: { name, ...config } })),
  },
});

/** Each layer behind those that it names */
const functional = (wrap: (name: string) => Json, ...layers: [...Made, ...string[]][]): JsonObject => ({
  class_name: 'Functional',
  config: {
    layers: layers.map(([class_name, name, config, ...takes]) => ({
      class_name: class_name,
      config: { name: name, ...(config as JsonObject) },
      name: name,
      inbound_nodes: takes.map((taken) => wrap(taken)),
    })),
  },
});
const keras2 = (name: string): Json => [[name, 0, 0, {}]];
const keras3 = (name: string): Json => ({
  args: [{ class_name: '__keras_tensor__', config: { shape: [null, 4], keras_history: [name, 0, 0] } }],
  kwargs: {},
});

const CALLED = {
  conv1: 'one/kernel',
  bias1: 'one/bias',
  conv2: 'two/kernel:0',
  bias2: 'two/bias:0',
  dense1: 'three/net/three/kernel',
  bias3: 'three/net/three/bias',
  dense2: 'four/kernel',
  bias4: 'four/bias',
};
const weights = names(CALLED, tensorflowNetwork);
const layers: Made[] = [
  ['Conv2D', 'one', { activation: 'relu', data_format: 'channels_last', groups: 1 }],
  ['MaxPooling2D', 'pool'],
  ['Conv2D', 'two', { activation: { class_name: 'LeakyReLU', config: {} } }],
  ['Flatten', 'flat'],
  ['Dropout', 'drop'],
  ['Dense', 'three', { activation: 'relu' }],
  ['Dense', 'four', { activation: 'softmax' }],
];

describe('what Keras saved', () => {
  test('is one stack in each of its containers', async () => {
    const stack = numbersIn(await saved('model.keras', 'keras'));
    expect(stack).toMatchObject([
      { kind: 'dense', inputs: 4, units: 3 },
      { kind: 'dense', inputs: 3, units: 2 },
    ]);
    expect(numbersIn(await saved('model.h5', 'hdf5'))).toEqual(stack);
    expect(numbersIn(await saved('model.weights.h5', 'hdf5'))).toEqual(stack);
    expect(numbersIn(await saved('bfloat16.keras', 'keras'))).toHaveLength(2);
  });
});

describe('one network', () => {
  const chain = layers.map(([type, name, config = {}], i): [...Made, ...string[]] => [
    type,
    name,
    config,
    i === 0 ? 'input' : layers[i - 1]![1],
  ]);

  test.each([
    ['a list', sequential(['InputLayer', 'input'], ...layers)],
    ['a graph of Keras 2', functional(keras2, ['InputLayer', 'input', {}], ...[...chain].reverse())],
    ['a graph of Keras 3', functional(keras3, ['InputLayer', 'input', {}], ...chain)],
    [
      'models in each other',
      sequential(['Sequential', 'body', sequential(...layers.slice(0, 4))['config'] as JsonObject], ...layers.slice(4)),
    ],
  ])('is the same one, told as %s', async (_, model) => {
    expect(numbersIn(await described(model, weights))).toEqual(expected);
  });

  test('has its maps flattened as they lie where only the convolution has channels first', async () => {
    const first = layers.map(([type, name, config = {}]): Made => [
      type,
      name,
      { ...config, ...(type === 'Conv2D' ? { data_format: 'channels_first' } : {}) },
    ]);
    const stack = await described(sequential(...first), weights);
    expect(stack.layers[2]!.kernel).not.toEqual(
      Float32Array.from((expected[2] as unknown as { kernel: number[] }).kernel),
    );
    const both = first.map(([type, name, config = {}]): Made => [
      type,
      name,
      { ...config, data_format: 'channels_first' },
    ]);
    expect(numbersIn(await described(sequential(...both), weights))).toEqual(expected);
  });
});

describe('a model that is no stack is refused, and the layer is named', () => {
  const arrays = { 'a/kernel': draw(4, 4), 'a/bias': draw(4), 'b/kernel': draw(4, 4), 'b/bias': draw(4) };
  const [a, b]: [Made, Made] = [
    ['Dense', 'a'],
    ['Dense', 'b'],
  ];
  test.each([
    ['a layer of another class', sequential(a, ['LSTM', 'b']), 'of the class "LSTM"', 'b'],
    ['a model of a class of its own', { class_name: 'MyNet', config: {} }, 'class "MyNet"', 'model'],
    ['a layer without its weights', sequential(a, ['Dense', 'c']), '0 tensors that could be its kernel', 'c'],
    ['an activation of one’s own', sequential(['Dense', 'a', { activation: 'mine' }]), 'activation is not known', 'a'],
    ['a softmax between layers', sequential(['Dense', 'a', { activation: 'softmax' }], b), 'further layers', 'a'],
    ['grouped convolutions', sequential(['Conv2D', 'a', { groups: 2 }]), 'grouped', 'a'],
    ['two inputs', functional(keras2, ['InputLayer', 'x', {}], ['InputLayer', 'y', {}]), 'one input', 'y'],
    [
      'two ways from one layer',
      functional(keras2, ['InputLayer', 'x', {}], ['Dense', 'a', {}, 'x'], ['Dense', 'b', {}, 'x']),
      '"a" takes goes here too',
      'b',
    ],
    [
      'a sum of two ways',
      functional(keras3, ['InputLayer', 'x', {}], ['Dense', 'a', {}, 'x'], ['Add', 'b', {}, 'a', 'x']),
      'joins several ways',
      'b',
    ],
    [
      'a circle',
      functional(keras2, ['InputLayer', 'x', {}], ['Dense', 'a', {}, 'b'], ['Dense', 'b', {}, 'a']),
      'no way from the input',
      'a',
    ],
  ] as [string, JsonObject, string, string][])('%s', async (_, model, sentence, field) => {
    expect(await refusal(described(model, arrays))).toEqual({ sentence: expect.stringContaining(sentence), field });
  });

  test('a description that is none', async () => {
    for (const model of [{}, { class_name: 'Sequential' }, { class_name: 'Sequential', config: { layers: [1] } }]) {
      await expect(described(model, arrays)).rejects.toMatchObject({ code: 'malformed_container' });
    }
  });
});
