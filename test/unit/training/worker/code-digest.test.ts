import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { canonicalize } from '../../../../src/core/canonical-json.ts';
import { formatDigest } from '../../../../src/core/digest.ts';
import { utf8 } from '../../../../src/core/bytes.ts';
import { sha256 } from '../../../../src/platform/crypto.ts';
import { codeDigest } from '../../../../src/training/worker/code-digest.ts';
import { makeFolder, removeFolders } from './fixture.ts';

const FILES = {
  'package-lock.json': '{}',
  'dist/src/core/digest.js': 'a',
  'dist/src/core/weights/digest.js': 'b',
  'dist/src/training/trainer.js': 'c',
  'dist/src/training/trainer.js.map': 'not code',
  'dist/src/runs/run.js': 'not training',
};

let root: string;
const write = async (path: string, text: string) => {
  await mkdir(join(root, path, '..'), { recursive: true });
  await writeFile(join(root, path), text);
};
const digest = () => codeDigest(join(root, 'dist/src'));

beforeEach(async () => {
  root = await makeFolder();
  for (const [path, text] of Object.entries(FILES)) await write(path, text);
});
afterAll(removeFolders);

describe('the code digest', () => {
  it('is what its description says', async () => {
    const files = [
      ['core/digest.js', 'a'],
      ['core/weights/digest.js', 'b'],
      ['package-lock.json', '{}'],
      ['training/trainer.js', 'c'],
    ].map(([path, text]) => ({ path: path!, digest: formatDigest(sha256(utf8(text!))) }));
    expect(await digest()).toBe(formatDigest(sha256(canonicalize(files))));
  });

  it.each(['dist/src/core/digest.js', 'dist/src/training/trainer.js', 'package-lock.json', 'dist/src/core/new.js'])(
    'changes with %s',
    async (path) => {
      const before = await digest();
      await write(path, 'changed');
      expect(await digest()).not.toBe(before);
    },
  );

  it.each(['dist/src/runs/run.js', 'dist/src/training/trainer.js.map'])('does not change with %s', async (path) => {
    const before = await digest();
    await write(path, 'changed');
    expect(await digest()).toBe(before);
  });
});
