/**
 * A replay by a worker of the registry: for a model whose data is not at hand, or a machine that is slow. It is worth what
 * the registry's word is worth; what it found is read from the statement that it signed.
 */
import { RegistryError } from '../core/errors.ts';
import type { ReplayBody } from '../core/registry/replay.ts';
import { newId } from '../platform/crypto.ts';
import type { Context } from './context.ts';
import { follow } from './follow.ts';
import { readRecord } from './read-record.ts';
import type { ReplayFacts, ReplayReport } from './replay-model.ts';
import { epochsOf, findRecord } from './replay-model.ts';
import { percent } from './table.ts';
import type { ReplayJobView, ReplayView } from './views.ts';

/** @throws RegistryError as `findRecord` does; what `POST /v1/replay-jobs` answers */
export async function askForReplay(context: Context, asked: string, facts: ReplayFacts): Promise<ReplayJobView> {
  const { client } = await context.session();
  const { run, record } = await findRecord(context, client, asked);
  const [from, throughEpoch] = epochsOf(record, facts);
  const fromEpoch = record.environment['backend'] === 'wasm' ? 1 : from;
  return client.post<ReplayJobView>('/v1/replay-jobs', { id: newId('replay'), run, fromEpoch, throughEpoch });
}

/**
 * @param asked the replay's id, or a replay that was just asked for
 * @throws RegistryError `cancelled`; `state_conflict` where it failed; `proof_invalid` for a record of another replay
 */
export async function followReplay(context: Context, asked: ReplayJobView | string): Promise<ReplayReport> {
  const { client } = await context.session();
  const id = typeof asked === 'string' ? asked : asked.id;
  const job = await follow<ReplayJobView, ReplayJobView['epochs'][number]>(context, {
    path: `/v1/replay-jobs/${id}`,
    doing: 'Replaying',
    isOver: ({ state }) => state !== 'queued' && state !== 'running',
    endedWell: ({ state }) => state === 'recorded',
    tell: ({ epoch, differing, testAccuracy }) =>
      `epoch ${epoch}: ${differing.length === 0 ? 'as on record' : `differs in ${differing.join(', ')}`}, ${percent(testAccuracy)} of the test images right`,
    leave: {
      question: '\nEnd the replay (c), or let it go on without you (any other key)? ',
      ended: () => new RegistryError('cancelled', `The replay ${id} was cancelled.`),
      left: () =>
        new RegistryError('cancelled', `The replay ${id} goes on.`, {
          fix: `Follow it with "muniment replay ${id}".`,
        }),
    },
  });
  if (job.statement === null) throw notRecorded(job);
  const { common, body } = await readRecord<ReplayBody>(context, client, job.statement);
  if (common.id !== id || body.run !== job.run) {
    throw new RegistryError('proof_invalid', `The signed record is not the one of the replay ${id}.`);
  }
  const { run, model, record, statement } = await findRecord(context, client, job.run);
  const { outcome, firstDifference, fileDigest, environment, code, approximation } = body;
  const others = (await client.get<ReplayView[]>(`/v1/replays?run=${run}`)).filter((other) => other.id !== id);
  return {
    run,
    model,
    statement,
    outcome,
    firstDifference,
    epochs: job.epochs.map(({ differing, ...replayed }) => ({ epoch: replayed.epoch, replayed, differing })),
    file: fileDigest === null ? null : { recorded: record.result.fileDigest, replayed: fileDigest },
    environment,
    code: { recorded: record.code.digest, here: code.digest },
    earlier: others,
    ...(approximation === undefined ? {} : { approximation }),
  };
}

function notRecorded({ id, state, error }: ReplayJobView): RegistryError {
  const why = error === null ? '' : ` ${error.detail}`;
  return new RegistryError(
    state === 'cancelled' ? 'cancelled' : 'state_conflict',
    `The replay ${id} ${state === 'failed' ? 'failed' : `is ${state}`}.${why}`,
    {
      ...(error?.fix === undefined ? {} : { fix: error.fix }),
    },
  );
}
