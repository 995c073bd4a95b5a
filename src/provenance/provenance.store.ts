/**
 * The look-up in three queries. The first is asked again when the log has grown, for all look-ups of one moment together:
 * which registrations a digest belongs to, what of them can change (owners, the standing of relations), and who is known
 * to have had it earlier. The second is asked once for each registration: what its statement, its run's and its
 * datasets' say, which never changes. The third is asked every time: how far the log has grown, and the names, which can
 * be erased and are never kept.
 */
import type { Digest } from '../core/digest.ts';
import { bodyOf } from '../ledger/index.ts';
import type { DataSource } from '../platform/database/index.ts';
import { prepared } from '../platform/database/index.ts';
import { statedIn } from '../sealed/index.ts';
import type { Possession, ProvenanceMatch } from './provenance.schema.ts';

type Owner = ProvenanceMatch['owners'][number];

/** What is on record about one digest, but for the names of parties. */
export interface Found {
  readonly digest: Digest;
  /** In log order */
  readonly current: readonly (Pick<ProvenanceMatch, 'matched' | 'parents'> & {
    registrationId: string;
    owners: readonly (Omit<Owner, 'name'> & { nameCommitment: Digest })[];
    /** Of each assignment in force the places of its statements; null where there is none. One more than is shown, if so */
    transfers: readonly (readonly number[])[] | null;
  })[];
  /** In the order in which they were sealed */
  readonly possessed: readonly Omit<Possession, 'receipts'>[];
}

export interface Recorded extends Pick<
  ProvenanceMatch,
  'datasets' | 'license' | 'model' | 'precededBy' | 'recordedAt' | 'run'
> {
  registrationId: string;
  /** What the names of the datasets' holders are committed to, in the order of `datasets`. */
  holders: Digest[];
  /** As the statement has them; what their names are committed to instead of the names */
  contributors: (Omit<ProvenanceMatch['contributors'][number], 'name'> & { nameCommitment: Digest })[];
  /** Indexes of the statements behind the registration, its run, its datasets. */
  indexes: { registration: number; run: number | null; datasets: number[] };
}

/** More registrations of one digest than this are not shown; nobody honest has so many. */
const MAX_MATCHES = 100;

/** A longer chain of title is proved by the abstract of title, page by page. */
export const MAX_TRANSFERS = 20;

/** Registrations that have a digest; where it is two things of one registration, the first query that asks for it counts. */
const matching = (kind: string, condition: string): string => `
  (SELECT '${kind}' AS kind, r.id AS registration_id, r.recorded_index FROM registry.registration r
   WHERE ${condition} ORDER BY r.recorded_index LIMIT ${MAX_MATCHES})`;

/** Of one file; of several it is their file digest. As the index `registration_root` has it. */
const ROOT = `sha256(decode(substr(r.file_digest, 8), 'hex'))`;

const FOUND = `
  SELECT (SELECT size::float8 FROM ledger.log_head) AS size, k.digest,
    coalesce(
      (SELECT json_agg(json_build_object('matched', m.kind, 'registrationId', m.registration_id,
          'owners', (
            SELECT json_agg(json_build_object('party', t.party_id, 'nameCommitment', y.name_commitment,
                'share', t.share_num || '/' || t.share_den, 'sinceIndex', t.recorded_index)
              ORDER BY t.share_num::numeric / t.share_den DESC, t.party_id)
            FROM registry.title t
            JOIN registry.party y ON y.id = t.party_id
            WHERE t.asset_id = m.registration_id AND t.share_num > 0),
          'transfers', (
            SELECT json_agg(i.indexes ORDER BY i.in_force_index) FROM (
              SELECT i.in_force_index, i.recorded_index || ARRAY(
                SELECT a.recorded_index FROM registry.instrument_act a
                WHERE a.instrument_id = i.id ORDER BY a.recorded_index) AS indexes
              FROM registry.instrument i
              WHERE i.asset_id = m.registration_id AND i.in_force_index IS NOT NULL AND i.type IN ('assignment', 'transmission')
              ORDER BY i.in_force_index LIMIT ${MAX_TRANSFERS + 1}) i),
          'parents', coalesce(
            (SELECT json_agg(json_build_object('relation', l.relation, 'digest', l.digest, 'standing', coalesce((
                  SELECT f.standing FROM registry.lineage_standing f
                  WHERE f.registration_id = l.registration_id AND f.relation = l.relation
                    AND f.parent = coalesce(l.parent_index::text, l.digest)), l.standing))
              ORDER BY l.position)
             FROM registry.relation l WHERE l.registration_id = m.registration_id), '[]'))
        ORDER BY m.recorded_index)
       FROM (
         ${matching('file', 'r.file_digest = k.digest')}
         UNION ALL ${matching('weight', 'r.model_digest = k.digest AND r.file_digest <> k.digest')}
         UNION ALL ${matching('nameless', 'r.nameless_digest = k.digest AND r.file_digest <> k.digest AND r.model_digest <> k.digest')}
         UNION ALL ${matching('root', `${ROOT} = decode(substr(k.digest, 8), 'hex')`)}
         ORDER BY recorded_index LIMIT ${MAX_MATCHES}
       ) m), '[]') AS current,
    coalesce(
      (SELECT json_agg(json_build_object('sealed', p.sealed_id, 'maker', p.maker, 'subject', p.subject,
          'sealedIndex', p.sealed_index, 'openedIndex', p.recorded_index,
          'stated', coalesce((${statedIn('p.maker', 'p.sealed_id')}), '[]')) ORDER BY p.sealed_index)
       FROM (
         SELECT * FROM registry.possession WHERE digest = k.digest ORDER BY sealed_index LIMIT ${MAX_MATCHES}
       ) p), '[]') AS possessed
  FROM unnest($1::text[]) AS k(digest)`;

/** One for each digest, as the log of `size` entries has it. */
export const findByDigest = (
  database: DataSource,
  digests: readonly Digest[],
): Promise<(Found & { readonly size: number })[]> => prepared(database.manager, FOUND, [digests]);

const RECORDED = `
  SELECT r.id AS "registrationId",
    b.body || jsonb_build_object(
      'id', r.id, 'modelDigest', r.model_digest, 'maker', r.maker,
      'statement', r.statement, 'recordedIndex', r.recorded_index) AS model,
    b.body -> 'license' AS license,
    r.preceded_by AS "precededBy",
    s.recorded_at AS "recordedAt",
    CASE WHEN u.id IS NULL THEN NULL
      ELSE u.document || jsonb_build_object('id', u.id, 'statement', u.statement, 'recordedIndex', u.recorded_index)
    END AS run,
    coalesce(d.datasets, '[]') AS datasets,
    coalesce(d.holders, '[]') AS holders,
    coalesce(
      (SELECT jsonb_agg(jsonb_build_object('party', c.party, 'role', c.role, 'nameCommitment', y.name_commitment)
         ORDER BY c.place)
       FROM ROWS FROM (jsonb_to_recordset(b.body -> 'contributors') AS (party text, role text))
         WITH ORDINALITY AS c(party, role, place)
       JOIN registry.party y ON y.id = c.party), '[]') AS contributors,
    jsonb_build_object('registration', r.recorded_index, 'run', u.recorded_index,
      'datasets', coalesce(d.indexes, '[]')) AS indexes
  FROM registry.registration r
  JOIN ledger.statement s ON s.index = r.recorded_index
  CROSS JOIN LATERAL (SELECT ${bodyOf('s')} AS body) b
  LEFT JOIN registry.run u ON u.id = r.run_id
  CROSS JOIN LATERAL (
    SELECT jsonb_agg(x.document || jsonb_build_object('id', x.id, 'maker', x.maker, 'statement', x.statement,
        'recordedIndex', x.recorded_index) ORDER BY x.recorded_index) AS datasets,
      jsonb_agg(coalesce(h.name_commitment, x.document -> 'holder' ->> 'nameCommitment')
        ORDER BY x.recorded_index) AS holders,
      jsonb_agg(x.recorded_index ORDER BY x.recorded_index) AS indexes
    FROM jsonb_array_elements_text(b.body -> 'datasets') AS k(id)
    JOIN registry.dataset x ON x.id = k.id
    LEFT JOIN registry.party h ON h.id = x.document -> 'holder' ->> 'party'
  ) d
  WHERE r.id = ANY ($1)`;

/** The values of commitments as they stand now, without those that were erased, and how many entries the log has. */
export async function findNames(
  database: DataSource,
  commitments: readonly Digest[],
): Promise<{ size: number; names: Map<Digest, string> }> {
  const rows = await prepared<{ size: number; commitment: Digest | null; value: string }>(
    database.manager,
    `SELECT h.size::float8 AS size, d.commitment, d.value
     FROM ledger.log_head h LEFT JOIN registry.disclosure d ON d.commitment = ANY ($1)`,
    [commitments],
  );
  const named = rows.flatMap(({ commitment, value }) => (commitment === null ? [] : [[commitment, value] as const]));
  return { size: rows[0]!.size, names: new Map(named) };
}

export async function findRecorded(database: DataSource, registrationIds: readonly string[]): Promise<Recorded[]> {
  const rows = await prepared<Omit<Recorded, 'recordedAt'> & { recordedAt: Date }>(database.manager, RECORDED, [
    registrationIds,
  ]);
  return rows.map((row) => ({ ...row, recordedAt: row.recordedAt.toISOString() }));
}
