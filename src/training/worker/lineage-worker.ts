/**
 * Takes lineage checks from the queue, one at a time: reads the files of the child and of its parents where they are kept,
 * proves that they are those that the edge names, and has the finding recorded. What no conversion explains proves nothing,
 * and is told by the job alone.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { checkEdge } from '../../core/conversion/index.ts';
import type { Digest } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import type { ByteSource } from '../../core/weights/byte-source.ts';
import { CONTAINERS } from '../../core/weights/container.ts';
import type { StoredTensor } from '../../core/weights/container.ts';
import { inspectWeights } from '../../core/weights/inspect.ts';
import { Ledger } from '../../ledger/index.ts';
import type { KeptFile, LineageProgress, TakenLineageJob } from '../../models/index.ts';
import {
  edgesAt,
  endLineageJob,
  failLineageJob,
  giveLineageJobBack,
  LineageCheckRecorder,
  ModelService,
  saveLineageProgress,
  takeLineageJob,
} from '../../models/index.ts';
import { Config } from '../../platform/config/index.ts';
import { sha256 } from '../../platform/crypto.ts';
import { DataSource } from '../../platform/database/index.ts';
import { Jobs, QUEUES } from '../../platform/jobs/index.ts';
import type { Job, Worker } from '../../platform/jobs/index.ts';
import type { Log } from '../../platform/logging/index.ts';
import { LOG } from '../../platform/logging/index.ts';
import { ArtifactStore } from '../../platform/storage/index.ts';
import { VERSION } from '../../platform/version.ts';
import { failureOf } from './failure.ts';
import { Heartbeat } from './heartbeat.ts';
import { requireHeld } from './run-training.ts';

interface Asked {
  check: string;
}

@Injectable()
export class LineageWorker implements OnApplicationBootstrap, OnModuleDestroy {
  #worker: Worker | undefined;

  constructor(
    private readonly jobs: Jobs,
    private readonly ledger: Ledger,
    private readonly models: ModelService,
    private readonly artifacts: ArtifactStore,
    private readonly recorder: LineageCheckRecorder,
    private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
    private readonly database: DataSource,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.#worker = await this.jobs.work<Asked>('lineage-check', (job, signal) => this.#run(job, signal));
  }

  /** Gives a check in hand back while database and ledger are still there. */
  async onModuleDestroy(): Promise<void> {
    await this.#worker?.stop();
  }

  async #run({ id: jobId, data, retries }: Job<Asked>, signal: AbortSignal): Promise<void> {
    const { manager } = this.database;
    const { check: id } = data;
    const taken = await takeLineageJob(manager, { id, jobId, worker: this.config.instance });
    if (taken === undefined) {
      this.log.info(`The lineage check ${id} is over already.`);
      return;
    }
    this.log.info({ retries }, `Took the lineage check ${id}, attempt ${taken.attempt}.`);
    try {
      if (retries === QUEUES['lineage-check'].retryLimit) throw triedTooOften();
      await this.#checkAndRecord(taken, signal);
    } catch (error) {
      const failure = failureOf(error);
      if (failure === undefined || signal.aborted) {
        await giveLineageJobBack(manager, taken);
        throw error;
      }
      this.log.error({ err: error }, `The lineage check ${id} failed: ${failure.detail}`);
      await failLineageJob(manager, taken, failure);
    }
  }

  async #checkAndRecord(taken: TakenLineageJob, signal: AbortSignal): Promise<void> {
    const { manager } = this.database;
    const heartbeat = new Heartbeat<LineageProgress>((latest) => saveLineageProgress(manager, taken, latest), this.log);
    try {
      const reading = new Reading(AbortSignal.any([signal, heartbeat.lost]), (progress) => heartbeat.tell(progress));
      const child = await this.#open({ registration: taken.registration }, reading);
      const parents: Weights[] = [];
      for (const parent of await this.#parentsOf(taken)) parents.push(await this.#openParent(parent, reading));
      const found = await checkEdge(
        child.tensors,
        parents.map(({ tensors }) => tensors),
        taken.relation,
      );
      if (found.finding !== 'unexplained') await this.recorder.record(taken, found, child.fileDigest);
      this.log.info(`The lineage check ${taken.id} is over: ${found.finding}.`);
      requireHeld(await endLineageJob(manager, taken, found, VERSION));
    } finally {
      await heartbeat.stop();
    }
  }

  /** Each parent with the registrations under which its file is kept. */
  async #parentsOf({ registration, relation, parents }: TakenLineageJob): Promise<Parent[]> {
    const rows = await edgesAt(this.database.manager, registration, this.ledger.registryParty);
    const own = rows.filter((row) => row.registration === registration && row.relation === relation);
    return parents.map((digest) => ({
      digest,
      kept: own.find(({ parent }) => parent === digest)?.kept ?? [],
    }));
  }

  /** In a container that is not read here, nobody has proven what a registration says of its weights: another file may be it. */
  async #openParent({ digest, kept }: Parent, reading: Reading): Promise<Weights> {
    let unread: RegistryError | undefined;
    for (const file of kept) {
      if (!(await this.artifacts.has(file.file))) continue;
      try {
        const weights = await this.#open(file, reading);
        if (weights.digests.includes(digest)) return weights;
      } catch (error) {
        if (!(error instanceof RegistryError) || !UNREADABLE.includes(error.code)) throw error;
        unread = error;
      }
    }
    throw unread ?? notKept(`parent ${digest}`);
  }

  /** @throws RegistryError `artifact_unavailable`, `unsupported_container`, `malformed_container`, `artifact_damaged` */
  async #open({ registration }: Pick<KeptFile, 'registration'>, reading: Reading): Promise<Weights> {
    const kept = await this.models.keptArtifact(registration);
    if (kept === undefined) throw notKept(`model ${registration}`);
    const { artifact, fileDigest, container: said } = kept;
    const container = CONTAINERS.find((name) => name === said);
    const source = reading.of(artifact);
    const report = await inspectWeights(source, sha256, container === undefined ? {} : { container });
    const { weightDigest, namelessDigest, tensors } = report;
    if (weightDigest === null) {
      throw new RegistryError('unsupported_container', `The weights of ${registration} cannot be read.`);
    }
    return { fileDigest, digests: [fileDigest, weightDigest, namelessDigest], tensors };
  }
}

const UNREADABLE: readonly RegistryError['code'][] = ['malformed_container', 'unsupported_container'];

interface Parent {
  digest: Digest;
  kept: readonly KeptFile[];
}

interface Weights {
  fileDigest: Digest;
  digests: readonly (Digest | null)[];
  tensors: readonly StoredTensor[];
}

/** Counts what is read, and ends the check at the next read once nobody wants it. */
class Reading {
  #bytesRead = 0;
  #bytes = 0;

  constructor(
    private readonly signal: AbortSignal,
    private readonly tell: (progress: LineageProgress) => void,
  ) {}

  of(source: ByteSource): ByteSource {
    this.#bytes += source.size;
    return {
      size: source.size,
      read: async (offset, length) => {
        this.signal.throwIfAborted();
        this.#bytesRead += length;
        this.tell({ bytesRead: this.#bytesRead, bytes: this.#bytes });
        return source.read(offset, length);
      },
    };
  }
}

const notKept = (what: string): RegistryError =>
  new RegistryError('artifact_unavailable', `The file of the ${what} is not kept here any more.`, {
    fix: 'Store it again, then ask for the check again.',
  });

const triedTooOften = (): RegistryError =>
  new RegistryError('internal', 'The check was tried too often without an end.', {
    fix: 'Check it where the files are: "muniment lineage check CHILD PARENT".',
  });
