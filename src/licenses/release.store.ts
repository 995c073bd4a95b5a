/** SQL over what a release tells of the models and datasets of a lineage, beside their names and licenses. */
import type { EntityManager } from 'typeorm';
import type { ReleasePart } from '../core/licensing/release.ts';
import { prepared } from '../platform/database/index.ts';

const FACTS = `
  SELECT r.id, r.license_text_digest AS "textDigest", n.value AS holder, NULL AS source
  FROM registry.registration r JOIN registry.party p ON p.id = r.maker
  LEFT JOIN registry.disclosure n ON n.commitment = p.name_commitment
  WHERE r.id = ANY ($1)
  UNION ALL
  SELECT d.id, NULL, n.value, d.document ->> 'originUrl'
  FROM registry.dataset d LEFT JOIN registry.party h ON h.id = d.document -> 'holder' ->> 'party'
  LEFT JOIN registry.disclosure n ON n.commitment = coalesce(h.name_commitment, d.document -> 'holder' ->> 'nameCommitment')
  WHERE d.id = ANY ($1)`;

export type ReleaseFacts = Pick<ReleasePart, 'holder' | 'id' | 'source' | 'textDigest'>;

export const findReleaseFacts = (manager: EntityManager, ids: readonly string[]): Promise<ReleaseFacts[]> =>
  prepared<ReleaseFacts>(manager, FACTS, [ids]);
