/** SQL over rights records. */
import type { EntityManager } from 'typeorm';
import { bodyOf } from '../ledger/index.ts';
import type { Page, RightsRecorded } from './protection.schema.ts';

const VIEW = `
  SELECT (${bodyOf('s')}) || jsonb_build_object(
    'id', r.id, 'maker', r.maker, 'supersedes', r.supersedes, 'standing', c.record_id = r.id,
    'statement', r.statement, 'recordedIndex', r.recorded_index) AS view
  FROM registry.rights_record r
  JOIN registry.rights_standing c USING (about, maker, respect)
  JOIN ledger.statement s ON s.index = r.recorded_index`;

/**
 * The newest first.
 * @param respect how the records' respect begins: with the kind, say, or with kind and jurisdiction
 */
export async function listRecords<View extends RightsRecorded>(
  manager: EntityManager,
  about: string,
  respect: string,
  { maker, history, before, limit }: Page,
): Promise<View[]> {
  const rows: { view: View }[] = await manager.query(
    `${VIEW} WHERE r.about = $1 AND starts_with(r.respect, $2) AND ($3::text IS NULL OR r.maker = $3)
       AND ($4 OR c.record_id = r.id) AND ($5::bigint IS NULL OR r.recorded_index < $5)
     ORDER BY r.recorded_index DESC LIMIT $6`,
    [about, respect, maker ?? null, history === 'yes', before ?? null, limit],
  );
  return rows.map(({ view }) => view);
}

/** What stands of some assets in one respect, in log order, made by those who own or made the asset now. */
export async function listStanding<View extends RightsRecorded>(
  manager: EntityManager,
  respect: string,
  about: readonly string[],
): Promise<View[]> {
  const rows: { view: View }[] = await manager.query(
    `${VIEW} WHERE r.about = ANY ($1) AND r.respect = $2 AND c.record_id = r.id
       AND (EXISTS (SELECT 1 FROM registry.title t
              WHERE t.asset_id = r.about AND t.party_id = r.maker AND t.share_num > 0)
         OR EXISTS (SELECT 1 FROM registry.dataset d WHERE d.id = r.about))
     ORDER BY r.recorded_index`,
    [about, respect],
  );
  return rows.map(({ view }) => view);
}

/** How many bytes `listStanding` would read. */
export async function sizeOfStanding(
  manager: EntityManager,
  respect: string,
  about: readonly string[],
): Promise<number> {
  const [row]: { bytes: string }[] = await manager.query(
    `SELECT coalesce(sum(octet_length(s.payload)), 0) AS bytes
     FROM registry.rights_standing c JOIN ledger.statement s ON s.index = c.recorded_index
     WHERE c.about = ANY ($1) AND c.respect = $2`,
    [about, respect],
  );
  return Number(row!.bytes);
}
