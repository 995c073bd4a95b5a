/** Two models that workers trained from one seed, as their files are compared: the record of the runs explains it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { SimilarReport } from '../../src/cli/similar-models.ts';
import type { RunView } from '../../src/runs/index.ts';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
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

jest.setTimeout(60_000);

let app: TestApp;
let owner: Caller;
let folder: string;
let original = '';

const at = (name: string) => join(folder, name);
const run = (...argv: string[]) =>
  runCli(argv, { MUNIMENT_URL: app.url, MUNIMENT_HOME: at('home'), MUNIMENT_API_KEY: owner.key });

beforeAll(async () => {
  app = await startTestApp();
  owner = await makeParty(await registrar(app.url, app.config.data), 'Ada');
  folder = await mkdtemp(join(tmpdir(), 'muniment-similar-runs-'));
  const dataset = await makeDataset(owner, await smallMnistFiles(500, 100));
  const worker = await spawnWorker(workerEnvironment(app));
  const train = async (name: string, hyperparameters: object): Promise<string> => {
    const asked = runOf(owner, dataset, { epochs: 1, hidden: [32], ...hyperparameters });
    const { id } = await owner.ok<RunView>('POST', '/v1/runs', asked);
    const { registrationId } = await until(owner, id, ({ state }) => state === 'registered');
    const { code, notes } = await run('fetch', registrationId!, '--out', at(`${name}.safetensors`));
    expect({ code, notes }).toMatchObject({ code: 0 });
    return registrationId!;
  };
  original = await train('original', { seed: 5 });
  await train('same seed', { seed: 5, learningRate: 0.002 });
  await train('other seed', { seed: 6 });
  await worker.stop();
  const { code, notes } = await run('fingerprint', at('original.safetensors'), '--record');
  expect({ code, notes }).toMatchObject({ code: 0 });
}, 120_000);

afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

it.each([
  ['same seed', 'same'],
  ['other seed', 'different'],
])('a file on record is known by its digest, and so is its seed: %s', async (name, initialization) => {
  const { code, out, notes } = await run('similar', at(`${name}.safetensors`), '--against', original, '--json');
  expect({ code, notes }).toMatchObject({ code: 0 });
  const { findings, registration } = JSON.parse(out) as SimilarReport;
  expect(registration).toMatch(/^registration_/);
  expect(registration).not.toBe(original);
  expect(findings[0]).toMatchObject({ initialization, n: 0, near: false });
  expect(findings[0]!.words.includes('Both runs are on record with one seed')).toBe(initialization === 'same');
});
