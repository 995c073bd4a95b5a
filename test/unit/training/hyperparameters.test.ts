import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { parseHyperparameters } from '../../../src/training/hyperparameters.ts';

describe('hyperparameters', () => {
  it('default to the reference recipe, every value written out for the record', () => {
    const reference = {
      arch: 'mlp',
      hidden: [128],
      epochs: 10,
      batchSize: 64,
      optimizer: 'sgd',
      learningRate: 0.01,
      momentum: 0.9,
      dropout: 0,
      validationSplit: 0,
      seed: 1,
    };
    expect(parseHyperparameters({})).toEqual(reference);
    expect(parseHyperparameters(undefined)).toEqual(reference);
  });

  it('keep what is given, up to their bounds', () => {
    const given = {
      arch: 'cnn',
      hidden: [1, 4096],
      epochs: 1000,
      batchSize: 1,
      seed: 2 ** 32 - 1,
      validationSplit: 0.5,
    };
    expect(parseHyperparameters(given)).toMatchObject(given);
  });

  it.each([
    ['arch', 'transformer'],
    ['hidden', []],
    ['hidden', [0]],
    ['hidden', [4097]],
    ['hidden', Array.from({ length: 9 }, () => 8)],
    ['epochs', 0],
    ['epochs', 1001],
    ['epochs', 1.5],
    ['batchSize', 0],
    ['batchSize', 4097],
    ['optimizer', 'lion'],
    ['learningRate', 0],
    ['learningRate', -1],
    ['learningRate', 11],
    ['learningRate', NaN],
    ['learningRate', Infinity],
    ['learningRate', '0.01'],
    ['momentum', 1],
    ['dropout', 0.95],
    ['validationSplit', 0.6],
    ['seed', -1],
    ['seed', 2 ** 32],
    ['seed', 0.5],
    ['unknown', 1],
  ])('refuse %s = %j and name it', (field, value) => {
    expect(() => parseHyperparameters({ [field]: value })).toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        field: expect.stringMatching(new RegExp(`^hyperparameters\\.${field}`)),
      }),
    );
  });

  it('refuse what is not an object', () => {
    expect(() => parseHyperparameters([])).toThrow(expect.objectContaining({ code: 'invalid_input' }));
    expect(() => parseHyperparameters('mlp')).toThrow(expect.objectContaining({ code: 'invalid_input' }));
  });

  it('are checked without loading TensorFlow.js, and so is everything else before a backend is chosen', async () => {
    const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
    const modules = ['hyperparameters', 'idx', 'mnist', 'backends/index', 'trainer'];
    const script = `
      for (const url of ${JSON.stringify(modules.map((name) => path(`../../../src/training/${name}.ts`)))}) await import(url);
      const { default: module } = await import('node:module');
      console.log(JSON.stringify(Object.keys(module._cache).filter((name) => name.includes('@tensorflow'))));`;
    const loader = path('../../support/typescript-loader.js');
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', loader, '--input-type=module', '-e', script],
      { env: { ...process.env, NODE_OPTIONS: '' } },
    );
    expect(JSON.parse(stdout)).toEqual([]);
  });
});
