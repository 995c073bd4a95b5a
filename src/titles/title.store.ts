/** SQL over title: instruments, what they moved, and what rests on an asset. Everything about title is public. */
import type { EntityManager } from 'typeorm';
import type { Digest } from '../core/digest.ts';
import type { Moment, Transfer } from '../core/title/chain.ts';
import type { Quorums } from '../core/title/terms.ts';
import { prepared } from '../platform/database/index.ts';
import type { AbstractQuery, HeldInterest, InstrumentQuery, InstrumentView, InterestView } from './title.schema.ts';

const INSTRUMENT = `
  i.document || jsonb_build_object('id', i.id, 'maker', i.maker, 'state', i.state, 'accepted', i.accepted,
    'consented', i.consented, 'statement', i.statement, 'recordedIndex', i.recorded_index,
    'inForceIndex', i.in_force_index, 'endedIndex', i.ended_index,
    'acts', coalesce(
      (SELECT jsonb_agg(jsonb_build_object('id', a.id, 'act', a.act, 'maker', a.maker, 'statement', a.statement,
         'recordedIndex', a.recorded_index) ORDER BY a.recorded_index)
       FROM registry.instrument_act a WHERE a.instrument_id = i.id), '[]')) AS view`;

/** As it is kept; how sure it is is told when it is shown. */
export type KeptInstrument = Omit<InstrumentView, 'opposition'>;

export async function findInstrument(manager: EntityManager, id: string): Promise<KeptInstrument | undefined> {
  const [row] = await prepared<{ view: KeptInstrument }>(
    manager,
    `SELECT ${INSTRUMENT} FROM registry.instrument i WHERE i.id = $1`,
    [id],
  );
  return row?.view;
}

/** The newest offers first. */
export async function listInstruments(
  manager: EntityManager,
  { asset, party, state, before, limit }: InstrumentQuery,
): Promise<KeptInstrument[]> {
  const rows: { view: KeptInstrument }[] = await manager.query(
    `SELECT ${INSTRUMENT} FROM registry.instrument i
     WHERE ($1::text IS NULL OR i.asset_id = $1)
       AND ($2::text IS NULL OR i.maker = $2 OR i.counterparties @> ARRAY[$2])
       AND ($3::text IS NULL OR i.state = $3) AND ($4::bigint IS NULL OR i.recorded_index < $4)
     ORDER BY i.recorded_index DESC LIMIT $5`,
    [asset ?? null, party ?? null, state ?? null, before ?? null, limit],
  );
  return rows.map(({ view }) => view);
}

/** Offers whose time is over, as the clock of the database has it. */
export async function overdueInstruments(manager: EntityManager, limit: number): Promise<string[]> {
  const rows: { id: string }[] = await manager.query(
    `SELECT id FROM registry.instrument WHERE state IN ('offered', 'accepted')
       AND (document ->> 'lapsesAt')::timestamptz < now() ORDER BY recorded_index LIMIT $1`,
    [limit],
  );
  return rows.map(({ id }) => id);
}

export interface AssetRow {
  asset: string;
  name: string;
  maker: string;
  statement: Digest;
  recordedIndex: number;
  existsFrom: string;
  owners: { party: string; share: string }[];
  quorums: Quorums | null;
}

/**
 * The statement that put an asset on record. A dataset has an owner where its holder registered it.
 * @param asset the id of a registration or a dataset
 */
const ASSETS = `
  SELECT r.id AS asset, r.name, r.maker, r.statement, r.recorded_index, convert_from(s.payload, 'UTF8')::jsonb AS said
  FROM registry.registration r JOIN ledger.statement s ON s.index = r.recorded_index WHERE r.id = ANY ($1)
  UNION ALL
  SELECT d.id, d.name, d.maker, d.statement, d.recorded_index, convert_from(s.payload, 'UTF8')::jsonb
  FROM registry.dataset d JOIN ledger.statement s ON s.index = d.recorded_index WHERE d.id = ANY ($1)`;

export function findAssets(manager: EntityManager, ids: readonly string[]): Promise<AssetRow[]> {
  return prepared<AssetRow>(
    manager,
    `SELECT a.asset, a.name, a.maker, a.statement, a.recorded_index::float8 AS "recordedIndex",
       left(a.said #>> '{predicate,statedAt}', 10) AS "existsFrom",
       coalesce(a.said #> '{predicate,owners}',
         CASE WHEN a.said #>> '{predicate,holder,party}' = a.maker
           THEN jsonb_build_array(jsonb_build_object('party', a.maker, 'share', '1/1')) ELSE '[]' END) AS owners,
       t.quorums
     FROM (${ASSETS}) a LEFT JOIN registry.asset_terms t ON t.asset_id = a.asset`,
    [ids],
  );
}

/** What passed on by then, in log order. @param party only what it gave or got */
export function findTransfers(
  manager: EntityManager,
  assets: readonly string[],
  party: string | null,
  known: number,
): Promise<(Transfer & { asset: string; jurisdiction: string | null })[]> {
  return prepared(
    manager,
    `SELECT i.asset_id AS asset, i.id AS instrument, m."from", m."to", m.share,
       i.document ->> 'effectiveFrom' AS "effectiveFrom", i.document ->> 'jurisdiction' AS jurisdiction,
       i.in_force_index::float8 AS index
     FROM registry.instrument i CROSS JOIN LATERAL (
       SELECT i.maker AS "from", i.counterparties[1] AS "to", i.document #>> '{terms,share}' AS share
       WHERE i.type = 'assignment'
       UNION ALL
       SELECT i.document #>> '{terms,predecessor}', s.party, s.share
       FROM jsonb_to_recordset(i.document #> '{terms,shares}') AS s(party text, share text)
       WHERE i.type = 'transmission') m
     WHERE i.asset_id = ANY ($1) AND i.in_force_index < $3 AND ($2::text IS NULL OR $2 IN (m."from", m."to"))
     ORDER BY i.in_force_index`,
    [assets, party, known],
  );
}

const INTEREST = `
  x.id AS instrument, x.kind, h.grantor, h.holder, x.terms, i.document ->> 'effectiveFrom' AS "effectiveFrom",
    x.recorded_index::float8 AS "recordedIndex"`;

/** In whose hands an interest was on the day $2, as known with $3 entries, and on whose share it rested. */
const HANDS = `
  LEFT JOIN LATERAL (
    SELECT p.grantor, p.holder
    FROM registry.interest_passage p JOIN registry.instrument t ON t.id = p.instrument_id
    WHERE p.interest_id = x.id AND p.recorded_index < $3 AND t.document ->> 'effectiveFrom' <= $2
    ORDER BY p.recorded_index DESC LIMIT 1) p ON true
  CROSS JOIN LATERAL (
    SELECT coalesce(p.grantor, i.maker) AS grantor, coalesce(p.holder, i.counterparties[1]) AS holder) h`;

/** Those that stood on the day $2, as known with $3 entries. */
const STANDING = `
  x.recorded_index < $3 AND (x.ended_index IS NULL OR x.ended_index >= $3 OR x.ended_on > $2)
    AND i.document ->> 'effectiveFrom' <= $2 AND coalesce(x.terms ->> 'until', $2) >= $2`;

/** What rested on the asset at the moment, in log order. */
export function findInterests(
  manager: EntityManager,
  asset: string,
  { effective, known }: Moment,
): Promise<InterestView[]> {
  return prepared(
    manager,
    `SELECT ${INTEREST} FROM registry.interest x JOIN registry.instrument i ON i.id = x.id ${HANDS}
     WHERE x.asset_id = $1 AND ${STANDING} ORDER BY x.recorded_index`,
    [asset, effective, known],
  );
}

/** What the party had then, of what it has now or has passed on. */
const held = (candidates: string): string => `
  SELECT x.asset_id AS asset, ${INTEREST}
  FROM registry.interest x JOIN registry.instrument i ON i.id = x.id ${HANDS}
  WHERE ${candidates} AND h.holder = $1 AND x.id > $4 AND ${STANDING} ORDER BY x.id LIMIT $5`;

/** The interests that the party had at the moment, in the order of their instruments' ids. */
export function listInterests(
  manager: EntityManager,
  party: string,
  { effective, known }: Moment,
  { after, limit }: { after: string; limit: number },
): Promise<HeldInterest[]> {
  return prepared(
    manager,
    `SELECT x.*, coalesce(r.name, d.name) AS name FROM (
       (${held('x.holder = $1')}) UNION ALL
       (${held('x.id IN (SELECT interest_id FROM registry.interest_passage WHERE former_holder = $1 AND interest_id > $4) AND x.holder <> $1')})
       ORDER BY instrument LIMIT $5) x
     LEFT JOIN registry.registration r ON r.id = x.asset LEFT JOIN registry.dataset d ON d.id = x.asset
     ORDER BY x.instrument`,
    [party, effective, known, after, limit],
  );
}

/** Names as they stand now, by party; none of those that were erased. */
export async function findPartyNames(manager: EntityManager, parties: readonly string[]): Promise<Map<string, string>> {
  const rows = await prepared<{ id: string; value: string }>(
    manager,
    `SELECT p.id, d.value FROM registry.party p JOIN registry.disclosure d ON d.commitment = p.name_commitment
     WHERE p.id = ANY ($1)`,
    [parties],
  );
  return new Map(rows.map(({ id, value }) => [id, value]));
}

interface Signers {
  /** For whom the registry signed one of the statements */
  attested: string[];
  /** The predecessor of a transmission, where the registrar stated the succession */
  unsigned: string | null;
}

/**
 * Instruments in force on an asset, in the order in which they came into force, and who did not sign. A statement is
 * canonical JSON, so the member by which the registry says that it signed for somebody has one spelling.
 */
export async function listInForce(
  manager: EntityManager,
  asset: string,
  known: number,
  { after, limit }: Pick<AbstractQuery, 'after' | 'limit'>,
): Promise<(KeptInstrument & Signers)[]> {
  const rows = await prepared<{ view: KeptInstrument & Signers }>(
    manager,
    `SELECT ${INSTRUMENT.replace(' AS view', '')} || jsonb_build_object('attested', coalesce(
        (SELECT jsonb_agg(DISTINCT s.maker)
         FROM (SELECT i.recorded_index AS index UNION ALL
           SELECT a.recorded_index FROM registry.instrument_act a WHERE a.instrument_id = i.id) k
         JOIN ledger.statement s USING (index)
         WHERE position('"attestedBy":"registry"'::bytea IN s.payload) > 0), '[]'),
       'unsigned', CASE WHEN i.type = 'transmission' THEN
         (SELECT c.predecessor FROM registry.succession c
          WHERE c.id = i.document #>> '{terms,succession}' AND c.maker <> c.predecessor) END) AS view
     FROM registry.instrument i
     WHERE i.asset_id = $1 AND i.in_force_index < $2 AND i.in_force_index > $3
     ORDER BY i.in_force_index LIMIT $4`,
    [asset, known, after ?? -1, limit],
  );
  return rows.map(({ view }) => view);
}

/** Assets of which the party holds or held a share, in the order of their ids. */
export async function listHeld(
  manager: EntityManager,
  party: string,
  { after, limit, now }: { after: string; limit: number; now: boolean },
): Promise<{ asset: string; name: string; share: string }[]> {
  return prepared(
    manager,
    `SELECT t.asset_id AS asset, t.share_num || '/' || t.share_den AS share, coalesce(r.name, d.name) AS name
     FROM registry.title t
     LEFT JOIN registry.registration r ON r.id = t.asset_id LEFT JOIN registry.dataset d ON d.id = t.asset_id
     WHERE t.party_id = $1 AND t.asset_id > $2 AND (NOT $4 OR t.share_num > 0) ORDER BY t.asset_id LIMIT $3`,
    [party, after, limit, now],
  );
}

export async function headSize(manager: EntityManager): Promise<number> {
  const [row] = await prepared<{ size: number }>(manager, `SELECT size::float8 AS size FROM ledger.log_head`, []);
  return row!.size;
}
