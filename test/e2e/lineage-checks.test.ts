/** A declared parent is checked by the files, put on record, and shown wherever the model is looked up. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodersOf } from '../../src/core/conversion/elements.ts';
import type { Digest } from '../../src/core/digest.ts';
import { writeSafetensors } from '../../src/core/weights/safetensors.ts';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
import { Client } from '../support/client.ts';
import { runCli } from '../unit/cli/support.ts';
import { Users } from './cli-user.ts';

const numbers = (seed: number): Float64Array =>
  Float64Array.from({ length: 64 * 64 }, (_, i) => {
    const draw = Math.sin((seed * 4096 + i) * 12.9898) * 43758.5453;
    return Math.fround(draw - Math.floor(draw) - 0.5);
  });
const fileOf = (dtype: 'F16' | 'F32', values: Float64Array): Uint8Array =>
  writeSafetensors([{ name: 'w', dtype, shape: [64, 64], data: encodersOf(dtype)[0]!(values) }]);

let app: TestApp;
let users: Users;
let anybody: Client;
const ids = new Map<string, string>();
const path = (name: string) => users.path(`${name}.safetensors`);

beforeAll(async () => {
  app = await startTestApp();
  anybody = new Client(app.url);
  users = await Users.at(app.url);
  await users.do('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
  await users.join('registrar', 'ada', 'Ada');
  await writeFile(path('base'), fileOf('F32', numbers(1)));
  await writeFile(path('half'), fileOf('F16', numbers(1)));
  await writeFile(path('foreign'), fileOf('F16', numbers(2)));
  const base = await run<{ weightDigest: Digest }>('ada', 'hash', path('base'));
  for (const name of ['base', 'half', 'foreign']) {
    const parent = name === 'base' ? [] : ['--parent', `${base.value.weightDigest}=quantized-from`];
    const facts = ['--name', name, '--owner', 'Ada', '--license', 'CC-BY-4.0', ...parent];
    const { value } = await run<{ receipt: { envelope: { payload: string } } }>(
      'ada',
      'register',
      path(name),
      ...facts,
    );
    const payload = Buffer.from(value.receipt.envelope.payload, 'base64').toString();
    ids.set(name, /registration_[0-9a-z]{26}/.exec(payload)![0]);
  }
}, 120_000);
afterAll(async () => {
  await users.remove();
  await app.close();
});

const run = <T>(user: string, ...argv: string[]) => users.runHere<T>(user, app.url, ...argv);
const check = (user: string, child: string, ...more: string[]) =>
  run<{ finding: string; relation: string; recorded: object[] }>(
    user,
    'lineage',
    'check',
    path(child),
    path('base'),
    ...more,
  );
const text = async (...argv: string[]) => (await runCli(argv, users.env('ada'))).out;

interface Obligations {
  contradicted: object[];
  conservative: {
    verdict: string;
    permissions: { actions: string[] };
    duties: object[];
    obstacles: { text: string }[];
  };
  permissive: { verdict: string; duties: object[] };
}
const obligations = (name: string) =>
  anybody.read<Obligations>(`/v1/models/${ids.get(name)!}/obligations?action=infer`);
const edges = async (name: string) =>
  (await anybody.read<{ edges: object[] }>(`/v1/models/${ids.get(name)!}/lineage`)).edges;

describe('a declared parent', () => {
  it('is confirmed by its file, and stays declared while nobody but its maker says so', async () => {
    const { code, value } = await check('ada', 'half', '--record');
    expect({ code, ...value }).toMatchObject({ code: 0, finding: 'confirmed', relation: 'quantized-from' });
    expect(value.recorded).toHaveLength(1);
    const edge = { child: ids.get('half'), parent: ids.get('base'), relation: 'quantized-from' };
    expect(await edges('half')).toEqual([edge]);
    expect((await check('registrar', 'half', '--record')).code).toBe(0);
    expect(await edges('half')).toEqual([{ ...edge, standing: 'confirmed' }]);
    const { value: checks } = await run<object[]>('ada', 'lineage', 'checks', path('half'));
    expect(checks).toMatchObject([
      { finding: 'confirmed', counts: true, method: 'conversion-replay', evidence: { conversions: ['F32 to F16'] } },
      { finding: 'confirmed', counts: false },
    ]);
    expect(await text('lookup', path('half'))).toContain('confirmed: the registry checked it');
    expect(await obligations('half')).toMatchObject({ contradicted: [], conservative: { verdict: 'OK' } });
  }, 60_000);

  it('is contradicted on every look-up and in the verdict, and what flows down is counted all the same', async () => {
    const before = await obligations('foreign');
    expect(before).toMatchObject({ contradicted: [], conservative: { verdict: 'OK' }, permissive: { verdict: 'OK' } });
    const { code, value } = await check('registrar', 'foreign', '--record');
    expect({ code, finding: value.finding }).toEqual({ code: 1, finding: 'contradicted' });
    const edge = { child: ids.get('foreign'), parent: ids.get('base'), relation: 'quantized-from' };
    expect(await edges('foreign')).toEqual([{ ...edge, standing: 'contradicted' }]);
    const after = await obligations('foreign');
    expect(after).toMatchObject({
      contradicted: [edge],
      conservative: { verdict: 'UNKNOWN', permissions: { actions: [] } },
      permissive: { verdict: 'OK' },
    });
    expect(after.conservative.obstacles[0]!.text).toContain('found not to be true');
    expect(after.conservative.duties).toEqual(before.conservative.duties);
    expect(after.permissive.duties).toEqual(before.permissive.duties);
    expect(await text('lookup', path('foreign'))).toContain('CONTRADICTED: the registry checked it');
    expect(await text('license', 'lineage', path('foreign'))).toContain('CONTRADICTED');
    expect(await text('license', 'check', path('foreign'), '--action', 'infer')).toMatch(
      /^contradicted +foreign .* is not quantized-from base/m,
    );
  }, 60_000);

  it('is checked without a registry where the relation is said, and refused on record where it is not declared', async () => {
    const { code, value } = await users.runHere<{ finding: string }>(
      'nobody',
      'http://127.0.0.1:1',
      'lineage',
      'check',
      path('half'),
      path('base'),
      '--as',
      'converted-from',
    );
    expect({ code, finding: value.finding }).toEqual({ code: 0, finding: 'confirmed' });
    expect(await check('ada', 'half', '--as', 'converted-from', '--record')).toMatchObject({
      value: { code: 'not_found', field: 'as' },
    });
    expect(await run('ada', 'lineage', 'check', path('base'), path('half'))).toMatchObject({
      value: { code: 'usage', field: 'as' },
    });
  });
});

it('finds a model by the root of a signature over its file', async () => {
  const { value } = await run<{ rootDigest: Digest; fileDigest: Digest }>('ada', 'hash', path('base'));
  expect(await anybody.read(`/v1/provenance/${value.rootDigest}`)).toMatchObject({
    matches: [{ matched: 'root', model: { id: ids.get('base') } }],
  });
  const found = await run<{ digest: Digest; matches: object[] }>('ada', 'lookup', value.rootDigest);
  expect(found.value).toMatchObject({ digest: value.fileDigest, matches: [{ registration: ids.get('base') }] });
});
