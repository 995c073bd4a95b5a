import { describe, expect, test } from '@jest/globals';
import type { Values } from './network.ts';
import {
  draw,
  expected,
  names,
  network,
  numbersIn,
  ofPytorch,
  refusal,
  stackOfArrays,
  tensorflowNetwork,
  transpose,
} from './network.ts';

const ours = {
  conv1: 'conv1/kernel',
  bias1: 'conv1/bias',
  conv2: 'conv2/kernel',
  bias2: 'conv2/bias',
  dense1: 'dense1/kernel',
  bias3: 'dense1/bias',
  dense2: 'dense2/kernel',
  bias4: 'dense2/bias',
};
const keras = {
  conv1: 'layers/conv2d/vars/0',
  bias1: 'layers/conv2d/vars/1',
  conv2: 'layers/conv2d_1/vars/0',
  bias2: 'layers/conv2d_1/vars/1',
  dense1: 'layers/dense/vars/0',
  bias3: 'layers/dense/vars/1',
  dense2: 'layers/dense_1/vars/0',
  bias4: 'layers/dense_1/vars/1',
};
const numbered = {
  conv1: 'W1',
  bias1: 'b1',
  conv2: 'W2',
  bias2: 'b2',
  dense1: 'W3',
  bias3: 'b3',
  dense2: 'W4',
  bias4: 'b4',
};

/** Dense layers of `[out, in]`, each with a bias */
function dense(...named: [prefix: string, inputs: number, outputs: number][]): Record<string, Values> {
  return Object.fromEntries(
    named.flatMap(([prefix, inputs, outputs]) => [
      [`${prefix}.weight`, draw(outputs, inputs)],
      [`${prefix}.bias`, draw(outputs)],
    ]),
  );
}

const orderOf = async (arrays: Record<string, Values>): Promise<string[]> =>
  (await stackOfArrays(arrays)).layers.map(({ name }) => name.replace(/\.weight$/, ''));

describe('one network', () => {
  test.each([
    ['PyTorch', ofPytorch, network],
    [
      'PyTorch, in a checkpoint',
      Object.fromEntries(
        Object.entries(ofPytorch).map(([key, name]) => [key, `state_dict.${name}`]),
      ) as typeof ofPytorch,
      network,
    ],
    ['our own runs', ours, tensorflowNetwork],
    ['Keras, in a file of weights alone', keras, tensorflowNetwork],
    ['NumPy, in PyTorch’s layout', numbered, network],
    ['NumPy, in TensorFlow’s layout', numbered, tensorflowNetwork],
  ])('is one stack, named as %s', async (_, called, from) => {
    expect(numbersIn(await stackOfArrays(names(called, from)))).toEqual(expected);
  });

  test('keeps the names of its kernels', async () => {
    expect(await orderOf(names(ofPytorch, network))).toEqual([
      'features.0',
      'features.3',
      'classifier.0',
      'classifier.2',
    ]);
  });

  test('is told without biases too', async () => {
    const kernels = Object.entries(names(ofPytorch, network)).filter(([name]) => name.endsWith('weight'));
    const { layers } = await stackOfArrays(Object.fromEntries(kernels));
    expect(layers.map(({ bias }) => bias)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test('is left alone by what a checkpoint keeps beside it', async () => {
    const beside = { 'optimizer.state.0.exp_avg': draw(2), steps: draw(1), 'features.1.num_batches_tracked': draw() };
    expect(numbersIn(await stackOfArrays({ ...names(ofPytorch, network), ...beside }))).toEqual(expected);
    const wrapped = Object.entries(names(ofPytorch, network)).map(([name, array]) => [
      `model_state_dict.${name}`,
      array,
    ]);
    const checkpoint = { ...(Object.fromEntries(wrapped) as Record<string, Values>), 'ema.fc.weight': draw(3, 3) };
    expect(numbersIn(await stackOfArrays(checkpoint))).toEqual(expected);
  });
});

describe('the order of names', () => {
  test('is by number, not by letter', async () => {
    const layers = [0, 2, 4, 6, 8, 10].map((i): [string, number, number] => [`${i}`, 4, 4]);
    expect(await orderOf(dense(...layers))).toEqual(['0', '2', '4', '6', '8', '10']);
  });

  test.each([
    ['words that chain in one way', ['out', 8, 2], ['hidden', 6, 8], ['in', 4, 6]],
    ['runs that chain in one way', ['head', 8, 2], ['body.0', 6, 8], ['body.1', 8, 8], ['stem', 4, 6]],
  ] as [string, ...[string, number, number][]][])('is by dimensions for %s', async (_, ...layers) => {
    const order = await orderOf(dense(...layers));
    const sorted = [...layers]
      .sort((a, b) => a[1] - b[1] || a[2] - b[2] || (a[0] < b[0] ? -1 : 1))
      .map(([name]) => name);
    expect(order).toEqual(layers[0]![0] === 'head' ? ['stem', 'body.0', 'body.1', 'head'] : sorted);
  });

  test.each([
    [
      'an autoencoder, which chains both ways',
      dense(['decoder', 4, 9], ['encoder', 9, 4]),
      'more than one order',
      'decoder.weight',
    ],
    [
      'layers that do not chain',
      dense(['fc1', 8, 6], ['fc2', 5, 3]),
      '5 inputs, and "fc1.weight" before it gives 6',
      'fc2.weight',
    ],
    [
      'a bias of another size',
      { 'fc.weight': draw(3, 4), 'fc.bias': draw(5) },
      'bias has 5 numbers; it has 3 outputs',
      'fc.weight',
    ],
    ['square kernels whose names tell no layout', { W1: draw(4, 4), b1: draw(4) }, 'rows of kernels', 'W1'],
    [
      'many layers that all fit',
      dense(...[...'abcdefghijklm'].map((name): [string, number, number] => [name, 4, 4])),
      'more than one',
      'a.weight',
    ],
  ])('is unknown for %s', async (_, arrays, sentence, field) => {
    expect(await refusal(stackOfArrays(arrays))).toEqual({ sentence: expect.stringContaining(sentence), field });
  });

  test('is given up when it would take for ever', async () => {
    // All chain with each other, but for two dead ends, which are met last.
    const layers = [...'abcdefghijklmno'].map((name): [string, number, number] => [name, 4, 4]);
    const started = performance.now();
    const { sentence } = await refusal(stackOfArrays(dense(...layers, ['y', 4, 5], ['z', 4, 5])));
    expect(sentence).toContain('too many orders');
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test('follows the bias where a square kernel is named as the other layout', async () => {
    const [kernel, last] = [draw(4, 4), draw(4, 3)];
    const { layers } = await stackOfArrays({
      'a1.weight': kernel,
      'a1.bias': draw(4),
      'a2.weight': last,
      'a2.bias': draw(3),
    });
    expect([...layers[0]!.kernel]).toEqual(transpose(kernel, 1, 0).values);
    expect([...layers[1]!.kernel]).toEqual(transpose(last, 1, 0).values);
  });
});

describe('what names tell that no stack holds', () => {
  test.each([
    ['blocks.0.attn.q_proj.weight', 'attention'],
    ['blk.0.attn_q.weight', 'attention'],
    ['token_embd.weight', 'an embedding'],
    ['lstm.weight_ih_l0', 'a recurrent layer'],
    ['layer2.0.downsample.0.weight', 'a residual connection'],
    ['block/depthwise_kernel', 'a depthwise convolution'],
    ['up.conv_transpose.weight', 'a transposed convolution'],
    ['ln_1.weight', 'a normalization of each input'],
    ['fc.lora_A.weight', 'an adapter'],
  ])('%s tells of %s', async (name, what) => {
    const { sentence, field } = await refusal(stackOfArrays({ ...dense(['a', 4, 4]), [name]: draw(4, 4) }));
    expect({ sentence, field }).toEqual({ sentence: expect.stringContaining(`tells of ${what}`), field: name });
  });

  test.each([
    [
      'a depthwise convolution',
      { 'c1.weight': draw(4, 3, 3, 3), 'c2.weight': draw(4, 1, 3, 3) },
      'depthwise or grouped',
      'c2.weight',
    ],
    ['a convolution of sequences', { 'c1.weight': draw(4, 3, 3) }, 'one-dimensional', 'c1.weight'],
    ['a convolution of volumes', { 'c1.weight': draw(4, 3, 3, 3, 3) }, 'three-dimensional', 'c1.weight'],
    [
      'a convolution behind a dense layer',
      { '0.weight': draw(4, 3), '1.weight': draw(4, 4, 3, 3) },
      'takes maps',
      '1.weight',
    ],
    [
      'a normalization without statistics',
      { '0.weight': draw(4, 3), '1.weight': draw(4), '1.bias': draw(4) },
      'mean and variance are not here',
      '1.weight',
    ],
    [
      'half a normalization',
      { '0.weight': draw(4, 3), '1.running_mean': draw(4) },
      'mean and a variance',
      '1.running_mean',
    ],
    ['a tensor that nothing is told of', { '0.weight': draw(4, 3), secret: draw(4) }, 'does not tell', 'secret'],
    ['a bias without a kernel', { '0.weight': draw(4, 3), '1.bias': draw(4) }, 'does not tell', '1.bias'],
    ['one part twice', { '0.weight': draw(4, 3), '0.weights': draw(4, 3) }, 'Two tensors', '0.weights'],
    ['no layer at all', { steps: draw(4) }, 'No tensor', 'layers'],
    ['a layer without weights', { '0.weight': draw(4, 0) }, 'no weights', '0.weight'],
  ])('refuses %s', async (_, arrays: Record<string, Values>, sentence, field) => {
    expect(await refusal(stackOfArrays(arrays))).toEqual({ sentence: expect.stringContaining(sentence), field });
  });
});

describe('batch normalization beside named layers', () => {
  const norm = (prefix: string, count: number): Record<string, Values> => ({
    [`${prefix}.weight`]: draw(count),
    [`${prefix}.bias`]: draw(count),
    [`${prefix}.running_mean`]: draw(count),
    [`${prefix}.running_var`]: { shape: [count], values: draw(count).values.map((value) => value * value + 0.5) },
  });
  /** Of one normalization, in double precision */
  const factors = (arrays: Record<string, Values>, prefix: string): { scale: number[]; shift: number[] } => {
    const of = (word: string): number[] => arrays[`${prefix}.${word}`]!.values;
    const scale = of('weight').map((gamma, i) => gamma / Math.sqrt(of('running_var')[i]! + 1e-5));
    return { scale, shift: of('bias').map((beta, i) => beta - of('running_mean')[i]! * scale[i]!) };
  };

  test.each([
    ['counted in a sequence', '0', '1', '3'],
    ['numbered as its layer', 'conv1', 'bn1', 'fc'],
    ['in the block of its layer', 'block.conv', 'block.norm', 'fc'],
  ])('becomes part of the layer before it, %s', async (_, conv, bn, fc) => {
    const arrays: Record<string, Values> = {
      [`${conv}.weight`]: draw(3, 2, 2, 2),
      ...norm(bn, 3),
      ...dense([fc, 12, 2]),
    };
    const { scale, shift } = factors(arrays, bn);
    const [first] = (await stackOfArrays(arrays)).layers;
    const kernel = arrays[`${conv}.weight`]!.values.map((value, i) => value * scale[Math.floor(i / 8)]!);
    for (const [i, value] of kernel.entries()) expect(first!.kernel[i]).toBeCloseTo(value, 5);
    for (const [i, value] of shift.entries()) expect(first!.bias![i]).toBeCloseTo(value, 5);
  });

  test.each([
    ['behind an activation', '0', '2'],
    ['before the first layer', '5', '1'],
  ])('becomes part of the layer behind it where it stands %s', async (_, before, bn) => {
    const arrays = { ...(bn === '2' ? dense([before, 4, 3]) : {}), ...norm(bn, 3), ...dense(['7', 3, 2]) };
    const { scale, shift } = factors(arrays, bn);
    const last = (await stackOfArrays(arrays)).layers.at(-1)!;
    const { values } = arrays['7.weight']!;
    for (const [i, value] of values.entries()) expect(last.kernel[i]).toBeCloseTo(value * scale[i % 3]!, 5);
    for (const [row, bias] of arrays['7.bias']!.values.entries()) {
      const shifted = shift.reduce((sum, value, i) => sum + values[row * 3 + i]! * value, bias);
      expect(last.bias![row]).toBeCloseTo(shifted, 4);
    }
  });

  test('is refused where two layers could have it', async () => {
    const arrays = { ...dense(['a1', 4, 3], ['a2', 3, 3], ['b3', 3, 2]), ...norm('norm', 3) };
    const { sentence, field } = await refusal(stackOfArrays(arrays));
    expect({ sentence, field }).toEqual({
      sentence: expect.stringContaining('which layer'),
      field: 'norm.running_mean',
    });
  });

  test('is refused where its variance is none', async () => {
    const arrays = { ...dense(['0', 4, 1]), ...norm('1', 1), '1.running_var': { shape: [1], values: [-1] } };
    expect((await refusal(stackOfArrays(arrays))).sentence).toContain('NaN');
  });
});
