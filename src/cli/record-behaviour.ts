/**
 * Puts a model's behaviour on record. The secret is kept, the registry draws its half of the seed, the challenges are
 * mixed and answered here, and the answers committed to: weights, challenges and answers stay on this machine. Called
 * again, it goes on where it ended.
 */
import type { AnswersDocument } from '../core/behaviour/answers.ts';
import type { Pictures } from '../core/behaviour/challenges.ts';
import { CHALLENGE_SCHEME } from '../core/behaviour/challenges.ts';
import { commitAnswers, commitSecret } from '../core/behaviour/opening.ts';
import { RegistryError } from '../core/errors.ts';
import { behaviour } from '../core/registry/behaviour.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { newId, sha256 } from '../platform/crypto.ts';
import { digestOfChallenges, readAnswersFile } from './behaviour-files.ts';
import type { KeptOpening } from './behaviour-opening.ts';
import { findOpening, keepAnswers, makeOpening } from './behaviour-opening.ts';
import { challengesOf, findBehaviour, requireBehaviour } from './behaviour-record.ts';
import type { Context, Session } from './context.ts';
import { findOwnModel } from './find-model.ts';
import { hashModel } from './hash-model.ts';
import { write } from './sign.ts';
import { checkReceipts } from './verify.ts';
import type { ModelView } from './views.ts';

export interface BehaviourFacts {
  weights?: string;
  answers?: string;
  dataset?: string;
  data?: string;
  challenges: number;
}

export interface RecordedBehaviour {
  registration: string;
  challenges: number;
  /** Null where there are no answers yet */
  receipt: Receipt | null;
  /** What opens it */
  file: string | null;
}

/** @throws RegistryError `already_exists`, `not_found`, `forbidden`, `usage`; what answering throws */
export async function recordBehaviour(
  context: Context,
  asked: string,
  facts: BehaviourFacts,
): Promise<RecordedBehaviour> {
  const session = await context.session();
  const model = await findOwnModel(context, asked);
  const opening = await openingFor(context, session, model, facts);
  const record = await requireBehaviour(session.client, model.id);
  if (record.answers !== null) {
    throw new RegistryError('already_exists', `The behaviour of ${model.id} is on record already.`, { field: 'model' });
  }
  const count = record.seed.challenges;
  if (facts.weights === undefined && facts.answers === undefined) {
    return { registration: model.id, challenges: count, receipt: null, file: null };
  }
  const challenges = await challengesOf(context, session.client, record, opening, facts.data);
  const answers = await answersOf(context, model, challenges, facts);
  // On disk before they are on record: nobody could open them afterwards.
  const file = await keepAnswers(context, { ...opening, answers });
  const body = { registration: model.id, answersCommitment: commitAnswers(sha256, opening.secret, answers) };
  const basis = [record.seed.statement];
  const receipt = await write(context, session, { kind: behaviour, path: '/v1/behaviours', body, basis });
  return { registration: model.id, challenges: count, receipt, file };
}

async function openingFor(
  context: Context,
  session: Session,
  model: ModelView,
  facts: BehaviourFacts,
): Promise<KeptOpening> {
  const { client, log } = session;
  const [kept, drawn] = [await findOpening(context, model.id), await findBehaviour(client, model.id)];
  if (drawn !== undefined) {
    if (kept !== undefined) return kept;
    throw new RegistryError(
      'unreachable',
      `The seed for ${model.id} is drawn, and the file that opens it is not here.`,
      {
        field: 'model',
        fix: 'Restore the folder "behaviours" of your settings from where you drew it.',
      },
    );
  }
  const opening = kept ?? (await makeOpening(context, log.origin, model.id));
  await drawSeed(context, client, model, opening, facts);
  return opening;
}

async function drawSeed(
  context: Context,
  client: Session['client'],
  model: ModelView,
  { secret }: KeptOpening,
  facts: BehaviourFacts,
): Promise<void> {
  const dataset = facts.dataset ?? model.datasets[0];
  if (dataset === undefined) {
    throw new RegistryError('usage', `The record of ${model.id} names no data to mix challenges from.`, {
      field: 'dataset',
      fix: 'Name a dataset on record with --dataset.',
    });
  }
  const receipt = await client.post<Receipt>('/v1/behaviours/seeds', {
    id: newId('behaviourseed'),
    registration: model.id,
    dataset,
    scheme: CHALLENGE_SCHEME,
    challenges: facts.challenges,
    secretCommitment: commitSecret(sha256, secret),
  });
  await checkReceipts(context, [receipt]);
}

async function answersOf(
  context: Context,
  model: ModelView,
  challenges: Pictures & { classes: number },
  { weights, answers }: BehaviourFacts,
): Promise<AnswersDocument> {
  const to = { challenges: digestOfChallenges(challenges), classes: challenges.classes };
  if (answers !== undefined) {
    const given = await readAnswersFile(answers, to);
    if (given.challenges === to.challenges && given.labels.length === challenges.count) return given;
    throw new RegistryError('invalid_input', `The file "${answers}" answers other challenges.`, {
      field: 'answers',
      fix: 'Let the model answer the file of "muniment behaviour challenges".',
    });
  }
  await requireRegistered(context, model, weights!);
  return { challenges: to.challenges, ...(await answerHere(weights!, challenges)) };
}

/** @throws RegistryError `unsupported_container` for no architecture that is trained here, and as `readTensors` */
export async function answerHere(weights: string, challenges: Pictures) {
  const [{ answerWith, chooseBackend }, { readTensors }] = await Promise.all([
    import('../training/index.ts'),
    import('../platform/storage/tensors-file.ts'),
  ]);
  const tensors = await readTensors(weights);
  const backend = await chooseBackend('wasm', { threads: 1 });
  try {
    return answerWith(backend, tensors, challenges);
  } finally {
    backend.dispose();
  }
}

/** @throws RegistryError `digest_mismatch` for other weights than the registered ones */
export async function requireRegistered(
  context: Context,
  { id, weights }: Pick<ModelView, 'id' | 'weights'>,
  path: string,
): Promise<void> {
  const { weightDigest, fileDigest } = await hashModel(context.io, path);
  if (weightDigest === null ? fileDigest === weights.fileDigest : weightDigest === weights.weightDigest) return;
  throw new RegistryError('digest_mismatch', `The weights in "${path}" are not the ones on record as ${id}.`, {
    field: 'weights',
    fix: 'Name the registered weights.',
  });
}
