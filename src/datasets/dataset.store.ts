/** SQL over datasets. */
import type { EntityManager } from 'typeorm';
import type { Digest } from '../core/digest.ts';
import type { DatasetSource, DatasetView } from './dataset.schema.ts';

const VIEW = `
  SELECT d.document || jsonb_build_object(
    'id', d.id, 'maker', d.maker, 'statement', d.statement, 'recordedIndex', d.recorded_index,
    'holder', (d.document -> 'holder') || jsonb_build_object('name', n.value)) AS view
  FROM registry.dataset d
  LEFT JOIN registry.party h ON h.id = d.document -> 'holder' ->> 'party'
  LEFT JOIN registry.disclosure n
    ON n.commitment = coalesce(h.name_commitment, d.document -> 'holder' ->> 'nameCommitment')`;

export async function findDataset(manager: EntityManager, id: string): Promise<DatasetView | undefined> {
  const [row]: { view: DatasetView }[] = await manager.query(`${VIEW} WHERE d.id = $1`, [id]);
  return row?.view;
}

/** In the order of recording, at most 1,000. */
export async function listDatasets(manager: EntityManager, manifestDigest?: string): Promise<DatasetView[]> {
  const rows: { view: DatasetView }[] = await manager.query(
    `${VIEW} WHERE $1::text IS NULL OR d.manifest_digest = $1 ORDER BY d.recorded_index LIMIT 1000`,
    [manifestDigest ?? null],
  );
  return rows.map((row) => row.view);
}

/** Those of the datasets that are on record, in the order of recording. */
export async function listSources(manager: EntityManager, ids: readonly string[]): Promise<DatasetSource[]> {
  const rows: { view: DatasetSource }[] = await manager.query(
    `SELECT v.view - 'files' AS view FROM (${VIEW} WHERE d.id = ANY ($1)) v
     ORDER BY (v.view ->> 'recordedIndex')::bigint`,
    [ids],
  );
  return rows.map((row) => row.view);
}

/** Notes that the dataset's maker handed a file in. */
export async function insertStoredFile(manager: EntityManager, id: string, digest: Digest): Promise<void> {
  await manager.query(
    `INSERT INTO ops.dataset_file (dataset_id, file_digest) VALUES ($1, $2) ON CONFLICT (dataset_id, file_digest) DO NOTHING`,
    [id, digest],
  );
}

export async function listStoredFiles(manager: EntityManager, id: string): Promise<Digest[]> {
  const rows: { digest: Digest }[] = await manager.query(
    `SELECT file_digest AS digest FROM ops.dataset_file WHERE dataset_id = $1`,
    [id],
  );
  return rows.map(({ digest }) => digest);
}
