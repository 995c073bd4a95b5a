/**
 * The replay of one run by a worker, from the request to the body of its statement. It is held to the signed record, not
 * to what the database says of it. As in a training, an epoch is either whole or not there: a worker that comes after one
 * that was killed goes on behind the last epoch that came out with the weights on record.
 */
import type { ReplayBody } from '../../core/registry/replay.ts';
import type { RunBody } from '../../core/registry/run.ts';
import { VERSION } from '../../platform/version.ts';
import type { DataFile, RunProgress, TakenReplay } from '../../runs/index.ts';
import { beginOn, saveEpoch, saveProgress } from '../../runs/index.ts';
import { measureCompute } from '../progress.ts';
import type { Replay, ReplayedEpoch } from '../replay.ts';
import { openReplayBackend, replayOn } from '../replay.ts';
import { lastCheckpoint, storeCheckpoint } from './checkpoint.ts';
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
  const backend = await openReplayBackend(record, config.threads);
  const used = measureCompute(backend);
  const { backend: name, device } = backend.info;
  const worker = { instance: config.instance, party: place.party, backend: name, device };
  const compute = () => addCompute(taken.compute, used(), worker, taken.attempt);
  const heartbeat = new Heartbeat<RunProgress>((latest) => saveProgress(manager, taken, latest, compute()), log);
  try {
    const environment = { ...backend.info, ...machine() };
    requireHeld(await beginOn(manager, taken, environment, true));
    const resumeFrom = await whatIsDone(place, taken, record);
    let last = resumeFrom?.epochs.at(-1)?.checkpointDigest;
    const from = resumeFrom === undefined ? 'from the beginning' : `after epoch ${resumeFrom.checkpoint.epoch}`;
    log.info(`Replaying the run ${taken.run} ${from} on ${name} (${device}).`);

    const replay = await replayOn(backend, {
      run: taken.run,
      record,
      dataset,
      to: taken.throughEpoch,
      ...(resumeFrom === undefined ? {} : { resumeFrom }),
      signal: AbortSignal.any([signal, heartbeat.lost]),
      onProgress: (progress) => heartbeat.tell({ ...progress, loss: finite(progress.loss) }),
      onEpoch: async ({ epoch, replayed, differing }, checkpoint) => {
        const { digest } = await storeCheckpoint(artifacts, { replay: taken.runId }, checkpoint);
        if (!(await saveEpoch(manager, taken, { ...replayed, differing, checkpointDigest: digest }, compute()))) {
          await artifacts.delete(digest);
          requireHeld(false);
        }
        if (last !== undefined) await artifacts.delete(last);
        last = digest;
        const verdict = differing.length === 0 ? 'as on record' : `differs in ${differing.join(', ')}`;
        log.info(`Epoch ${epoch} of ${taken.throughEpoch}: ${verdict}.`);
      },
    });
    return bodyOf(taken, replay, environment, place);
  } finally {
    await heartbeat.stop();
    backend.dispose();
  }
}

/** What earlier attempts compared, up to the newest epoch whose weights are those on record and still in the store. */
async function whatIsDone({ artifacts, log }: TrainingPlace, { epochs }: TakenReplay, record: RunBody) {
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

function bodyOf(
  { run }: TakenReplay,
  { outcome, firstDifference, epochs, file }: Replay,
  environment: object,
  { code }: TrainingPlace,
): ReplayBody {
  const { epoch: throughEpoch, replayed } = epochs.at(-1)!;
  return {
    run,
    outcome,
    throughEpoch,
    weightDigest: replayed.weightDigest,
    firstDifference,
    fileDigest: file?.replayed ?? null,
    code: { digest: code, version: VERSION },
    environment: environment as ReplayBody['environment'],
  };
}
