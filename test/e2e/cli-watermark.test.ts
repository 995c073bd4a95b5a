/** Watermarks at the command line: a key, a marked copy, and what a court is shown of both. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bytesSource } from '../../src/core/weights/byte-source.ts';
import { readSafetensorsHeader, writeSafetensors } from '../../src/core/weights/safetensors.ts';
import type { Tensor } from '../../src/core/weights/safetensors.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { draws } from '../unit/core/watermark/fixture.ts';
import { Users, writeModel } from './cli-user.ts';

interface Looked {
  found: boolean;
  bits: number;
  best: { layer: string; matched: number };
  pValue: number;
  party: string;
  record: { sealed: string; maker: string; index: number } | null;
}

let app: TestApp;
let users: Users;
let acme: string;
const file = (name: string) => users.path(name);
const look = (user: string, path: string, ...more: string[]) =>
  users.run<Looked>(user, 'watermark', 'verify', path, '--mark-key', file('acme.watermark'), ...more);

beforeAll(async () => {
  app = await startTestApp();
  users = await Users.at(app.url);
  await users.do('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
  acme = await users.join('registrar', 'acme', 'Acme Labs');
  await users.do('acme', 'keygen', '--register');
  await users.do('stranger', 'trust', 'pin');
  await writeFile(file('model.safetensors'), writeSafetensors(network()));
}, 120_000);

afterAll(async () => {
  await users.remove();
  await app.close();
});

describe('a watermark', () => {
  let key: { file: string; party: string; sealed: string; receipt: { index: number } };

  it('has a key that is for its user alone, and a commitment on record before there is a mark', async () => {
    key = await users.do('acme', 'watermark', 'keygen', '--out', file('acme.watermark'));
    expect(key.party).toBe(acme);
    expect((await stat(key.file)).mode & 0o777).toBe(0o600);
    const again = await users.run('acme', 'watermark', 'keygen', '--out', file('acme.watermark'));
    expect([again.code, again.value]).toEqual([1, expect.objectContaining({ code: 'already_exists' })]);
  }, 60_000);

  it('goes into a copy, which it alone tells from the model', async () => {
    const marked = await users.do<{ weightDigest: string; layer: string; change: number; margin: number }>(
      ...(['acme', 'watermark', 'embed', file('model.safetensors')] as const),
      ...['--mark-key', key.file, '--out', file('marked.safetensors')],
    );
    expect(marked).toMatchObject({ layer: 'dense1' });
    expect(marked.change).toBeLessThan(0.3);
    const hashed = await users.do<{ weightDigest: string }>('acme', 'hash', file('marked.safetensors'));
    expect(hashed.weightDigest).toBe(marked.weightDigest);
    const [plain, copy] = await Promise.all(['model', 'marked'].map((name) => tensorsIn(file(`${name}.safetensors`))));
    const changed = copy!.filter(({ name, data }) => !Buffer.from(data).equals(find(plain!, name).data));
    expect(changed.map(({ name }) => name)).toEqual(['dense1/kernel']);
  }, 60_000);

  it('is found, with its chance, and since when its key is committed to', async () => {
    const { code, value } = await look('acme', file('marked.safetensors'));
    expect(code).toBe(0);
    expect(value).toMatchObject({ found: true, bits: 64, best: { layer: 'dense1/kernel', matched: 64 }, party: acme });
    expect(value.pValue).toBe(2 ** -64);
    expect(value.record).toMatchObject({ sealed: key.sealed, maker: acme, index: key.receipt.index });
  }, 60_000);

  it('is not found in the model as it was: exit code 1', async () => {
    const { code, value } = await look('acme', file('model.safetensors'));
    expect([code, value.found]).toEqual([1, false]);
    expect(value.pValue).toBeGreaterThan(0.001);
  }, 60_000);

  it('is found in a copy whose neurons were shuffled and scaled and whose weights have four bits', async () => {
    const tensors = await tensorsIn(file('marked.safetensors'));
    await writeFile(file('stolen.safetensors'), writeSafetensors(disguise(tensors)));
    const { code, value } = await look('acme', file('stolen.safetensors'));
    expect([code, value.found]).toEqual([0, true]);
  }, 60_000);

  it('is proved to others once the record of its key is open, and not before', async () => {
    const before = await look('stranger', file('marked.safetensors'));
    expect([before.code, before.value]).toEqual([3, expect.objectContaining({ code: 'not_found' })]);
    const alone = await look('stranger', file('marked.safetensors'), '--offline');
    expect([alone.code, alone.value.found, alone.value.record]).toEqual([0, true, null]);
    await users.do('acme', 'open', key.sealed);
    const { code, value } = await look('stranger', file('marked.safetensors'));
    expect([code, value.record?.index]).toEqual([0, key.receipt.index]);
  }, 60_000);

  it('is nobody else’s: a key file that was given another secret opens no record', async () => {
    const forged = JSON.parse(await readFile(key.file, 'utf8')) as { key: string };
    forged.key = forged.key.replace(/^../, (byte) => (byte === '00' ? '11' : '00'));
    await writeFile(file('forged.watermark'), JSON.stringify(forged), { mode: 0o600 });
    const { code, value } = await users.run(
      ...(['acme', 'watermark', 'verify', file('marked.safetensors'), '--mark-key', file('forged.watermark')] as const),
    );
    expect([code, value]).toEqual([1, expect.objectContaining({ code: 'proof_invalid', field: 'mark-key' })]);
  }, 60_000);

  it('is refused where the layers cannot be put in order, and where there is no key', async () => {
    await writeModel(file('other.safetensors'), [1, 2, 3, 4]);
    const other = await look('acme', file('other.safetensors'));
    expect([other.code, other.value]).toEqual([1, expect.objectContaining({ code: 'stack_unknown' })]);
    const missing = await users.run(
      'acme',
      'watermark',
      'verify',
      file('marked.safetensors'),
      '--mark-key',
      file('none'),
    );
    expect([missing.code, missing.value]).toEqual([
      4,
      expect.objectContaining({ code: 'unreachable', field: 'mark-key' }),
    ]);
  }, 60_000);
});

const find = (tensors: readonly Tensor[], name: string): Tensor => tensors.find((tensor) => tensor.name === name)!;

const INPUTS = 784;
const UNITS = 128;

/** The tensors of `mlp`, with random weights. */
function network(): Tensor[] {
  const random = draws('network');
  const make = (name: string, shape: number[], bound: number): Tensor => {
    const values = Float32Array.from(
      { length: shape.reduce((a, b) => a * b) },
      () => bound * (2 * random.uniform() - 1),
    );
    return { name, dtype: 'F32', shape, data: new Uint8Array(values.buffer) };
  };
  return [
    make('dense1/kernel', [INPUTS, UNITS], 0.08),
    make('dense1/bias', [UNITS], 0.01),
    make('dense2/kernel', [UNITS, 10], 0.2),
    make('dense2/bias', [10], 0.01),
  ];
}

async function tensorsIn(path: string): Promise<Tensor[]> {
  const bytes = new Uint8Array(await readFile(path));
  const { tensors } = await readSafetensorsHeader(bytesSource(bytes));
  return tensors.map(({ offset, byteLength, ...head }) => ({
    ...head,
    data: bytes.slice(offset, offset + byteLength),
  }));
}

/** The units backwards, each scaled by a power of two, and the first kernel rounded to fifteen steps. */
function disguise(tensors: readonly Tensor[]): Tensor[] {
  const values = (name: string): Float32Array => new Float32Array(find(tensors, name).data.buffer);
  const [kernel, bias, outward] = [values('dense1/kernel'), values('dense1/bias'), values('dense2/kernel')];
  const largest = kernel.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const factor = (unit: number): number => 2 ** ((unit % 7) - 3);
  const changed: Record<string, Float32Array> = {
    'dense1/kernel': kernel.map((_, i) => {
      const from = UNITS - 1 - (i % UNITS);
      const value = kernel[i - (i % UNITS) + from]!;
      return (Math.round((value / largest) * 7) / 7) * largest * factor(from);
    }),
    'dense1/bias': bias.map((_, unit) => bias[UNITS - 1 - unit]! * factor(UNITS - 1 - unit)),
    'dense2/kernel': outward.map((_, i) => {
      const from = UNITS - 1 - Math.floor(i / 10);
      return outward[from * 10 + (i % 10)]! / factor(from);
    }),
  };
  return tensors.map((tensor) => {
    const own = changed[tensor.name];
    return own === undefined ? tensor : { ...tensor, data: new Uint8Array(own.buffer) };
  });
}
