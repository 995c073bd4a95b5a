/**
 * SQL over fingerprints. A search takes two steps: the SimHashes of all give a shortlist, by an index of pgvector where
 * there is one and by counting bits where there is none; of the shortlist alone the vectors are read.
 */
import type { EntityManager } from 'typeorm';
import { SIMHASH_BITS } from '../core/fingerprint/simhash.ts';
import type { Candidate, FingerprintView } from './fingerprint.schema.ts';

/** Which models a search looks at exactly. */
export interface Shortlisted {
  registrationId: string;
  maker: string;
  retrieval: string;
}

export interface Asked {
  scheme: string;
  /** 1024 bits as `0` and `1` */
  simhash: string;
}

/** Of a row `f`, as the answers tell it. */
export const VIEW = `f.registration_id AS registration, f.maker, f.statement, f.recorded_index::float8 AS "recordedIndex",
  jsonb_build_object('scheme', f.scheme, 'shape', f.shape, 'retrieval', f.retrieval, 'layers', f.layers,
    'outputs', f.outputs) AS fingerprint`;

/** In log order. */
export const fingerprintsOf = (manager: EntityManager, registration: string): Promise<FingerprintView[]> =>
  manager.query(`SELECT ${VIEW} FROM registry.fingerprint f WHERE registration_id = $1 ORDER BY recorded_index`, [
    registration,
  ]);

/** The index of pgvector (`near-index.ts`), made or not. */
export const NEAR_INDEX = 'registry.fingerprint_near';

/** Whether there is an index of pgvector that answers. */
export async function hasNearIndex(manager: EntityManager): Promise<boolean> {
  const [row]: { valid: boolean | null }[] = await manager.query(
    `SELECT (SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)) AS valid`,
    [NEAR_INDEX],
  );
  return row!.valid === true;
}

/** Those whose SimHashes differ in the fewest bits, all of them compared. Sessions here avoid such scans but for this. */
export const shortlistByScan = (
  manager: EntityManager,
  { scheme, simhash }: Asked,
  size: number,
): Promise<Shortlisted[]> =>
  manager.transaction(async (transaction) => {
    await transaction.query(`SET LOCAL enable_seqscan = on`);
    await transaction.query(`SET LOCAL enable_indexscan = off`);
    await transaction.query(`SET LOCAL enable_bitmapscan = off`);
    return transaction.query(
      `SELECT registration_id AS "registrationId", maker, retrieval FROM registry.fingerprint WHERE scheme = $1
       ORDER BY bit_count(simhash # $2::bit(${SIMHASH_BITS})), recorded_index LIMIT $3`,
      [scheme, simhash, size],
    );
  });

/** Nearly the same by the index; now and then it misses one. */
export const shortlistByIndex = (
  manager: EntityManager,
  { scheme, simhash }: Asked,
  size: number,
): Promise<Shortlisted[]> =>
  manager.transaction(async (transaction) => {
    await transaction.query(`SELECT set_config('hnsw.ef_search', $1, true)`, [String(size)]);
    // The index is in the order that is asked for, whatever the planner thinks of its costs.
    await transaction.query(`SET LOCAL enable_sort = off`);
    return transaction.query(
      `SELECT registration_id AS "registrationId", maker, retrieval FROM registry.fingerprint WHERE scheme = $1
       ORDER BY simhash <~> $2::bit(${SIMHASH_BITS}) LIMIT $3`,
      [scheme, simhash, size],
    );
  });

/** What the answer tells of candidates, in their order. */
export const describe = (
  manager: EntityManager,
  scheme: string,
  nearest: readonly { registrationId: string; maker: string; nearness: number }[],
): Promise<Candidate[]> =>
  manager.query(
    `SELECT ${VIEW}, k.nearness, r.name, r.model_digest AS "modelDigest", r.recorded_index::float8 AS "registeredIndex"
     FROM unnest($2::text[], $3::text[], $4::float8[]) WITH ORDINALITY AS k(registration_id, maker, nearness, at)
     JOIN registry.fingerprint f ON f.registration_id = k.registration_id AND f.scheme = $1 AND f.maker = k.maker
     JOIN registry.registration r ON r.id = f.registration_id ORDER BY k.at`,
    [
      scheme,
      nearest.map(({ registrationId }) => registrationId),
      nearest.map(({ maker }) => maker),
      nearest.map(({ nearness }) => nearness),
    ],
  );
