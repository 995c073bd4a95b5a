/** A run that a worker trained on `native`, replayed by a worker that has `native`, and by one that has `wasm` alone. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { run as runKind } from '../../../src/core/registry/index.ts';
import type { ReplayBody } from '../../../src/core/registry/replay.ts';
import type { RunBody } from '../../../src/core/registry/run.ts';
import { Ledger } from '../../../src/ledger/index.ts';
import { newId } from '../../../src/platform/crypto.ts';
import { ArtifactStore } from '../../../src/platform/storage/index.ts';
import type { ReplayJobView, RunView } from '../../../src/runs/index.ts';
import type { TestApp } from '../../support/app.ts';
import { startTestApp } from '../../support/app.ts';
import { query } from '../../support/postgres.ts';
import type { Caller, SpawnedWorker } from '../../support/training.ts';
import {
  makeDataset,
  makeParty,
  registrar,
  runOf,
  smallMnistFiles,
  spawnWorker,
  until,
  untilOf,
  workerEnvironment,
} from '../../support/training.ts';
import { runCli } from '../../unit/cli/support.ts';
import { provideNative } from './native.ts';
import { missing } from './prerequisite.ts';

const TITLE = 'a run on native, replayed from its checkpoints';
const RECIPE = { epochs: 3, hidden: [64], optimizer: 'adam', learningRate: 0.003, dropout: 0.1, validationSplit: 0.1 };

jest.setTimeout(300_000);

const provided = await provideNative();

if ('why' in provided) {
  missing(TITLE, provided.why);
} else {
  describe(TITLE, () => {
    let app: TestApp;
    let owner: Caller;
    let run: RunView;
    let worker: SpawnedWorker;
    const withNative = { MUNIMENT_NATIVE_PACKAGE: provided.path };
    const without = { MUNIMENT_NATIVE_PACKAGE: '/nowhere' };

    beforeAll(async () => {
      app = await startTestApp();
      owner = await makeParty(await registrar(app.url, app.config.data), 'Ada');
      const dataset = await makeDataset(owner, await smallMnistFiles(2000, 200));
      worker = await spawnWorker({ ...workerEnvironment(app), ...withNative });
      const asked = { ...runOf(owner, dataset, RECIPE), backend: 'native' };
      const { id } = await owner.ok<RunView>('POST', '/v1/runs', asked);
      run = await until(owner, id, ({ state }) => state === 'registered', 200_000);
    });
    afterAll(async () => {
      await worker.stop();
      await app.close();
    });

    const replay = async (body: object): Promise<ReplayJobView> => {
      const { id } = await owner.ok<ReplayJobView>('POST', '/v1/replay-jobs', { run: run.id, ...body });
      const over = ({ state }: ReplayJobView) => state !== 'queued' && state !== 'running';
      return untilOf<ReplayJobView>(owner, `/v1/replay-jobs/${id}`, over, 200_000);
    };
    const stated = async (job: ReplayJobView): Promise<ReplayBody> => {
      const [row] = await query<{ predicate: ReplayBody }>(
        app.database.superuserUrl,
        `SELECT convert_from(payload, 'UTF8')::jsonb -> 'predicate' AS predicate FROM ledger.statement
         WHERE 'sha256:' || encode(payload_digest, 'hex') = $1`,
        [job.statement],
      );
      return row!.predicate;
    };
    const falseRecord = async (change: (record: RunBody) => RunBody): Promise<string> => {
      const ledger = app.app.nest.get(Ledger);
      const id = newId('run');
      const [row] = await query<{ document: RunBody }>(
        app.database.superuserUrl,
        'SELECT document FROM registry.run WHERE id = $1',
        [run.id],
      );
      await ledger.attest(runKind, { maker: ledger.registryParty, id, body: change(row!.document) });
      return id;
    };

    it('names the file behind each epoch in its record, and keeps it', async () => {
      expect(run.environment).toMatchObject({ backend: 'native' });
      for (const { checkpointDigest } of run.epochs) {
        expect(checkpointDigest).toMatch(/^sha256:/);
        expect(await app.app.nest.get(ArtifactStore).has(checkpointDigest!)).toBe(true);
      }
    });

    it('on native again is at no distance, and between any two adjacent epochs', async () => {
      const job = await replay({ fromEpoch: 2 });
      expect(job).toMatchObject({ state: 'recorded', outcome: 'within-tolerance', firstDifference: null });
      expect(job.environment).toMatchObject({ backend: 'native' });
      const { approximation, fileDigest } = await stated(job);
      expect([approximation, fileDigest]).toEqual([
        {
          fromEpoch: 2,
          tolerance: 0.6,
          epochs: [2, 3].map((epoch) => ({ epoch, distance: 0, relative: 0, largest: 0 })),
        },
        null,
      ]);
      expect(job.epochs.map(({ weightDigest }) => weightDigest)).toEqual(
        run.epochs.slice(1).map(({ weightDigest }) => weightDigest),
      );
    });

    it.each<[string, (record: RunBody) => RunBody, number]>([
      ['seed', (record) => ({ ...record, hyperparameters: { ...record.hyperparameters, seed: 6 } }), 1],
      [
        'test accuracy of the second epoch',
        (record) => ({
          ...record,
          epochs: record.epochs.map((one) => (one.epoch === 2 ? { ...one, testAccuracy: 0.999 } : one)),
        }),
        2,
      ],
    ])('whose record was signed with another %s differs, with the epoch', async (_, change, epoch) => {
      const job = await replay({ run: await falseRecord(change) });
      expect(job).toMatchObject({ state: 'recorded', outcome: 'differs', firstDifference: epoch });
      expect(job.epochs).toHaveLength(epoch);
    });

    it('whose record names other weights of an epoch fails, with the epoch', async () => {
      const id = await falseRecord((record) => ({
        ...record,
        epochs: record.epochs.map((one) =>
          one.epoch === 2 ? { ...one, weightDigest: record.epochs[0]!.weightDigest } : one,
        ),
      }));
      const { id: job } = await owner.ok<ReplayJobView>('POST', '/v1/replay-jobs', { run: id });
      const path = `/v1/replay-jobs/${job}`;
      await expect(untilOf<ReplayJobView>(owner, path, ({ state }) => state === 'recorded')).rejects.toThrow(
        'The checkpoint of epoch 2 holds other weights.',
      );
      expect(await owner.ok(`GET`, path)).toMatchObject({ state: 'failed', error: { code: 'digest_mismatch' } });
    });

    it('on wasm is near, tells how near, and is told so at the command line', async () => {
      await worker.stop();
      worker = await spawnWorker({ ...workerEnvironment(app), ...without });
      const environment = { MUNIMENT_URL: app.url, MUNIMENT_HOME: app.config.data, MUNIMENT_API_KEY: owner.key };
      const { code, out } = await runCli(['replay', run.id, '--at-registry', '--watch'], environment);
      expect([code, out]).toEqual([0, expect.stringMatching(/within tolerance: .* 0\.6 of another training/)]);
      expect(out).toMatch(/replayed before .*1 × within-tolerance/);
      const [newest] = await owner.ok<{ id: string }[]>('GET', `/v1/replays?run=${run.id}`);
      const job = await owner.ok<ReplayJobView>('GET', `/v1/replay-jobs/${newest!.id}`);
      expect(job).toMatchObject({ outcome: 'within-tolerance', environment: { backend: 'wasm' } });
      for (const { distance, largest } of (await stated(job)).approximation!.epochs) {
        expect(largest).toBeGreaterThan(0);
        expect(distance).toBeLessThan(0.6);
      }
    });

    it('here, from the seed, is not to be had, and the command says where it is', async () => {
      const environment = { MUNIMENT_URL: app.url, MUNIMENT_HOME: app.config.data };
      const { code, notes } = await runCli(['replay', run.id], environment);
      expect([code, notes]).toEqual([4, expect.stringContaining('--at-registry')]);
    });
  });
}
