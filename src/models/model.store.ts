/** SQL over registrations. */
import type { EntityManager } from 'typeorm';
import type { Digest } from '../core/digest.ts';
import type { ProposalBasis } from '../core/registry/contributor.ts';
import { bodyOf } from '../ledger/index.ts';
import type {
  ContributionQuery,
  ContributionView,
  ModelQuery,
  ModelSignatureView,
  RecordedModel,
} from './model.schema.ts';

const VIEW = `
  SELECT (${bodyOf('s')}) || jsonb_build_object(
    'id', r.id, 'modelDigest', r.model_digest, 'maker', r.maker, 'precededBy', r.preceded_by,
    'statement', r.statement, 'recordedIndex', r.recorded_index) AS view
  FROM registry.registration r JOIN ledger.statement s ON s.index = r.recorded_index`;

export async function findModel(manager: EntityManager, id: string): Promise<RecordedModel | undefined> {
  const [row]: { view: RecordedModel }[] = await manager.query(`${VIEW} WHERE r.id = $1`, [id]);
  return row?.view;
}

/** The newest first. */
export async function listModels(
  manager: EntityManager,
  { owner, before, limit }: ModelQuery,
): Promise<RecordedModel[]> {
  const rows: { view: RecordedModel }[] = await manager.query(
    `${VIEW}
     WHERE ($1::bigint IS NULL OR r.recorded_index < $1)
       AND ($2::text IS NULL OR EXISTS (
         SELECT 1 FROM registry.title t WHERE t.asset_id = r.id AND t.party_id = $2 AND t.share_num > 0))
     ORDER BY r.recorded_index DESC LIMIT $3`,
    [before ?? null, owner ?? null, limit],
  );
  return rows.map((row) => row.view);
}

/** What a run on record tells of its contributors; undefined for one that is not on record. */
export async function findProposalBasis(manager: EntityManager, run: string): Promise<ProposalBasis | undefined> {
  const [row]: ProposalBasis[] = await manager.query(
    `SELECT jsonb_build_object('owner', r.owner, 'compute', r.document -> 'compute') AS run,
       jsonb_build_object('maker', d.maker, 'holder', d.document -> 'holder', 'license', d.document -> 'license') AS dataset
     FROM registry.run r JOIN registry.dataset d ON d.id = r.document ->> 'dataset' WHERE r.id = $1`,
    [run],
  );
  return row;
}

/** The newest first; undefined for a party that is not on record. */
export async function listContributions(
  manager: EntityManager,
  party: string,
  { before, limit }: ContributionQuery,
): Promise<ContributionView[] | undefined> {
  const [row]: { contributions: ContributionView[] }[] = await manager.query(
    `SELECT coalesce((
       SELECT jsonb_agg(jsonb_build_object('registration', c.registration_id, 'name', r.name,
           'modelDigest', r.model_digest, 'roles', c.roles, 'statement', r.statement,
           'recordedIndex', r.recorded_index) ORDER BY c.recorded_index DESC)
       FROM (
         SELECT recorded_index, registration_id, array_agg(role ORDER BY role) AS roles FROM registry.contributor
         WHERE party_id = p.id AND ($2::bigint IS NULL OR recorded_index < $2)
         GROUP BY recorded_index, registration_id ORDER BY recorded_index DESC LIMIT $3
       ) c
       JOIN registry.registration r ON r.id = c.registration_id
     ), '[]') AS contributions
     FROM registry.party p WHERE p.id = $1`,
    [party, before ?? null, limit],
  );
  return row?.contributions;
}

/** Notes that weights were handed in under a registration. */
export async function insertStoredArtifact(manager: EntityManager, registrationId: string): Promise<void> {
  await manager.query(
    `INSERT INTO ops.model_artifact (registration_id) VALUES ($1) ON CONFLICT (registration_id) DO NOTHING`,
    [registrationId],
  );
}

/** Whether weights came here by the registration's own maker: handed in, or out of its run. @param row a registration */
export const ownArtifact = (row: string): string =>
  `(${row}.run_id IS NOT NULL OR EXISTS (SELECT 1 FROM ops.model_artifact a WHERE a.registration_id = ${row}.id))`;

/** Those of the registrations whose weights came here by their own makers: handed in, or out of their run. */
export async function withOwnArtifact(manager: EntityManager, ids: readonly string[]): Promise<Set<string>> {
  const rows: { id: string }[] = await manager.query(
    `SELECT r.id FROM registry.registration r WHERE r.id = ANY ($1) AND ${ownArtifact('r')}`,
    [ids],
  );
  return new Set(rows.map(({ id }) => id));
}

export async function holdsTitle(manager: EntityManager, registrationId: string, partyId: string): Promise<boolean> {
  const rows: unknown[] = await manager.query(
    `SELECT 1 FROM registry.title WHERE asset_id = $1 AND party_id = $2 AND share_num > 0`,
    [registrationId, partyId],
  );
  return rows.length > 0;
}

/** In log order. */
export async function listSignatures(manager: EntityManager, registrationId: string): Promise<ModelSignatureView[]> {
  const rows: (Omit<ModelSignatureView, 'recordedIndex'> & { recordedIndex: string })[] = await manager.query(
    `SELECT id, maker, statement, recorded_index AS "recordedIndex" FROM registry.model_signature
     WHERE registration_id = $1 ORDER BY recorded_index LIMIT 1000`,
    [registrationId],
  );
  return rows.map((row) => ({ ...row, recordedIndex: Number(row.recordedIndex) }));
}

export async function findSignature(manager: EntityManager, id: string): Promise<{ statement: Digest } | undefined> {
  const rows: { statement: Digest }[] = await manager.query(
    `SELECT statement FROM registry.model_signature WHERE id = $1`,
    [id],
  );
  return rows[0];
}
