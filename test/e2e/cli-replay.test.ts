/** A model that a worker trained, trained again at the command line from what is on record of it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { RunView } from '../../src/runs/index.ts';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
import { modelOf } from '../support/bodies.ts';
import { runBuilt } from '../support/server.ts';
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
let run: RunView;
/** Of the data, as somebody else has them. */
let data: string;

beforeAll(async () => {
  app = await startTestApp();
  owner = await makeParty(await registrar(app.url, app.config.data), 'Ada');
  const files = await smallMnistFiles(1000, 200);
  data = await mkdtemp(join(tmpdir(), 'muniment-replay-'));
  for (const { name, bytes } of files) await writeFile(join(data, name), bytes);
  const worker = await spawnWorker(workerEnvironment(app));
  const asked = runOf(owner, await makeDataset(owner, files), { epochs: 3, hidden: [32], seed: 5 });
  const { id } = await owner.ok<RunView>('POST', '/v1/runs', asked);
  run = await until(owner, id, ({ state }) => state === 'registered');
  await worker.stop();
}, 120_000);

afterAll(async () => {
  await app.close();
  await rm(data, { recursive: true });
});

const environment = () => ({ MUNIMENT_URL: app.url, MUNIMENT_HOME: join(app.config.data, 'somebody') });
const replay = (...argv: string[]) => runCli(['replay', ...argv], environment());

describe('muniment replay', () => {
  it('makes the weights and the file of a model on record, for anybody who has the data', async () => {
    const argv = ['src/cli/main.js', 'replay', run.registrationId!, '--data', data];
    const { code, stdout: out, stderr: notes } = await runBuilt(argv, environment());
    expect([code, out]).toEqual([
      0,
      expect.stringContaining('bit-exact: the record makes these weights, and this file'),
    ]);
    expect(out).toContain(run.result!.weightDigest);
    expect(out).toContain(run.result!.fileDigest);
    expect(out).toMatch(/code +the same as on record/);
    expect(notes.match(/epoch \d: as on record, \d+\.\d\d % of the test images right/g)).toHaveLength(3);
  });

  it('finds it by its digest, and a training by its id, and ends where it is told', async () => {
    const { code, out } = await replay(
      run.result!.weightDigest,
      '--data',
      data,
      '--epochs',
      '2..2',
      '--threads',
      '2',
      '--json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      outcome: 'bit-exact',
      run: run.id,
      model: run.registrationId,
      epochs: [{ epoch: 2, recorded: { weightDigest: run.epochs[1]!.weightDigest }, differing: [] }],
      file: null,
    });
    expect((await replay(run.id, '--data', data, '--epochs', '1')).out).toContain('bit-exact: up to epoch 1');
  });

  it('puts the result on record for a party, and tells of it from then on', async () => {
    const somebody = await makeParty(await registrar(app.url, app.config.data), 'Ben');
    const argv = ['replay', run.id, '--data', data, '--epochs', '1', '--record', '--json'];
    expect((await runCli(argv, environment())).code).toBe(1);
    const { code, out } = await runCli(argv, { ...environment(), MUNIMENT_API_KEY: somebody.key });
    expect([code, JSON.parse(out)]).toMatchObject([
      0,
      { outcome: 'bit-exact', receipt: { index: expect.any(Number) as unknown } },
    ]);
    expect(await owner.ok('GET', `/v1/replays?run=${run.id}`)).toMatchObject([
      { run: run.id, maker: somebody.party, outcome: 'bit-exact', throughEpoch: 1, firstDifference: null },
    ]);
    expect((await replay(run.id, '--data', data, '--epochs', '1')).out).toMatch(/replayed before +1 × bit-exact\n/);
    expect((await owner.call('GET', `/v1/replays?run=run_${'0'.repeat(26)}`)).status).toBe(404);
    const lie = { run: run.id, outcome: 'differs', throughEpoch: 1, weightDigest: run.epochs[0]!.weightDigest };
    const rest = {
      firstDifference: null,
      fileDigest: null,
      code: { digest: run.result!.fileDigest, version: '1' },
      environment: {},
    };
    const refused = await somebody.call('POST', '/v1/replays', { ...lie, ...rest });
    expect([refused.status, (refused.body as { field: string }).field]).toEqual([400, 'outcome']);
  });

  it.each<[string, () => Promise<string[]>, number, RegExp]>([
    ['other data than on record', async () => Promise.resolve([run.id]), 1, /digest|is not the one/],
    [
      'epochs that it has not',
      async () => Promise.resolve([run.id, '--data', data, '--epochs', '2..9']),
      2,
      /has 3 epochs/,
    ],
    ['no epochs', async () => Promise.resolve([run.id, '--epochs', '3..1']), 2, /"3\.\.1" are no epochs/],
    ['a run that is not there', async () => Promise.resolve(['run_00000000000000000000000000']), 3, /There is no run/],
    [
      'a model that was not trained here',
      async () => [(await owner.ok('POST', '/v1/models', modelOf(owner.party)))['id']!],
      1,
      /was not trained here/,
    ],
  ])('says what is wrong with %s', async (_, argv, wanted, sentence) => {
    const { code, notes } = await replay(...(await argv()));
    expect([code, notes]).toEqual([wanted, expect.stringMatching(sentence)]);
  });
});
