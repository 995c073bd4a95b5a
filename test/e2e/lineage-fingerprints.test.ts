/** What a fine-tuned model came from is confirmed by fingerprints, and nothing else is. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { CheckReport } from '../../src/cli/check-lineage.ts';
import { formatFingerprint } from '../../src/core/fingerprint/document.ts';
import { fingerprintOf } from '../../src/core/fingerprint/fingerprint.ts';
import type { Stack } from '../../src/core/fingerprint/stack.ts';
import { sha256 } from '../../src/platform/crypto.ts';
import type { RunView } from '../../src/runs/index.ts';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
import { modelOf } from '../support/bodies.ts';
import { denseStack, disguised, noisy, rearranged, safetensorsOf } from '../support/stacks.ts';
import type { Caller } from '../support/training.ts';
import {
  makeDataset,
  makeParty,
  registrar,
  runOf,
  smallMnistFiles,
  spawnWorker,
  until,
  workerEnvironment,
} from '../support/training.ts';
import { runCli } from '../unit/cli/support.ts';

jest.setTimeout(120_000);

let app: TestApp;
let operator: Caller;
let ada: Caller;
let ben: Caller;
let folder: string;

const at = (name: string) => join(folder, `${name}.safetensors`);
const model = (seed: number): Stack => denseStack(seed, 784, 32, 10);

beforeAll(async () => {
  app = await startTestApp();
  operator = await registrar(app.url, app.config.data);
  [ada, ben] = [await makeParty(operator, 'Ada'), await makeParty(operator, 'Ben')];
  folder = await mkdtemp(join(tmpdir(), 'muniment-lineage-'));
  const reversed = Array.from({ length: 32 }, (_, i) => 31 - i);
  const stacks = {
    early: model(3),
    'tuned early': noisy(model(3), 0.3, 4),
    original: model(1),
    tuned: disguised(noisy(model(1), 0.3, 2), 3),
    apart: model(2),
    turned: rearranged(
      model(1),
      0,
      reversed,
      reversed.map(() => 1),
    ),
  };
  for (const [name, stack] of Object.entries(stacks)) await writeFile(at(name), safetensorsOf(stack));
});

afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

/** Models of other parties, three each, that nobody declared related to anything. */
async function plant(from: number, to: number): Promise<void> {
  for (let seed = from; seed < to; seed += 3) {
    const party = await makeParty(operator, `Party ${seed}`);
    const own = [seed, seed + 1, seed + 2].filter((each) => each < to);
    await Promise.all(
      own.map(async (each) => {
        const { id } = await party.ok('POST', '/v1/models', modelOf(party.party));
        const fingerprint = formatFingerprint(fingerprintOf(sha256, model(each)));
        await party.ok('POST', '/v1/fingerprints', { registration: id, fingerprint });
      }),
    );
  }
}

const run = (caller: Caller, ...argv: string[]) =>
  runCli([...argv, '--json'], {
    MUNIMENT_URL: app.url,
    MUNIMENT_HOME: join(folder, `home-${caller.party}`),
    MUNIMENT_API_KEY: caller.key,
  });

async function register(
  caller: Caller,
  name: string,
  ...more: string[]
): Promise<{ id: string; weightDigest: string }> {
  const { out } = await run(
    caller,
    'register',
    at(name),
    '--name',
    name,
    '--owner',
    caller.party,
    '--license',
    'MIT',
    ...more,
  );
  const { weightDigest } = JSON.parse((await run(caller, 'hash', at(name))).out) as { weightDigest: string };
  return { id: (JSON.parse(out) as { id: string }).id, weightDigest };
}

type Checked = CheckReport & { code: string; field: string; fix: string };

async function check(child: string, parent: string, ...more: string[]): Promise<Checked> {
  const { out } = await run(ben, 'lineage', 'check', at(child), at(parent), ...more);
  return JSON.parse(out) as Checked;
}

it('is unexplained while few models are on record, and says how many more are wanted', async () => {
  await plant(100, 124);
  const { weightDigest } = await register(ada, 'early');
  await register(ben, 'tuned early', '--parent', `${weightDigest}=fine-tuned-from`);
  expect(await check('tuned early', 'early', '--fingerprint')).toMatchObject({
    finding: 'unexplained',
    because: 'Nothing can be said: 24 older models on record compare with it, and 99 are needed, 75 more.',
    significance: { pValue: 0.04, n: 24 },
  });
});

describe('a declared parent', () => {
  let tuned: string;

  beforeAll(async () => {
    await plant(124, 199);
    const { weightDigest } = await register(ada, 'original');
    await register(
      ben,
      'apart',
      '--parent',
      `${weightDigest}=fine-tuned-from`,
      '--parent',
      `${weightDigest}=distilled-from`,
    );
    tuned = (await register(ben, 'tuned', '--parent', `${weightDigest}=fine-tuned-from`)).id;
  });

  it('is confirmed by fingerprints where no conversion explains the model, and that goes on record', async () => {
    expect(await check('tuned', 'original')).toMatchObject({ finding: 'unexplained', method: 'conversion-replay' });
    expect(await check('tuned', 'original', '--fingerprint', '--record')).toMatchObject({
      relation: 'fine-tuned-from',
      finding: 'confirmed',
      method: 'fingerprint',
      significance: { pValue: 0.01, n: 99 },
      evidence: { initialization: 'unknown' },
      recorded: [{}],
    });
    const { out } = await run(ben, 'lineage', 'checks', tuned);
    expect(JSON.parse(out)).toMatchObject([{ method: 'fingerprint', finding: 'confirmed', pValue: 0.01, n: 99 }]);
  });

  it('is not confirmed of a model that was made apart', async () => {
    const { finding, because, recorded } = await check(
      'apart',
      'original',
      '--as',
      'fine-tuned-from',
      '--fingerprint',
      '--record',
    );
    expect({ finding, because, recorded }).toMatchObject({
      finding: 'unexplained',
      because: expect.stringMatching(
        /^Models on record that nobody declared related come as near: p = .* among 99, and 0.01 or less confirms\.$/,
      ) as unknown,
      recorded: [{}],
    });
  });

  it.each([
    'distilled-from',
    'trained-on-outputs-of',
    'converted-from',
    'quantized-from',
    'pruned-from',
    'merged-from',
  ])('is not judged by fingerprints where the model is %s it', async (relation) => {
    for (const child of ['tuned', 'apart']) {
      expect(await check(child, 'original', '--as', relation, '--fingerprint')).toMatchObject({
        code: 'usage',
        field: 'fingerprint',
        fix: expect.stringMatching(/^Leave out --fingerprint: .*muniment behaviour/) as unknown,
      });
    }
  });

  it('is not confirmed by fingerprints of what is converted, and not fine-tuned', async () => {
    await writeFile(at('same'), safetensorsOf(model(1)));
    expect(await check('same', 'original', '--as', 'fine-tuned-from', '--fingerprint')).toMatchObject({
      finding: 'unexplained',
      method: 'conversion-replay',
      because: expect.stringMatching(/that shows converted-from, and not fine-tuned-from\.$/) as unknown,
    });
  });
});

describe('two runs on record', () => {
  beforeAll(async () => {
    const dataset = await makeDataset(ada, await smallMnistFiles(1000, 200));
    const worker = await spawnWorker(workerEnvironment(app));
    for (const [name, seed, learningRate] of [
      ['slow', 5, 0.003],
      ['fast', 5, 0.01],
      ['other', 6, 0.01],
    ] as const) {
      const asked = runOf(ada, dataset, { epochs: 1, hidden: [32], seed, learningRate });
      const { id } = await ada.ok<RunView>('POST', '/v1/runs', asked);
      await until(ada, id, ({ state }) => state === 'registered');
      const answer = await fetch(`${app.url}/v1/runs/${id}/artifact`, {
        headers: { authorization: `Bearer ${ada.key}` },
      });
      await writeFile(at(name), new Uint8Array(await answer.arrayBuffer()));
    }
    await worker.stop();
    const file = await readFile(at('fast'));
    const header = file.subarray(8, 8 + Number(file.readBigUInt64LE()));
    header.write(header.toString('latin1').replaceAll('dense', 'layer'), 'latin1');
    await writeFile(at('renamed'), file);
  });

  it.each(['fast', 'renamed'])('with one seed are near without a copy, and nothing is confirmed: %s', async (name) => {
    const report = await check(name, 'slow', '--as', 'fine-tuned-from', '--fingerprint');
    expect(report).toMatchObject({
      finding: 'unexplained',
      because: 'Both runs are on record with one seed: their common start explains nearness without a copy.',
      significance: { pValue: 0.01, n: 99 },
      evidence: { initialization: 'same' },
    });
  });

  it('with different seeds are judged as others are', async () => {
    expect(await check('other', 'slow', '--as', 'fine-tuned-from', '--fingerprint')).toMatchObject({
      finding: 'unexplained',
      evidence: { initialization: 'different' },
    });
  });
});
