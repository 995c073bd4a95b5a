/** SQL over the licenses that owners offer. Everything about them is public. */
import type { EntityManager } from 'typeorm';
import { prepared } from '../platform/database/index.ts';
import type { LicenseQuery, LicenseView } from './license.schema.ts';

const LICENSE = `
  l.document || jsonb_build_object('id', l.id, 'licensor', l.licensor, 'version', l.version,
    'state', CASE WHEN l.ended_index IS NULL THEN 'offered' ELSE 'ended' END, 'statement', l.statement,
    'recordedIndex', l.recorded_index, 'endedIndex', l.ended_index) AS view`;

export async function findLicense(manager: EntityManager, id: string): Promise<LicenseView | undefined> {
  const [row] = await prepared<{ view: LicenseView }>(
    manager,
    `SELECT ${LICENSE} FROM registry.license l WHERE l.id = $1`,
    [id],
  );
  return row?.view;
}

/** In log order. */
export async function listLicenses(
  manager: EntityManager,
  { asset, licensor, state, after, limit }: LicenseQuery,
): Promise<LicenseView[]> {
  const rows: { view: LicenseView }[] = await manager.query(
    `SELECT ${LICENSE} FROM registry.license l
     WHERE ($1::text IS NULL OR l.asset_id = $1) AND ($2::text IS NULL OR l.licensor = $2)
       AND ($3::text IS NULL OR (l.ended_index IS NULL) = ($3 = 'offered')) AND l.recorded_index > $4
     ORDER BY l.recorded_index LIMIT $5`,
    [asset ?? null, licensor ?? null, state ?? null, after ?? -1, limit],
  );
  return rows.map(({ view }) => view);
}
