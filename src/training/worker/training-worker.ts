/**
 * Takes trainings from the queue, runs and replays of runs, one at a time. What becomes of one in the end is decided by
 * its row, on which every write names the attempt; what becomes of the job follows from that.
 */
import { constants, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { DataSource } from '../../platform/database/index.ts';
import { RegistryError } from '../../core/errors.ts';
import { ComputeService } from '../../compute/index.ts';
import { DatasetService } from '../../datasets/index.ts';
import { Ledger } from '../../ledger/index.ts';
import { Config } from '../../platform/config/index.ts';
import { Jobs } from '../../platform/jobs/index.ts';
import type { Job, Worker } from '../../platform/jobs/index.ts';
import type { Log } from '../../platform/logging/index.ts';
import { LOG } from '../../platform/logging/index.ts';
import { ArtifactStore } from '../../platform/storage/index.ts';
import type { Hold, TakenReplay, TakenRun } from '../../runs/index.ts';
import {
  beginRecording,
  checkpointsOf,
  endFailed,
  endLost,
  endTrained,
  giveBack,
  missingParties,
  ReplayRecorder,
  RunRecorder,
  signedRun,
  silentRuns,
  stateOfRun,
  takeReplay,
  takeRun,
} from '../../runs/index.ts';
import { codeDigest } from './code-digest.ts';
import { sweepData } from './data-files.ts';
import { failureOf } from './failure.ts';
import { replayRun } from './run-replay.ts';
import type { TrainingPlace } from './run-training.ts';
import { requireHeld, trainRun } from './run-training.ts';

const LOST_RUNS_MS = 60_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

type Asked = { replay: string } | { run: string };

/** What a worker took, and what it does with it. */
interface Work {
  hold: Hold;
  carryOut: (signal: AbortSignal) => Promise<void>;
}

@Injectable()
export class TrainingWorker implements OnApplicationBootstrap, OnModuleDestroy {
  #worker: Worker | undefined;
  #place: TrainingPlace | undefined;
  #sweep: NodeJS.Timeout | undefined;

  constructor(
    private readonly jobs: Jobs,
    private readonly ledger: Ledger,
    private readonly recorder: RunRecorder,
    private readonly replays: ReplayRecorder,
    private readonly compute: ComputeService,
    private readonly datasets: DatasetService,
    private readonly artifacts: ArtifactStore,
    private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
    private readonly database: DataSource,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    // Whoever waits for an answer of the server on this machine comes first; threads started later inherit this.
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
    await sweepData();
    const { manager } = this.database;
    const { artifacts, config, log } = this;
    this.#place = { manager, artifacts, config, log, party: await this.#party(), code: await codeDigest() };
    this.#worker = await this.jobs.work<Asked>('training', (job, signal) => this.#run(job, signal));
    await this.#endLostRuns();
    this.#sweep = setInterval(() => {
      this.#endLostRuns().catch((error: unknown) => log.error({ err: error }, 'Lost runs cannot be looked for.'));
    }, LOST_RUNS_MS);
    this.#sweep.unref();
  }

  /** Gives a run in hand back while database and ledger are still there. */
  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#sweep);
    await this.#worker?.stop();
  }

  /** @throws RegistryError `configuration_invalid` */
  async #party(): Promise<string> {
    const { workerParty } = this.config;
    if (workerParty === undefined) return this.ledger.registryParty;
    if ((await missingParties(this.database.manager, [workerParty])).length === 0) return workerParty;
    throw new RegistryError('configuration_invalid', `The party ${workerParty} is not on record here.`, {
      field: 'MUNIMENT_WORKER_PARTY',
      fix: 'Name a party of this registry, or leave it out to train for the registry itself.',
    });
  }

  async #run({ data, retries }: Job<Asked>, signal: AbortSignal): Promise<void> {
    const { manager } = this.database;
    const [what, id] = 'run' in data ? ['run', data.run] : ['replay', data.replay];
    const work = await this.#take(data);
    if (work === undefined) {
      this.log.info(`The ${what} ${id} is over or cancelled already.`);
      return;
    }
    const { hold } = work;
    this.log.info({ retries }, `Took the ${what} ${id}, attempt ${hold.attempt}.`);
    try {
      await work.carryOut(signal);
    } catch (error) {
      const state = await stateOfRun(manager, id);
      if (state === 'cancelled') {
        await this.#dropCheckpoints(id);
        this.log.info(`The ${what} ${id} was cancelled.`);
        return;
      }
      const failure = failureOf(error);
      if (failure === undefined || signal.aborted || state === 'recording') {
        await giveBack(manager, hold);
        // A fault that passes must not use up all the attempts while it lasts.
        if (!signal.aborted) await pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** retries), signal);
        throw error;
      }
      this.log.error({ err: error }, `The ${what} ${id} failed: ${failure.detail}`);
      if (await endFailed(manager, hold, failure)) await this.#dropCheckpoints(id);
    }
  }

  async #take(asked: Asked): Promise<Work | undefined> {
    const { manager } = this.database;
    const { instance } = this.config;
    if ('run' in asked) {
      const run = await takeRun(manager, asked.run, instance);
      return run && { hold: run, carryOut: (signal) => this.#trainAndRecord(run, signal) };
    }
    const replay = await takeReplay(manager, asked.replay, instance);
    return replay && { hold: replay, carryOut: (signal) => this.#replayAndRecord(replay, signal) };
  }

  async #trainAndRecord(taken: TakenRun, signal: AbortSignal): Promise<void> {
    const { manager } = this.database;
    const { runId } = taken;
    let { body } = taken;
    if (body === null) {
      if (taken.attempt === 1) await this.compute.requireSeconds(taken.owner);
      const { files } = await this.datasets.get(taken.dataset);
      body = await trainRun(this.#place!, taken, files, signal);
      requireHeld(await beginRecording(manager, taken, body));
    }
    await this.recorder.record(runId, body);
    this.log.info(`The run ${runId} is on record.`);
    const refused = taken.ownerSigns ? null : await this.recorder.register(taken, body);
    if (refused) this.log.warn(`The model of the run ${runId} was not registered: ${refused.detail}`);
    else if (!taken.ownerSigns) this.log.info(`Its model is registered as ${taken.registrationId}.`);
    requireHeld(await endTrained(manager, taken, refused));
    if (body.environment['backend'] === 'wasm') await this.#dropCheckpoints(runId);
  }

  async #replayAndRecord(taken: TakenReplay, signal: AbortSignal): Promise<void> {
    const { manager } = this.database;
    let { body } = taken;
    if (body === null) {
      if (taken.attempt === 1) await this.compute.requireSeconds(taken.owner);
      const record = await signedRun(manager, this.ledger, taken.run);
      const { files } = await this.datasets.get(record.dataset);
      body = await replayRun(this.#place!, taken, record, files, signal);
      requireHeld(await beginRecording(manager, taken, body));
    }
    const refused = await this.replays.record(taken.runId, body);
    if (refused) this.log.warn(`The replay ${taken.runId} cannot be recorded: ${refused.detail}`);
    else this.log.info(`The replay ${taken.runId} is on record: ${body.outcome}.`);
    requireHeld(await endTrained(manager, taken, refused));
    await this.#dropCheckpoints(taken.runId);
  }

  /** A training that is over needs none, unless a replay starts from them. */
  async #dropCheckpoints(runId: string): Promise<void> {
    for (const digest of await checkpointsOf(this.database.manager, runId)) await this.artifacts.delete(digest);
  }

  /** A job that was put back too often is no longer tried: its run must not look as if it went on. */
  async #endLostRuns(): Promise<void> {
    const { manager } = this.database;
    for (const { id, jobId } of await silentRuns(manager)) {
      const state = await this.jobs.state('training', jobId);
      if (state === 'created' || state === 'retry' || state === 'active') continue;
      this.log.error(`No worker could end ${id}.`);
      await endLost(manager, id, {
        code: 'internal',
        detail: 'The training was tried too often without an end.',
        fix: 'Start it again; if that fails too, ask the operator for the log of the workers.',
      });
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
