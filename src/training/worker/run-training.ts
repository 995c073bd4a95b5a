/**
 * The training of one run, from the request to the body of its statement. After every epoch the checkpoint goes into
 * the store, then the epoch into the database; so a kill at any point leaves an epoch either whole or not there, and
 * the next attempt goes on behind the last whole one. Since every random draw belongs to an epoch, it ends with the
 * very weights that an undisturbed run would have had.
 */
import { arch, release } from 'node:os';
import type { EntityManager } from 'typeorm';
import type { Digest } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import type { RunBody } from '../../core/registry/run.ts';
import { weightDigestOf } from '../../core/weights/digest.ts';
import { elementCount } from '../../core/weights/dtype.ts';
import type { Config } from '../../platform/config/index.ts';
import { sha256 } from '../../platform/crypto.ts';
import type { Log } from '../../platform/logging/index.ts';
import type { ArtifactStore } from '../../platform/storage/index.ts';
import { VERSION } from '../../platform/version.ts';
import type { DataFile, RunProgress, SavedEpoch, TakenRun } from '../../runs/index.ts';
import { beginOn, saveEpoch, saveProgress } from '../../runs/index.ts';
import type { BackendName, ChosenBackend } from '../backends/index.ts';
import { chooseBackend, sameArithmetic } from '../backends/index.ts';
import { PREPROCESSING } from '../batches.ts';
import { parseHyperparameters } from '../hyperparameters.ts';
import { measureCompute } from '../progress.ts';
import { artifactMetadata, recordedEpoch } from '../record.ts';
import { train } from '../trainer.ts';
import { lastCheckpoint, storeCheckpoint, storeTensorsAs } from './checkpoint.ts';
import { addCompute } from './compute.ts';
import { readData } from './data-files.ts';
import { Heartbeat, lostRun } from './heartbeat.ts';

export interface TrainingPlace {
  manager: EntityManager;
  artifacts: ArtifactStore;
  config: Pick<Config, 'backend' | 'instance' | 'threads'>;
  /** Of this worker */
  party: string;
  code: Digest;
  log: Log;
}

/**
 * @throws RegistryError `cancelled` when `signal` aborts or the run is no longer this worker's; what `train`,
 * `chooseBackend` and `readData` throw
 */
export async function trainRun(
  place: TrainingPlace,
  taken: TakenRun,
  files: readonly DataFile[],
  signal: AbortSignal,
): Promise<RunBody> {
  const { manager, artifacts, log } = place;
  const hyperparameters = parseHyperparameters(taken.hyperparameters);
  const dataset = await readData(files, artifacts);
  const { backend, sameAsBefore } = await openBackend(place, taken);
  const used = measureCompute(backend);
  const { backend: name, device } = backend.info;
  const worker = { instance: place.config.instance, party: place.party, backend: name, device };
  const compute = () => addCompute(taken.compute, used(), worker, taken.attempt);
  const heartbeat = new Heartbeat<RunProgress>((latest) => saveProgress(manager, taken, latest, compute()), log);
  try {
    for (const line of backend.skipped) log.info(line);
    const environment = sameAsBefore && taken.environment ? taken.environment : environmentOf(backend, taken.backend);
    requireHeld(await beginOn(manager, taken, environment, sameAsBefore));
    const resumeFrom = sameAsBefore ? await lastCheckpoint(artifacts, log, taken.epochs) : undefined;
    const epochs: SavedEpoch[] = taken.epochs.filter(({ epoch }) => epoch <= (resumeFrom?.epoch ?? 0));
    const from = resumeFrom ? `after epoch ${resumeFrom.epoch}` : 'from the beginning';
    log.info(`Training the run ${taken.runId} ${from} on ${backend.info.backend} (${backend.info.device}).`);

    const result = await train({
      hyperparameters,
      dataset,
      backend,
      ...(resumeFrom ? { resumeFrom } : {}),
      signal: AbortSignal.any([signal, heartbeat.lost]),
      onProgress: (progress) => heartbeat.tell({ ...progress, loss: finite(progress.loss) }),
      onEpoch: async (epoch) => {
        const { digest } = await storeCheckpoint(artifacts, { run: taken.runId }, epoch);
        const saved = { ...recordedEpoch(epoch), checkpointDigest: digest };
        if (!(await saveEpoch(manager, taken, saved, compute()))) {
          await artifacts.delete(digest);
          requireHeld(false);
        }
        const before = epochs.at(-1);
        if (before && replaysFromSeed(backend)) await artifacts.delete(before.checkpointDigest);
        epochs.push(saved);
        log.info(
          `Epoch ${epoch.epoch} of ${hyperparameters.epochs}: loss ${saved.loss.toFixed(4)}, ` +
            `test accuracy ${saved.testAccuracy.toFixed(4)}, ${epoch.seconds.toFixed(1)} s.`,
        );
      },
    });

    const { tensors, trainImages, validationImages, testImages } = result;
    const file = await storeTensorsAs(artifacts, tensors, artifactMetadata(taken.runId));
    return {
      owner: taken.owner,
      dataset: taken.dataset,
      hyperparameters: taken.hyperparameters as RunBody['hyperparameters'],
      preprocessing: { images: PREPROCESSING, loss: 'softmax cross entropy', trainImages, validationImages },
      code: { digest: place.code, version: VERSION },
      environment: environment as RunBody['environment'],
      compute: compute() as unknown as RunBody['compute'],
      startedOn: taken.startedAt.toISOString(),
      finishedOn: new Date().toISOString(),
      epochs: epochs.map(({ checkpointDigest, ...epoch }) =>
        replaysFromSeed(backend) ? epoch : { ...epoch, checkpointDigest },
      ),
      testImages,
      result: {
        ...weightDigestOf(sha256, tensors),
        fileDigest: file.digest,
        bytes: file.bytes,
        tensors: tensors.length,
        parameters: tensors.reduce((sum, { shape }) => sum + (elementCount(shape) ?? 0), 0),
      },
    };
  } finally {
    await heartbeat.stop();
    backend.dispose();
  }
}

/** What is bit-exact is replayed from the seed; anything else from a pair of checkpoints, which are therefore kept. */
const replaysFromSeed = ({ info }: Pick<ChosenBackend, 'info'>): boolean => info.backend === 'wasm';

export function requireHeld(held: boolean): void {
  if (!held) throw lostRun();
}

/** An attempt goes on only with the arithmetic of the one before; anything else starts again from the seed. */
async function openBackend(
  { config, log }: TrainingPlace,
  { backend, epochs, environment }: TakenRun,
): Promise<{ backend: ChosenBackend; sameAsBefore: boolean }> {
  const { threads } = config;
  const before = environment?.['backend'] as BackendName | undefined;
  if (before !== undefined && epochs.length > 0) {
    try {
      const again = await chooseBackend(before, { threads });
      if (sameArithmetic(again.info, environment!)) return { backend: again, sameAsBefore: true };
      again.dispose();
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code !== 'backend_unavailable') throw error;
    }
    log.info(`What the run was trained on before (${before}) is not to be had here: it starts again.`);
  }
  const asked = backend === 'auto' ? config.backend : backend;
  return { backend: await chooseBackend(asked, { threads }), sameAsBefore: false };
}

function environmentOf({ info, skipped }: ChosenBackend, asked: TakenRun['backend']): Record<string, unknown> {
  return { ...info, asked, skipped: [...skipped], ...machine() };
}

export const machine = () => ({ platform: `${process.platform} ${release()}`, arch: arch() });

export const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
