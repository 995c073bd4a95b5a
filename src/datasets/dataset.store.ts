/** SQL over datasets. */
import type { EntityManager } from 'typeorm';
import type { DatasetView } from './dataset.schema.ts';

const VIEW = `
  SELECT d.document || jsonb_build_object(
    'id', d.id, 'maker', d.maker, 'statement', d.statement, 'recordedIndex', d.recorded_index) AS view
  FROM registry.dataset d`;

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
