import { describe, expect, test } from '@jest/globals';
import { concat } from '../../../../src/core/bytes.ts';
import type { Layer } from '../../../../src/core/fingerprint/stack.ts';
import { message, modelOf, number, packed, raw, tag, tensor, text } from '../weights/onnx-fixture.ts';
import type { Values } from './network.ts';
import { bytesOf, draw, expected, network, numbersIn, refusal, reshape, stackIn, transpose } from './network.ts';

type Attributes = Record<string, number | readonly number[] | { float: number }>;
type MadeNode = readonly [type: string, inputs: string, output: string, attributes?: Attributes];

const float = (value: number): Uint8Array => new Uint8Array(Float32Array.of(value).buffer);

function nodeOf([type, inputs, output, attributes = {}]: MadeNode): Uint8Array {
  const parts = Object.entries(attributes).map(([name, value]) => {
    const written =
      typeof value === 'number'
        ? number(3, value)
        : 'float' in value
          ? concat(tag(2, 5), float(value.float))
          : packed(8, value);
    return message(5, text(1, name), written);
  });
  const [operator = '', domain = ''] = type.split('@');
  const names = inputs === '' ? [] : inputs.split(' ').map((name) => text(1, name === '-' ? '' : name));
  return message(1, ...names, text(2, output), text(4, operator), ...parts, text(7, domain));
}

const FLOAT = 1;
const INT8 = 3;
const INT64 = 7;

/** A model with the input `x` */
function onnxOf(nodes: readonly MadeNode[], weights: Record<string, Values>, ...more: Uint8Array[]): Uint8Array {
  const initializers = Object.entries(weights).map(([name, array]) =>
    message(5, tensor(name, FLOAT, array.shape, raw(bytesOf(array)))),
  );
  const [input, output] = [message(11, text(1, 'x')), message(12, text(1, 'y'))];
  return modelOf(concat(...nodes.map(nodeOf), ...initializers, input, output, ...more));
}

const int64 = (name: string, ...values: number[]): Uint8Array =>
  message(5, tensor(name, INT64, [values.length], raw(new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer))));

const layersOf = async (nodes: readonly MadeNode[], weights: Record<string, Values>, ...more: Uint8Array[]) =>
  (await stackIn(onnxOf(nodes, weights, ...more), 'onnx')).layers;

describe('one network', () => {
  test('is the stack that its graph tells, as PyTorch exports it', async () => {
    const nodes: MadeNode[] = [
      ['Conv', 'x conv1 bias1', 'a', { group: 1 }],
      ['Relu', 'a', 'b'],
      ['MaxPool', 'b', 'c', { kernel_shape: [2, 2] }],
      ['Conv', 'c conv2 bias2', 'd'],
      ['LeakyRelu', 'd', 'e'],
      ['Flatten', 'e', 'f', { axis: 1 }],
      ['Gemm', 'f dense1 bias3', 'g', { transB: 1, alpha: { float: 1 }, beta: { float: 1 } }],
      ['Dropout', 'g', 'h'],
      ['Gemm', 'h dense2 bias4', 'i', { transB: 1 }],
      ['Softmax', 'i', 'y'],
    ];
    expect(numbersIn(await stackIn(onnxOf(nodes, network), 'onnx'))).toEqual(expected);
  });

  test('is the same one as TensorFlow’s is exported: pixels before channels, MatMul and Add', async () => {
    const byPixel = reshape(transpose(reshape(network.dense1, 5, 4, 2, 2), 2, 3, 1, 0), 16, 5);
    const weights = {
      ...network,
      bias1: reshape(network.bias1, 1, 3, 1, 1),
      dense1: byPixel,
      dense2: transpose(network.dense2, 1, 0),
    };
    const nodes: MadeNode[] = [
      ['Transpose', 'x', 't', { perm: [0, 3, 1, 2] }],
      ['Conv', 't conv1', 'a'],
      ['Add', 'a bias1', 'b'],
      ['Relu', 'b', 'c'],
      ['Conv', 'c conv2 bias2', 'd'],
      ['AveragePool', 'd', 'e'],
      ['Transpose', 'e', 'f', { perm: [0, 2, 3, 1] }],
      ['Reshape', 'f shape', 'g'],
      ['MatMul', 'g dense1', 'h'],
      ['Add', 'h bias3', 'i'],
      ['Identity', 'i', 'j'],
      ['MatMul', 'j dense2', 'k'],
      ['Add', 'bias4 k', 'y'],
    ];
    expect(numbersIn(await stackIn(onnxOf(nodes, weights, int64('shape', -1, 16)), 'onnx'))).toEqual(expected);
  });

  test('is the same one where exporters leave constants in other nodes', async () => {
    const nodes: MadeNode[] = [
      ['Shape', 'x', 's'],
      ['Gather', 's zero', 'n'],
      ['Transpose', 'dense2', 'turned'],
      ['Identity', 'turned', 'kernel'],
      ['Reshape', 'x n', 'r'],
      ['MatMul', 'r kernel', 'a'],
      ['Add', 'a bias4', 'y'],
    ];
    const [layer] = await layersOf(nodes, network, int64('zero', 0));
    expect({ kernel: [...layer!.kernel], bias: [...layer!.bias!] }).toEqual({
      kernel: network.dense2.values,
      bias: network.bias4.values,
    });
  });

  test('keeps a graph of nothing but tensors a box of named ones', async () => {
    const weights = { 'a.weight': draw(3, 4), 'b.weight': draw(2, 3) };
    expect((await layersOf([], weights)).map(({ name }) => name)).toEqual(['a.weight', 'b.weight']);
  });
});

describe('what scales and shifts', () => {
  const [kernel, bias] = [draw(3, 4), draw(3)];
  const [gamma, beta, mean] = [draw(3), draw(3), draw(3)];
  const variance = { shape: [3], values: [0.5, 2, 1.25] };
  const last = draw(2, 3);
  const weights = { kernel, bias, gamma, beta, mean, variance, last };
  const FIRST: MadeNode = ['Gemm', 'x kernel bias', 'a', { transB: 1 }];
  const scale = gamma.values.map((value, i) => value / Math.sqrt(variance.values[i]! + 0.25));
  const shift = beta.values.map((value, i) => value - mean.values[i]! * scale[i]!);
  const norm = (from: string, to: string): MadeNode => [
    'BatchNormalization',
    `${from} gamma beta mean variance`,
    to,
    { epsilon: { float: 0.25 } },
  ];
  const near = (found: Float32Array | undefined, values: readonly number[]): void => {
    expect(found).toHaveLength(values.length);
    for (const [i, value] of values.entries()) expect(found![i]).toBeCloseTo(value, 4);
  };
  const LAST: MadeNode = ['Gemm', 'c last', 'y', { transB: 1 }];

  test('a normalization is of the layer before it', async () => {
    const [first] = (await layersOf([FIRST, norm('a', 'b'), ['Relu', 'b', 'c'], LAST], weights)) as [Layer];
    near(
      first.kernel,
      kernel.values.map((value, i) => value * scale[Math.floor(i / 4)]!),
    );
    near(
      first.bias,
      bias.values.map((value, i) => value * scale[i]! + shift[i]!),
    );
  });

  test('and of the one behind it where an activation is between', async () => {
    const [first, second] = await layersOf([FIRST, ['Relu', 'a', 'b'], norm('b', 'c'), LAST], weights);
    near(first!.kernel, kernel.values);
    near(
      second!.kernel,
      last.values.map((value, i) => value * scale[i % 3]!),
    );
    near(
      second!.bias,
      [0, 1].map((row) => shift.reduce((sum, t, i) => sum + last.values[row * 3 + i]! * t, 0)),
    );
  });

  test.each([
    ['chw', 2, []],
    ['hwc', 2, [['Transpose', 'm', 'n', { perm: [0, 2, 3, 1] }]]],
  ] as [string, number, MadeNode[]][])(
    'of maps that become rows (%s) it scales the pixels of each',
    async (order, _, turn) => {
      const [conv, dense] = [draw(3, 1, 1, 1), draw(2, 12)];
      const nodes: MadeNode[] = [
        ['Conv', 'x conv', 'k'],
        ['Relu', 'k', 'l'],
        norm('l', 'm'),
        ...turn,
        ['Flatten', turn.length > 0 ? 'n' : 'm', 'o'],
        ['Gemm', 'o dense', 'y', { transB: 1 }],
      ];
      const [, layer] = await layersOf(nodes, { ...weights, conv, dense });
      const byChannel = order === 'chw' ? dense : reshape(transpose(reshape(dense, 2, 4, 3), 0, 2, 1), 2, 12);
      near(
        layer!.kernel,
        byChannel.values.map((value, i) => value * scale[Math.floor((i % 12) / 4)]!),
      );
      const sums = [0, 1].map((row) =>
        byChannel.values
          .slice(row * 12, row * 12 + 12)
          .reduce((sum, value, i) => sum + value * shift[Math.floor(i / 4)]!, 0),
      );
      near(layer!.bias, sums);
    },
  );

  test('numbers that are no layer’s: of the input, of a quantized kernel, of Gemm', async () => {
    const nodes: MadeNode[] = [
      ['Sub', 'x middle', 'p'],
      ['Div', 'p spread', 'q'],
      ['DequantizeLinear', 'stored steps zeros', 'kernel8', { axis: 0 }],
      ['Gemm', 'q kernel8 bias', 'y', { transB: 1, alpha: { float: 2 }, beta: { float: -1 } }],
    ];
    const stored = new Int8Array([1, -2, 3, 4, -5, 6, 7, 8, -9, 10, 11, -12]);
    const [middle, spread] = [0.5, 0.25].map((value) => ({ shape: [], values: [value] }));
    const steps = { shape: [3], values: [0.5, 0.25, 2] };
    const zeros = message(5, tensor('zeros', INT8, [3], raw(new Uint8Array([1, 0, 255]))));
    const bytes = message(5, tensor('stored', INT8, [3, 4], raw(new Uint8Array(stored.buffer))));
    const made = { bias, middle: middle!, spread: spread!, steps };
    const [layer] = await layersOf(nodes, made, zeros, bytes);
    const plain = [...stored].map(
      (value, i) => 2 * (value - [1, 0, -1][Math.floor(i / 4)]!) * steps.values[Math.floor(i / 4)]!,
    );
    near(
      layer!.kernel,
      plain.map((value) => value / 0.25),
    );
    near(
      layer!.bias,
      bias.values.map((value, row) => plain.slice(row * 4, row * 4 + 4).reduce((sum, w) => sum - w * 2, -value)),
    );
  });
});

describe('a graph that is no stack is refused, and the node is named', () => {
  const weights = {
    w: draw(4, 4),
    v: draw(4, 4),
    b: draw(4),
    k: draw(4, 4, 3, 3),
    k2: draw(4, 2, 3, 3),
    s: { shape: [4], values: [1, -1, 1, 1] },
    one: draw(4, 1, 1),
  };
  const dense = (from: string, to: string, kernel = 'w'): MadeNode => ['MatMul', `${from} ${kernel}`, to];
  test.each([
    [
      'a residual connection',
      [dense('x', 'a'), ['Relu', 'a', 'b'], dense('b', 'c', 'v'), ['Add', 'c a', 'y']],
      'more than one way',
      'Add y',
    ],
    ['attention', [dense('x', 'q'), dense('x', 'k'), ['MatMul', 'q k', 'y']], 'more than one way', 'MatMul k'],
    ['data times data', [dense('x', 'a'), ['MatMul', 'a a', 'y']], 'computed from data', 'MatMul y'],
    ['data plus itself', [dense('x', 'a'), ['Add', 'a a', 'y']], 'takes the data twice', 'Add y'],
    ['a depthwise convolution', [['Conv', 'x k2', 'y', { group: 2 }]], 'of 2 groups', 'Conv y'],
    ['a transposed convolution', [['ConvTranspose', 'x k', 'y']], 'transposed convolution', 'ConvTranspose y'],
    ['an embedding', [['Gather', 'w x', 'a'], dense('a', 'y')], 'rows of a table', 'Gather a'],
    ['a recurrent layer', [['LSTM', 'x w v', 'y']], 'recurrent', 'LSTM y'],
    [
      'a normalization of each input',
      [dense('x', 'a'), ['LayerNormalization', 'a b', 'y']],
      'each input',
      'LayerNormalization y',
    ],
    ['an operator that nobody knows', [['Einsum', 'x w', 'y']], 'nothing like its "Einsum"', 'Einsum y'],
    ['an operator of others', [['Gemm@com.example', 'x w', 'y']], 'com.example', 'Gemm y'],
    ['a softmax between layers', [dense('x', 'a'), ['Softmax', 'a', 'b'], dense('b', 'y', 'v')], 'further layers', 'b'],
    ['layers that do not chain', [dense('x', 'a'), ['Gemm', 'a k3', 'y']], '3 inputs, and "w" before it gives 4', 'k3'],
    ['maps that are no rows', [['Conv', 'x k', 'a'], dense('a', 'y')], 'rows of maps', 'MatMul y'],
    [
      'maps in another order',
      [
        ['Conv', 'x k', 'a'],
        ['Transpose', 'a', 'y', { perm: [0, 1, 3, 2] }],
      ],
      'order',
      'Transpose y',
    ],
    [
      'maps that are summed',
      [
        ['Conv', 'x k', 'a'],
        ['ReduceMean', 'a', 'y', { axes: [1] }],
      ],
      'height and width',
      'ReduceMean y',
    ],
    ['a convolution of rows', [dense('x', 'a'), ['Conv', 'a k', 'y']], 'takes maps', 'k'],
    ['a kernel of another rank', [['Conv', 'x w', 'y']], 'not 4 dimensions', 'w'],
    [
      'numbers along another axis',
      [
        ['Conv', 'x k', 'a'],
        ['Mul', 'a b', 'y'],
      ],
      'not one for each feature',
      'Mul y',
    ],
    [
      'a negative scale behind a maximum',
      [
        ['Conv', 'x k', 'a'],
        ['MaxPool', 'a', 'c'],
        ['Mul', 'c s4', 'y'],
      ],
      'negative number beside a maximum',
      'y',
    ],
    [
      'a shift before an activation',
      [['Add', 'x b', 'a'], ['Relu', 'a', 'c'], dense('c', 'y')],
      'an activation is behind it',
      'a',
    ],
    [
      'a scale that ends the model',
      [dense('x', 'a'), ['Relu', 'a', 'c'], ['Mul', 'c b', 'y']],
      'ends with a scale',
      'y',
    ],
    ['a circle', [['Relu', 'x', 'x']], 'circle', 'Relu x'],
    ['data on the right', [['MatMul', 'w x', 'y']], 'not its rows', 'MatMul y'],
    ['no layer', [['Relu', 'x', 'y']], 'no dense or convolutional layer', 'layers'],
  ] as [string, MadeNode[], string, string][])('%s', async (_, nodes, sentence, field) => {
    const more = { ...weights, k3: draw(3, 5), s4: { shape: [4, 1, 1], values: [1, -1, 1, 1] } };
    expect(await refusal(stackIn(onnxOf(nodes, more), 'onnx'))).toEqual({
      sentence: expect.stringMatching(sentence.replace(/[()"]/g, '.')),
      field,
    });
  });

  test('one with two inputs, or with none', async () => {
    const second = message(11, text(1, 'z'));
    expect(await refusal(stackIn(onnxOf([dense('x', 'y')], weights, second), 'onnx'))).toEqual({
      sentence: expect.stringContaining('takes 2 inputs'),
      field: 'z',
    });
  });

  test('names without end', async () => {
    const names = Array.from({ length: 200 }, (_, i) => text(1, `${i}`.repeat(60_000 / `${i}`.length)));
    const file = modelOf(concat(message(1, ...names, text(2, 'y'), text(4, 'Relu'))));
    await expect(stackIn(file, 'onnx')).rejects.toMatchObject({ code: 'unsupported_container', field: 'graph' });
  });
});
