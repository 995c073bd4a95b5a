/**
 * SQL for the models on record that a p-value is taken from (`core/fingerprint/strangers.ts` has the rule). What is declared
 * later must not change whom a model is compared with: of each of the two models relations are followed as they stood when
 * it came on record; and its age is that of the first registration of its weights, so that nobody makes it younger.
 */
import type { EntityManager } from 'typeorm';
import { MOST_OF_ONE_REGISTRANT } from '../core/fingerprint/strangers.ts';
import { prepared } from '../platform/database/index.ts';
import { VIEW } from './fingerprint.store.ts';
import type { FingerprintView } from './fingerprint.schema.ts';

/** A model with more has no strangers: to tell whose they are took too long. */
const MAX_RELATIVES = 100_000;

/** So many of the oldest are looked through: a crowd that one party registered early does not hide the others behind it. */
const MAX_LOOKED_AT = 20_000;

/** Of a model at log index `at` the first registration; and from that all others, so that each is reached once. */
const twinsOf = (at: string): string =>
  [
    `SELECT first.recorded_index AS index FROM registry.registration own
      JOIN registry.registration first ON first.id = own.preceded_by WHERE own.recorded_index = ${at}`,
    ...['model_digest', 'nameless_digest', 'file_digest'].map(
      (digest) => `SELECT t.recorded_index FROM registry.registration own
      JOIN registry.registration t ON t.${digest} = own.${digest}
      WHERE own.recorded_index = ${at} AND own.preceded_by IS NULL`,
    ),
  ].join(' UNION ALL ');

/** Relations are followed as in `licenses/lineage.store.ts`, but to what was on record at log index `until` alone. */
const STRANGERS = `
  WITH RECURSIVE compared AS (
    SELECT r.recorded_index AS index, least(r.recorded_index, first.recorded_index) AS first
    FROM registry.registration r LEFT JOIN registry.registration first ON first.id = r.preceded_by
    WHERE r.id = $3 OR r.id = $4
  ),
  above (index, until) AS (
    SELECT index, index FROM compared
    UNION
    SELECT next.index, a.until FROM above a CROSS JOIN LATERAL (
      ${twinsOf('a.index')}
      UNION ALL
      SELECT coalesce(l.parent_index, least(
        (SELECT min(recorded_index) FROM registry.registration WHERE model_digest = l.digest),
        (SELECT min(recorded_index) FROM registry.registration WHERE nameless_digest = l.digest),
        (SELECT min(recorded_index) FROM registry.registration WHERE file_digest = l.digest)))
      FROM registry.relation l WHERE l.recorded_index = a.index) next
    WHERE next.index <= a.until
  ),
  related (index, until) AS (
    SELECT index, until FROM above
    UNION
    SELECT next.index, b.until FROM related b CROSS JOIN LATERAL (
      ${twinsOf('b.index')}
      UNION ALL
      SELECT l.recorded_index FROM registry.relation l WHERE l.parent_index = b.index
      UNION ALL
      SELECT l.recorded_index
      FROM registry.registration r CROSS JOIN unnest(r.awaited) k(digest)
      JOIN registry.relation l ON l.digest = k.digest AND l.recorded_index <= r.recorded_index
      WHERE r.recorded_index = b.index AND r.awaited <> '{}') next
    WHERE next.index <= b.until
  ),
  relatives AS MATERIALIZED (SELECT index FROM related LIMIT ${MAX_RELATIVES + 1}),
  oldest AS MATERIALIZED (
    SELECT registration_id, maker, recorded_index FROM registry.fingerprint
    WHERE scheme = $1 AND (layers -> 0 ->> 'width')::bigint = $2 AND recorded_index < (SELECT min(first) FROM compared)
    ORDER BY recorded_index LIMIT ${MAX_LOOKED_AT}
  ),
  models AS (
    SELECT DISTINCT ON (coalesce(r.preceded_by, r.id)) o.*, r.maker AS registrant
    FROM oldest o JOIN registry.registration r ON r.id = o.registration_id
    WHERE r.recorded_index NOT IN (SELECT index FROM relatives)
      AND (SELECT count(*) FROM relatives) <= ${MAX_RELATIVES}
    ORDER BY coalesce(r.preceded_by, r.id), o.recorded_index
  ),
  counted AS (
    SELECT *, row_number() OVER (PARTITION BY registrant ORDER BY recorded_index) AS place FROM models
  ),
  chosen AS (
    SELECT * FROM counted WHERE place <= ${MOST_OF_ONE_REGISTRANT} ORDER BY recorded_index LIMIT $5
  )
  SELECT ${VIEW}, c.registrant FROM chosen c
  JOIN registry.fingerprint f ON f.registration_id = c.registration_id AND f.scheme = $1 AND f.maker = c.maker
  ORDER BY f.recorded_index`;

/**
 * The oldest first.
 * @param compared a model on record, and the one that it is compared with, if that is on record
 */
export const strangersOf = (
  manager: EntityManager,
  { scheme, width }: { scheme: string; width: number },
  [candidate, suspect]: readonly [string, string | undefined],
  limit: number,
): Promise<(FingerprintView & { registrant: string })[]> =>
  prepared(manager, STRANGERS, [scheme, width, candidate, suspect ?? null, limit]);
