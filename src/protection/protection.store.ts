/** SQL over rights records. */
import type { EntityManager } from 'typeorm';
import { bodyOf } from '../ledger/index.ts';
import type { Page, RightsRecorded } from './protection.schema.ts';

const RECORDS = `
  FROM registry.rights_record r
  JOIN registry.rights_standing c USING (about, maker, respect)
  JOIN ledger.statement s ON s.index = r.recorded_index`;

const VIEW = `(${bodyOf('s')}) || jsonb_build_object(
    'id', r.id, 'maker', r.maker, 'supersedes', r.supersedes, 'standing', c.record_id = r.id,
    'statement', r.statement, 'recordedIndex', r.recorded_index)`;

/** The records that a reader asks for, and how they are asked for. */
export interface Choice {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/**
 * The newest first.
 * @param respect how the records' respect begins: with the kind, say, or with kind and jurisdiction
 */
export const recordsOf = (about: string, respect: string, { maker, history, before, limit }: Page): Choice => ({
  sql: `${RECORDS}
    WHERE r.about = $1 AND starts_with(r.respect, $2) AND ($3::text IS NULL OR r.maker = $3)
      AND ($4 OR c.record_id = r.id) AND ($5::bigint IS NULL OR r.recorded_index < $5)
    ORDER BY r.recorded_index DESC LIMIT $6`,
  parameters: [about, respect, maker ?? null, history === 'yes', before ?? null, limit],
});

/** What stands of some assets in one respect, in log order, made by those who own or made the asset now. */
export const standingOf = (about: readonly string[], respect: string): Choice => ({
  sql: `${RECORDS}
    WHERE r.about = ANY ($1) AND r.respect = $2 AND c.record_id = r.id
      AND (EXISTS (SELECT 1 FROM registry.title t
             WHERE t.asset_id = r.about AND t.party_id = r.maker AND t.share_num > 0)
        OR EXISTS (SELECT 1 FROM registry.dataset d WHERE d.id = r.about))
    ORDER BY r.recorded_index`,
  parameters: [about, respect],
});

export async function listChosen<View extends RightsRecorded>(
  manager: EntityManager,
  { sql, parameters }: Choice,
): Promise<View[]> {
  const rows: { view: View }[] = await manager.query(`SELECT ${VIEW} AS view ${sql}`, [...parameters]);
  return rows.map(({ view }) => view);
}

/** How many bytes `listChosen` would read; they are not read for that. */
export async function sizeOfChosen(manager: EntityManager, { sql, parameters }: Choice): Promise<number> {
  const [row]: { bytes: string }[] = await manager.query(
    `SELECT coalesce(sum(bytes), 0) AS bytes FROM (SELECT octet_length(s.payload) AS bytes ${sql}) chosen`,
    [...parameters],
  );
  return Number(row!.bytes);
}
