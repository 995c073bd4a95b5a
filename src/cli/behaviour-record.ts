/** The record of a behaviour, held to the log, and the challenges that follow from it and from the secret that opens it. */
import type { Pictures } from '../core/behaviour/challenges.ts';
import { makeChallenges } from '../core/behaviour/challenges.ts';
import { commitSecret, seedOf } from '../core/behaviour/opening.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { BehaviourBody, BehaviourSeedBody } from '../core/registry/behaviour.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { mnistFolder } from './mnist.ts';
import { readRecord } from './read-record.ts';
import { filesOf } from './replay-model.ts';

export interface BehaviourView {
  registration: string;
  seed: { statement: Digest; recordedIndex: number; challenges: number; dataset: string };
  answers: { statement: Digest; recordedIndex: number; maker: string } | null;
}

/** Undefined where no seed was drawn. */
export async function findBehaviour(client: Client, registration: string): Promise<BehaviourView | undefined> {
  try {
    return await client.get<BehaviourView>(`/v1/behaviours/${registration}`);
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'not_found') return undefined;
    throw error;
  }
}

/** @throws RegistryError `not_found` */
export async function requireBehaviour(client: Client, registration: string): Promise<BehaviourView> {
  const found = await findBehaviour(client, registration);
  if (found !== undefined) return found;
  throw new RegistryError('not_found', `There is no behaviour of ${registration} on record.`, {
    fix: 'Its owner puts it there with "muniment behaviour record".',
  });
}

/**
 * @param data folder of the data; where none is given, the MNIST that came with the program
 * @throws RegistryError `proof_invalid` where the secret or the record is of another model; `digest_mismatch` for other data
 */
export async function challengesOf(
  context: Context,
  client: Client,
  { seed }: BehaviourView,
  opening: { registration: string; secret: string },
  data: string | undefined,
): Promise<Pictures & { classes: number }> {
  const { body } = await readRecord<BehaviourSeedBody>(context, client, seed.statement);
  const fits = body.registration === opening.registration;
  if (!fits || body.secretCommitment !== commitSecret(sha256, opening.secret)) {
    throw new RegistryError('proof_invalid', 'The secret is not the one that the seed on record was drawn for.', {
      field: 'secret',
      fix: 'Use the file that was written when the seed was drawn.',
    });
  }
  const { readIdxFolder } = await import('../training/idx.ts');
  const { train, classes } = await readIdxFolder(data ?? mnistFolder(), await filesOf(context, client, body.dataset));
  return { ...makeChallenges(sha256, seedOf(sha256, opening.secret, body.value), train, body.challenges), classes };
}

/** What the owner committed to. @throws RegistryError `proof_invalid` for a record of another model */
export async function committedAnswers(
  context: Context,
  client: Client,
  registration: string,
  statement: Digest,
): Promise<Digest> {
  const { body } = await readRecord<BehaviourBody>(context, client, statement);
  if (body.registration === registration) return body.answersCommitment;
  throw new RegistryError('proof_invalid', `The signed record is not the one of ${registration}.`);
}
