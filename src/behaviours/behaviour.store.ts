import type { EntityManager } from 'typeorm';
import { CHALLENGE_SCHEME } from '../core/behaviour/challenges.ts';
import type { BehaviourView } from './behaviour.schema.ts';

export async function findBehaviour(manager: EntityManager, registration: string): Promise<BehaviourView | undefined> {
  const [row]: { view: BehaviourView }[] = await manager.query(
    `SELECT jsonb_build_object(
       'registration', s.registration_id,
       'seed', jsonb_build_object(
         'id', s.id, 'dataset', s.dataset_id, 'scheme', $2::text, 'challenges', s.challenges,
         'secretCommitment', s.secret_commitment, 'value', s.value,
         'statement', s.statement, 'recordedIndex', s.recorded_index),
       'answers', CASE WHEN b.id IS NOT NULL THEN jsonb_build_object(
         'id', b.id, 'maker', b.maker, 'answersCommitment', b.answers_commitment,
         'statement', b.statement, 'recordedIndex', b.recorded_index) END) AS view
     FROM registry.behaviour_seed s LEFT JOIN registry.behaviour b USING (registration_id)
     WHERE s.registration_id = $1`,
    [registration, CHALLENGE_SCHEME],
  );
  return row?.view;
}
