/**
 * The replay of one run by a worker, from the request to the body of its statement. It is held to the signed record, not
 * to what the database says of it. As in a training, an epoch is either whole or not there: a worker that comes after one
 * that was killed goes on behind the last epoch that came out with the weights on record.
 *
 * A run on `wasm` is trained again from its seed; any other from what it left behind each epoch, where its own backend is
 * to be had on that, else on `wasm`.
 */
import { RegistryError } from '../../core/errors.ts';
import type { ReplayBody } from '../../core/registry/replay.ts';
import type { RunBody } from '../../core/registry/run.ts';
import type { Log } from '../../platform/logging/index.ts';
import type { ArtifactStore } from '../../platform/storage/index.ts';
import { VERSION } from '../../platform/version.ts';
import type { DataFile, RunProgress, TakenReplay } from '../../runs/index.ts';
import { beginOn, saveEpoch, saveProgress, storedCheckpoints } from '../../runs/index.ts';
import { replayApproximately } from '../approximate-replay.ts';
import type { BackendName, ChosenBackend } from '../backends/index.ts';
import { chooseBackend, sameArithmetic } from '../backends/index.ts';
import type { ImageDataset } from '../idx.ts';
import type { Progress } from '../progress.ts';
import { measureCompute } from '../progress.ts';
import type { ReplayedEpoch } from '../replay.ts';
import { openReplayBackend, replayOn, replaysFromSeed } from '../replay.ts';
import { lastCheckpoint, readCheckpoint, storeCheckpoint } from './checkpoint.ts';
import { addCompute } from './compute.ts';
import { readData } from './data-files.ts';
import { Heartbeat } from './heartbeat.ts';
import type { TrainingPlace } from './run-training.ts';
import { finite, machine, requireHeld } from './run-training.ts';

/**
 * @throws RegistryError `cancelled` when `signal` aborts or the replay is no longer this worker's; what `replayOn`,
 * `openReplayBackend` and `readData` throw
 */
export async function replayRun(
  place: TrainingPlace,
  taken: TakenReplay,
  record: RunBody,
  files: readonly DataFile[],
  signal: AbortSignal,
): Promise<ReplayBody> {
  const { manager, artifacts, config, log } = place;
  const dataset = await readData(files, artifacts);
  const backend = await openBackend(record, place);
  const used = measureCompute(backend);
  const { backend: name, device } = backend.info;
  const worker = { instance: config.instance, party: place.party, backend: name, device };
  const compute = () => addCompute(taken.compute, used(), worker, taken.attempt);
  const heartbeat = new Heartbeat<RunProgress>((latest) => saveProgress(manager, taken, latest, compute()), log);
  try {
    const environment = { ...backend.info, ...machine() } as ReplayBody['environment'];
    const sameAsBefore = taken.environment !== null && sameArithmetic(backend.info, taken.environment);
    requireHeld(await beginOn(manager, taken, environment, sameAsBefore));
    const work: Work = {
      place,
      taken: sameAsBefore ? taken : { ...taken, epochs: [] },
      record,
      dataset,
      backend,
      signal: AbortSignal.any([signal, heartbeat.lost]),
      onProgress: (progress) => heartbeat.tell({ ...progress, loss: finite(progress.loss) }),
      save: async (epoch) => {
        const held = await saveEpoch(manager, taken, epoch, compute());
        if (!held && epoch.checkpointDigest !== null) await artifacts.delete(epoch.checkpointDigest);
        requireHeld(held);
        const { differing } = epoch;
        const verdict = differing.length === 0 ? 'as on record' : `differs in ${differing.join(', ')}`;
        log.info(`Epoch ${epoch.epoch} of ${taken.throughEpoch}: ${verdict}.`);
      },
    };
    const found = replaysFromSeed(record) ? await fromSeed(work) : await fromCheckpoints(work);
    return { run: taken.run, ...found, code: { digest: place.code, version: VERSION }, environment };
  } finally {
    await heartbeat.stop();
    backend.dispose();
  }
}

interface Work {
  place: TrainingPlace;
  taken: TakenReplay;
  record: RunBody;
  dataset: ImageDataset;
  backend: ChosenBackend;
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
  /** An epoch that was compared */
  save: (epoch: TakenReplay['epochs'][number]) => Promise<void>;
}

type Found = Omit<ReplayBody, 'code' | 'environment' | 'run'>;

async function openBackend(record: RunBody, { config: { threads }, log }: TrainingPlace): Promise<ChosenBackend> {
  if (replaysFromSeed(record)) return openReplayBackend(record, threads);
  try {
    return await chooseBackend(record.environment['backend'] as BackendName, { threads });
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    log.info(`${error.message} The replay takes wasm.`);
    return chooseBackend('wasm', { threads });
  }
}

async function fromSeed({
  place: { artifacts, log },
  taken,
  record,
  dataset,
  backend,
  save,
  ...rest
}: Work): Promise<Found> {
  const resumeFrom = await whatIsDone(artifacts, log, taken, record);
  let last = resumeFrom?.epochs.at(-1)?.checkpointDigest;
  const from = resumeFrom === undefined ? 'from the beginning' : `after epoch ${resumeFrom.checkpoint.epoch}`;
  log.info(`Replaying the run ${taken.run} ${from} on ${backend.info.backend} (${backend.info.device}).`);
  const { outcome, firstDifference, epochs, file } = await replayOn(backend, {
    run: taken.run,
    record,
    dataset,
    to: taken.throughEpoch,
    ...(resumeFrom === undefined ? {} : { resumeFrom }),
    ...rest,
    onEpoch: async ({ replayed, differing }, checkpoint) => {
      const { digest } = await storeCheckpoint(artifacts, { replay: taken.runId }, checkpoint);
      await save({ ...replayed, differing, checkpointDigest: digest });
      if (last !== undefined) await artifacts.delete(last);
      last = digest;
    },
  });
  const { epoch: throughEpoch, replayed } = epochs.at(-1)!;
  const { weightDigest } = replayed;
  return { outcome, throughEpoch, weightDigest, firstDifference, fileDigest: file?.replayed ?? null };
}

async function fromCheckpoints({ place, taken, record, dataset, backend, save, ...rest }: Work): Promise<Found> {
  const { artifacts, log, manager } = place;
  const stored = await storedCheckpoints(manager, taken.run);
  log.info(`Replaying the run ${taken.run} by its checkpoints on ${backend.info.backend} (${backend.info.device}).`);
  const { outcome, firstDifference, tolerance, epochs } = await replayApproximately(backend, {
    record,
    dataset,
    from: taken.fromEpoch,
    to: taken.throughEpoch,
    done: taken.epochs.map(({ differing, checkpointDigest: _, distance, relative, largest, ...replayed }) => ({
      epoch: replayed.epoch,
      recorded: record.epochs[replayed.epoch - 1]!,
      replayed,
      differing: differing as ReplayedEpoch['differing'],
      distance: distance!,
      relative: relative!,
      largest: largest!,
    })),
    checkpoint: (epoch) => {
      const { weightDigest, checkpointDigest = stored.get(epoch) } = record.epochs[epoch - 1]!;
      if (checkpointDigest !== undefined) return readCheckpoint(artifacts, { epoch, weightDigest, checkpointDigest });
      throw new RegistryError('not_found', `The weights after epoch ${epoch} were not kept.`, { field: 'run' });
    },
    ...rest,
    onEpoch: ({ replayed, differing, distance, relative, largest }) =>
      save({ ...replayed, differing, distance, relative, largest, checkpointDigest: null }),
  });
  const { epoch: throughEpoch, replayed } = epochs.at(-1)!;
  return {
    outcome,
    throughEpoch,
    weightDigest: replayed.weightDigest,
    firstDifference,
    fileDigest: null,
    approximation: {
      fromEpoch: taken.fromEpoch,
      tolerance,
      epochs: epochs.map(({ epoch, distance, relative, largest }) => ({ epoch, distance, relative, largest })),
    },
  };
}

/** What earlier attempts compared, up to the newest epoch whose weights are those on record and still in the store. */
async function whatIsDone(artifacts: ArtifactStore, log: Log, { epochs }: TakenReplay, record: RunBody) {
  const stored = epochs.flatMap(({ checkpointDigest, ...epoch }) =>
    checkpointDigest === null || epoch.differing.includes('weightDigest') ? [] : [{ ...epoch, checkpointDigest }],
  );
  const checkpoint = await lastCheckpoint(artifacts, log, stored);
  if (checkpoint === undefined) return undefined;
  const done = stored.slice(0, checkpoint.epoch).map(({ differing, checkpointDigest, ...replayed }) => ({
    epoch: replayed.epoch,
    recorded: record.epochs[replayed.epoch - 1]!,
    replayed,
    differing: differing as ReplayedEpoch['differing'],
    checkpointDigest,
  }));
  return { checkpoint, epochs: done };
}
