/** A model that is registered in one container is found in another one, and kept as the file that it is. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Tensor } from '../../src/core/weights/safetensors.ts';
import { writeSafetensors } from '../../src/core/weights/safetensors.ts';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
import { headerOf, npyOf } from '../unit/core/weights/npy-fixture.ts';
import { zipOf } from '../unit/core/weights/zip-fixture.ts';
import { Users } from './cli-user.ts';

jest.setTimeout(60_000);

const data = Uint8Array.from({ length: 48 }, (_, i) => i);
const tensors: Tensor[] = [{ name: 'dense', dtype: 'F32', shape: [3, 4], data }];
const npz = (name: string, deflate: boolean) =>
  zipOf({ name: `${name}.npy`, data: npyOf(headerOf('<f4', [3, 4]), data), deflate });

let app: TestApp;
let users: Users;
const file = async (name: string, bytes: Uint8Array) => {
  await writeFile(users.path(name), bytes);
  return users.path(name);
};

beforeAll(async () => {
  app = await startTestApp();
  users = await Users.at(app.url);
  await users.do('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
  await users.join('registrar', 'ada', 'Ada');
});
afterAll(async () => {
  await app.close();
  await users.remove();
});

interface Matches {
  matches: { matched: string; model: { weights: { container: string } } }[];
}

describe('a model that was registered as .npz, and kept', () => {
  beforeAll(async () => {
    const path = await file('model.npz', npz('dense', false));
    await users.do('ada', 'register', path, '--name', 'numbers', '--owner', 'Ada', '--license', 'MIT', '--upload');
  });

  it.each<[string, string, () => Uint8Array]>([
    ['the same file', 'file', () => npz('dense', false)],
    ['deflated', 'weight', () => npz('dense', true)],
    ['as safetensors', 'weight', () => writeSafetensors(tensors)],
    ['as safetensors under another name', 'nameless', () => writeSafetensors([{ ...tensors[0]!, name: 'other' }])],
  ])('is found %s', async (_, matched, bytes) => {
    const { value } = await users.run<Matches>('somebody', 'lookup', await file('held', bytes()));
    expect(value.matches).toMatchObject([{ matched, model: { weights: { container: 'npz' } } }]);
  });

  it('is not found by other weights', async () => {
    const held = writeSafetensors([{ ...tensors[0]!, data: data.map((byte) => byte ^ 1) }]);
    const { code } = await users.run('somebody', 'lookup', await file('other', held));
    expect(code).toBe(3);
  });
});

it('a file that its container makes broken is refused before anything is on record', async () => {
  const cut = npz('dense', false).subarray(0, 100);
  const path = await file('cut.npz', cut);
  const { code, value } = await users.run(
    'ada',
    'register',
    path,
    '--name',
    'cut',
    '--owner',
    'Ada',
    '--license',
    'MIT',
  );
  expect([code, value]).toEqual([1, expect.objectContaining({ code: 'malformed_container' })]);
});
