/** The look-up: one query for everything on record about a digest. */
import type { Digest } from '../core/digest.ts';
import type { DataSource } from '../platform/database/index.ts';
import { prepared } from '../platform/database/index.ts';
import type { ProvenanceMatch } from './provenance.schema.ts';

export interface Found extends Omit<ProvenanceMatch, 'receipts' | 'recordedAt'> {
  recordedAt: Date;
  /** Indexes of the statements behind the registration, its run, its datasets. */
  indexes: { registration: number; run: number | null; datasets: number[] };
}

/** More registrations of one digest than this are not shown; nobody honest has so many. */
const MAX_MATCHES = 100;

const LOOKUP = `SELECT md.kind AS matched,
       r.document || jsonb_build_object(
         'id', r.id, 'modelDigest', r.model_digest, 'maker', r.maker,
         'statement', r.statement, 'recordedIndex', r.recorded_index) AS model,
       r.document -> 'license' AS license,
       r.preceded_by AS "precededBy",
       s.recorded_at AS "recordedAt",
       o.owners,
       CASE WHEN u.id IS NULL THEN NULL
         ELSE u.document || jsonb_build_object('id', u.id, 'statement', u.statement, 'recordedIndex', u.recorded_index)
       END AS run,
       coalesce(d.datasets, '[]') AS datasets,
       coalesce(p.parents, '[]') AS parents,
       jsonb_build_object('registration', r.recorded_index, 'run', u.recorded_index,
         'datasets', coalesce(d.indexes, '[]')) AS indexes
     FROM registry.model_digest md
     JOIN registry.registration r ON r.id = md.registration_id
     JOIN ledger.statement s ON s.index = r.recorded_index
     LEFT JOIN registry.run u ON u.id = r.run_id
     CROSS JOIN LATERAL (
       SELECT jsonb_agg(jsonb_build_object('party', t.party_id, 'name', n.value,
         'share', t.share_num || '/' || t.share_den, 'sinceIndex', t.recorded_index)
         ORDER BY t.share_num::numeric / t.share_den DESC, t.party_id) AS owners
       FROM registry.title t
       JOIN registry.party y ON y.id = t.party_id
       LEFT JOIN registry.disclosure n ON n.commitment = y.name_commitment
       WHERE t.registration_id = r.id
     ) o
     LEFT JOIN LATERAL (
       SELECT jsonb_agg(x.document || jsonb_build_object('id', x.id, 'maker', x.maker, 'statement', x.statement,
           'recordedIndex', x.recorded_index) ORDER BY x.recorded_index) AS datasets,
         jsonb_agg(x.recorded_index ORDER BY x.recorded_index) AS indexes
       FROM jsonb_array_elements_text(r.document -> 'datasets') AS k(id)
       JOIN registry.dataset x ON x.id = k.id
     ) d ON jsonb_array_length(r.document -> 'datasets') > 0
     LEFT JOIN LATERAL (
       SELECT jsonb_agg(jsonb_build_object('relation', l.relation, 'digest', l.digest, 'standing', l.standing)
         ORDER BY l.position) AS parents
       FROM registry.relation l WHERE l.registration_id = r.id
     ) p ON jsonb_array_length(r.document -> 'parents') > 0
     WHERE md.digest = $1 ORDER BY r.recorded_index LIMIT ${MAX_MATCHES}`;

export const findByDigest = (database: DataSource, digest: Digest): Promise<Found[]> =>
  prepared<Found>(database, 'provenance', LOOKUP, [digest]);
