/**
 * A replay on this machine, for people who trust nobody: the records of the model, its run and its data are held to the
 * log, the data to the digests on record, and the training is done here.
 */
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { replay } from '../core/registry/index.ts';
import type { ReplayBody } from '../core/registry/replay.ts';
import type { RunBody } from '../core/registry/run.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { VERSION } from '../platform/version.ts';
import type { Replay, ReplayedEpoch } from '../training/index.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { findAnyModel } from './find-model.ts';
import { mnistFolder } from './mnist.ts';
import type { Bar } from './progress.ts';
import { progressBar } from './progress.ts';
import { readRecord } from './read-record.ts';
import { write } from './sign.ts';
import { count, percent } from './table.ts';
import type { DatasetBody, DatasetView, ModelView, RegistrationBody, ReplayView, RunView } from './views.ts';

export interface ReplayFacts {
  /** The first epoch that is told of, and the last one that is trained */
  epochs?: readonly [from: number, to: number];
  /** Folder of the data; where none is given, the MNIST that came with the program */
  data?: string;
  threads?: number;
}

export interface ReplayReport extends Omit<Replay, 'environment' | 'epochs' | 'outcome'> {
  outcome: ReplayBody['outcome'];
  /** Of a replay by the registry, where the run's arithmetic is not to be had again */
  approximation?: ReplayBody['approximation'];
  epochs: Omit<ReplayedEpoch, 'recorded'>[];
  /** On what it was replayed */
  environment: Record<string, unknown>;
  run: string;
  model: string | null;
  /** Of the training code on record, and whether it is the code that was replayed with */
  code: { recorded: Digest; here: Digest };
  /** Those on record of the same run, the newest first, as the registry lists them */
  earlier: ReplayView[];
  /** Payload digest of the run's record */
  statement: Digest;
}

const FORMAT = 'Replaying {bar} epoch {epoch}  {speed} images/s  {left} left';

/**
 * @param asked a model by id, digest or file, or a run by its id
 * @throws RegistryError `not_found`; `proof_invalid` where records contradict each other; what `replay` throws
 */
export async function replayHere(context: Context, asked: string, facts: ReplayFacts): Promise<ReplayReport> {
  const client = await context.client();
  const { run, model, record, statement } = await findRecord(context, client, asked);
  const [from, to] = epochsOf(record, facts);
  const { codeDigest, readIdxFolder, replay: train, requireFromSeed } = await import('../training/index.ts');
  requireFromSeed(record);
  const dataset = await readIdxFolder(facts.data ?? mnistFolder(), await filesOf(context, client, record.dataset));

  const stop = new AbortController();
  const release = context.io.onInterrupt(() => stop.abort());
  let bar: Promise<Bar> | undefined;
  try {
    const report = await train({
      run,
      record,
      dataset,
      to,
      signal: stop.signal,
      ...(facts.threads === undefined ? {} : { threads: facts.threads }),
      onProgress: ({ epoch, epochs, batch, batches, imagesPerSecond, etaSeconds }) => {
        const told = {
          epoch: `${epoch}/${epochs}`,
          speed: count(Math.round(imagesPerSecond)),
          left: `${Math.ceil(etaSeconds)} s`,
        };
        bar ??= progressBar(context.io, FORMAT, epochs * batches, told);
        void bar.then((opened) => opened.update((epoch - 1) * batches + batch, told));
      },
      onEpoch: ({ epoch, differing, replayed }) => {
        if (context.io.watched) return;
        const verdict = differing.length === 0 ? 'as on record' : `differs in ${differing.join(', ')}`;
        context.note(`epoch ${epoch}: ${verdict}, ${percent(replayed.testAccuracy)} of the test images right`);
      },
    });
    const shown = report.epochs.filter(({ epoch, differing }) => epoch >= from || differing.length > 0);
    const code = { recorded: record.code.digest, here: await codeDigest() };
    const earlier = await client.get<ReplayView[]>(`/v1/replays?run=${run}`);
    const environment = { ...report.environment };
    return { run, model, statement, code, ...report, environment, epochs: shown, earlier };
  } finally {
    (await bar)?.stop();
    release();
  }
}

/** @throws RegistryError as `write` does */
export async function recordReplay(context: Context, report: ReplayReport): Promise<Receipt> {
  const { run, outcome, epochs, firstDifference, file, code, environment, statement } = report;
  const { epoch: throughEpoch, replayed } = epochs.at(-1)!;
  const body = {
    run,
    outcome,
    throughEpoch,
    weightDigest: replayed.weightDigest,
    firstDifference,
    fileDigest: file?.replayed ?? null,
    code: { digest: code.here, version: VERSION },
    environment: { ...environment } as ReplayBody['environment'],
  };
  return write(context, await context.session(), { kind: replay, path: '/v1/replays', body, basis: [statement] });
}

export interface FoundRecord {
  run: string;
  model: string | null;
  record: RunBody;
  statement: Digest;
}

/** @throws RegistryError `usage` for epochs that the run has not */
export function epochsOf({ epochs }: RunBody, facts: ReplayFacts): readonly [from: number, to: number] {
  const [from, to] = facts.epochs ?? [1, epochs.length];
  if (to <= epochs.length) return [from, to];
  throw new RegistryError('usage', `The run has ${epochs.length} epochs.`, {
    field: 'epochs',
    fix: 'Name epochs that it has.',
  });
}

/** The signed record of the run behind what was asked for. @throws as `replayHere` does */
export async function findRecord(context: Context, client: Client, asked: string): Promise<FoundRecord> {
  if (/^run_[0-9a-z]{26}$/.test(asked)) return { model: null, ...(await runRecord(context, client, asked)) };
  const model = await findAnyModel(context, asked);
  const { statement } = await client.get<ModelView>(`/v1/models/${model}`);
  const { body } = await readRecord<RegistrationBody>(context, client, statement);
  const { run, weights } = body;
  if (run === null) {
    throw new RegistryError(
      'state_conflict',
      `The model ${model} was not trained here: its record names no training.`,
      {
        field: 'model',
        fix: 'Ask its owner for the training that made it.',
      },
    );
  }
  const found = await runRecord(context, client, run);
  const { result } = found.record;
  if (result.weightDigest !== weights.weightDigest || result.fileDigest !== weights.fileDigest) {
    throw new RegistryError('proof_invalid', `The record of the run ${run} tells of other weights than the model's.`);
  }
  return { model, ...found };
}

async function runRecord(context: Context, client: Client, run: string): Promise<Omit<FoundRecord, 'model'>> {
  const { statement, state } = await client.get<RunView>(`/v1/runs/${run}`);
  if (statement === null) throw new RegistryError('state_conflict', `The run ${run} is ${state}: it is not on record.`);
  const { common, body } = await readRecord<RunBody>(context, client, statement);
  if (common.id === run) return { run, record: body, statement };
  throw new RegistryError('proof_invalid', `The signed record is not the one of the run ${run}.`);
}

/** The digests of a dataset's files, by name, from its record. */
export async function filesOf(context: Context, client: Client, dataset: string): Promise<Record<string, Digest>> {
  const { statement } = await client.get<DatasetView>(`/v1/datasets/${dataset}`);
  const { common, body } = await readRecord<DatasetBody>(context, client, statement);
  if (common.id !== dataset) {
    throw new RegistryError('proof_invalid', `The signed record is not the one of the dataset ${dataset}.`);
  }
  return Object.fromEntries(body.files.map(({ name, digest }) => [name, digest]));
}
