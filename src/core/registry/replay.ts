/**
 * Replays: somebody trained a run again from its record, and says what came out. It counts as much as its maker is
 * believed; whoever doubts it replays the run, too. What it says is held to the record of the run: nobody can state a
 * bit-exact replay that ended with other weights, nor a difference that is none.
 *
 * Where the arithmetic of the run is not to be had again, each epoch is trained from the weights on record before it, and
 * the statement says how far from those on record after it that ends (`approximation`). That is a figure of its maker's.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { digest, form, id, urn } from '../statement/statement.ts';
import { kind, need, requireBasis, requireNew } from './kind.ts';
import type { RunBody } from './run.ts';
import { put } from './tables.ts';

export const REPLAY_OUTCOMES = ['bit-exact', 'within-tolerance', 'differs'] as const;
export type ReplayOutcome = (typeof REPLAY_OUTCOMES)[number];

const distance = z.number().nonnegative();

const approximation = z.strictObject({
  fromEpoch: z.int().positive().describe('The first epoch that was replayed, from the weights on record before it'),
  tolerance: z.number().positive().lt(1).describe('The largest `distance` that was taken for the same training'),
  epochs: z
    .array(
      z.strictObject({
        epoch: z.int().positive(),
        distance: distance.describe(
          'Of the weights on record from the replayed ones, where 1 is that from the same epoch with other random draws',
        ),
        relative: distance.describe('The same as a share of the norm of the weights on record'),
        largest: distance.describe('The largest difference of one weight'),
      }),
    )
    .min(1)
    .max(10_000),
});
type Approximation = z.infer<typeof approximation>;

const shape = {
  run: id('run'),
  outcome: z.enum(REPLAY_OUTCOMES),
  throughEpoch: z.int().positive().describe('The last epoch that was replayed, from the first'),
  weightDigest: digest.describe('Of the weights after it'),
  firstDifference: z.int().positive().nullable().describe('The first epoch whose weights or figures are others'),
  fileDigest: digest.nullable().describe('Of the file of weights; null unless all epochs were replayed'),
  code: z.strictObject({ digest, version: z.string().max(100) }).describe('The training code that replayed'),
  environment: z.record(z.string(), z.json()).describe('Backend, device, versions'),
  approximation: approximation.optional(),
};

const replayForm = form('replay', shape, (_, { run, weightDigest }) => [
  urn(run),
  { name: 'weights', digest: weightDigest },
]);
export type ReplayBody = z.infer<typeof replayForm.body>;

export const replay = kind(replayForm, {
  reads: ({ common, body }) => [
    ['replay', common.id],
    ['run', body.run],
  ],
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    requireNew(rows, 'replay', common.id);
    const run = need(rows, 'run', body.run, 'run');
    requireBasis(spoken, run);
    requireCoherent(body, run.document as RunBody);
    const { outcome, throughEpoch, firstDifference } = body;
    return [
      put('replay', {
        id: common.id,
        runId: run.id,
        maker: common.maker,
        outcome,
        throughEpoch,
        firstDifference,
        ...place,
      }),
    ];
  },
});

/** @throws RegistryError `invalid_input` for a result that contradicts itself or the record of the run */
function requireCoherent(body: ReplayBody, { epochs, result }: RunBody): void {
  const { outcome, throughEpoch, firstDifference, fileDigest } = body;
  const recorded = epochs[throughEpoch - 1];
  if (recorded === undefined) {
    throw refuse(`The run has ${epochs.length} epochs, and not ${throughEpoch}.`, 'throughEpoch');
  }
  if (firstDifference !== null && firstDifference > throughEpoch) {
    throw refuse('The first difference lies behind the last epoch that was replayed.', 'firstDifference');
  }
  if (body.approximation !== undefined) return requireCoherentApproximation(body, body.approximation, recorded);
  if (outcome === 'within-tolerance') throw refuse('A replay within a tolerance says which.', 'approximation');
  const otherWeights = body.weightDigest !== recorded.weightDigest;
  if (otherWeights && firstDifference === null) {
    throw refuse(
      `The weights after epoch ${throughEpoch} are not those on record, and no epoch differs.`,
      'weightDigest',
    );
  }
  const whole = throughEpoch === epochs.length && !otherWeights;
  if (whole !== (fileDigest !== null)) {
    throw refuse(
      'A file comes out where all epochs were replayed to the weights on record, and only there.',
      'fileDigest',
    );
  }
  const differs = firstDifference !== null || (fileDigest !== null && fileDigest !== result.fileDigest);
  if (differs !== (outcome === 'differs')) throw refuse('The outcome is not what the result says.', 'outcome');
}

function requireCoherentApproximation(
  { outcome, throughEpoch, weightDigest, firstDifference, fileDigest }: ReplayBody,
  { fromEpoch, tolerance, epochs }: Approximation,
  recorded: RunBody['epochs'][number],
): void {
  if (epochs.length !== throughEpoch - fromEpoch + 1 || epochs.some(({ epoch }, i) => epoch !== fromEpoch + i)) {
    throw refuse('The distances are not those of the epochs that were replayed.', 'approximation.epochs');
  }
  if (weightDigest === recorded.weightDigest && epochs.at(-1)!.largest !== 0) {
    throw refuse('Weights that are those on record have a distance from them.', 'approximation.epochs');
  }
  const beyond = epochs.find(({ distance }) => distance > tolerance)?.epoch ?? Infinity;
  if (firstDifference === null ? beyond !== Infinity : firstDifference > beyond || firstDifference < fromEpoch) {
    throw refuse('The first difference is not the first epoch beyond the tolerance.', 'firstDifference');
  }
  if (fileDigest !== null) throw refuse('Of an approximate replay no file comes out.', 'fileDigest');
  const found = firstDifference === null ? 'within-tolerance' : 'differs';
  if (outcome !== found) throw refuse('The outcome is not what the result says.', 'outcome');
}

function refuse(sentence: string, field: string): RegistryError {
  return new RegistryError('invalid_input', sentence, { field, fix: 'State what "muniment replay" found.' });
}
