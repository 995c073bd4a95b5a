/** SQL of cosignatures, and of whose turn it is to ask which witness. */
import type { EntityManager } from 'typeorm';
import type { PublishedCheckpoint } from '../log.store.ts';

export interface CosignatureRow {
  readonly size: number;
  readonly verifierKey: string;
  /** Seconds since 1970, by the clock of the witness. */
  readonly cosignedAt: number;
  /** 64 bytes */
  readonly signature: Uint8Array;
}

export interface WitnessState {
  readonly verifierKey: string;
  readonly failingSince: Date | null;
  readonly problem: string | null;
}

/** Where the quorum is missing for long, cosignatures on old checkpoints pile up, and nobody asks for them any more. */
const MAX_READ = 200;

/** Keeps the first cosignature of a witness on a checkpoint. */
export async function insertCosignature(manager: EntityManager, row: CosignatureRow): Promise<void> {
  await manager.query(
    `INSERT INTO ledger.cosignature (size, verifier_key, cosigned_at, signature) VALUES ($1, $2, $3, $4)
     ON CONFLICT (size, verifier_key) DO NOTHING`,
    [row.size, row.verifierKey, row.cosignedAt, Buffer.from(row.signature)],
  );
}

/** Cosignatures of these witnesses on checkpoints of such sizes, at most the newest, in order of the sizes. */
export async function readCosignatures(
  manager: EntityManager,
  verifierKeys: readonly string[],
  from: number,
  to = Number.MAX_SAFE_INTEGER,
): Promise<CosignatureRow[]> {
  const rows: { size: string; verifierKey: string; cosignedAt: string; signature: Buffer }[] = await manager.query(
    `SELECT size, verifier_key AS "verifierKey", cosigned_at AS "cosignedAt", signature FROM ledger.cosignature
     WHERE size BETWEEN $1 AND $3 AND verifier_key = ANY ($2) ORDER BY size DESC, verifier_key DESC LIMIT ${MAX_READ}`,
    [from, verifierKeys, to],
  );
  return rows.reverse().map((row) => ({ ...row, size: Number(row.size), cosignedAt: Number(row.cosignedAt) }));
}

/** The newest size that enough operators have cosigned; the index is read backwards until it is found. */
export async function newestWithQuorum(
  manager: EntityManager,
  witnesses: readonly { verifierKey: string; operator: string }[],
  quorum: number,
): Promise<number | undefined> {
  const rows: { size: string }[] = await manager.query(
    `SELECT c.size FROM ledger.cosignature c
     JOIN unnest($1::text[], $2::text[]) AS w(verifier_key, operator) USING (verifier_key)
     GROUP BY c.size HAVING count(DISTINCT w.operator) >= $3 ORDER BY c.size DESC LIMIT 1`,
    [witnesses.map(({ verifierKey }) => verifierKey), witnesses.map(({ operator }) => operator), quorum],
  );
  return rows[0] && Number(rows[0].size);
}

/** The smallest such size that enough operators have cosigned. */
export async function firstWithQuorum(
  manager: EntityManager,
  witnesses: readonly { verifierKey: string; operator: string }[],
  quorum: number,
  { from, to }: { from: number; to: number },
): Promise<number | undefined> {
  const rows: { size: string }[] = await manager.query(
    `SELECT c.size FROM ledger.cosignature c
     JOIN unnest($1::text[], $2::text[]) AS w(verifier_key, operator) USING (verifier_key)
     WHERE c.size BETWEEN $4 AND $5
     GROUP BY c.size HAVING count(DISTINCT w.operator) >= $3 ORDER BY c.size LIMIT 1`,
    [witnesses.map(({ verifierKey }) => verifierKey), witnesses.map(({ operator }) => operator), quorum, from, to],
  );
  return rows[0] && Number(rows[0].size);
}

export async function readCheckpoint(manager: EntityManager, size: number): Promise<PublishedCheckpoint | undefined> {
  const rows: { root: Buffer; note: string }[] = await manager.query(
    `SELECT root, note FROM ledger.checkpoint WHERE size = $1`,
    [size],
  );
  return rows[0] && { size, ...rows[0] };
}

/** When the first checkpoint beyond `size` was published, if there is one. */
export async function publishedBeyond(manager: EntityManager, size: number): Promise<Date | undefined> {
  const rows: { at: Date }[] = await manager.query(
    `SELECT published_at AS at FROM ledger.checkpoint WHERE size > $1 ORDER BY size LIMIT 1`,
    [size],
  );
  return rows[0]?.at;
}

/**
 * Takes the turn to ask a witness, for a time within which the asker tells what came of it: of several processes one
 * asks, and after one that was killed another one does.
 * @returns undefined while it is another's turn, or too early
 */
export async function takeTurn(
  manager: EntityManager,
  verifierKey: string,
  forMs: number,
): Promise<{ knownSize: number; failures: number } | undefined> {
  const rows: { knownSize: string; failures: number }[] = await manager.query(
    `INSERT INTO ops.witness AS w (verifier_key, known_size, next_at, failures)
     VALUES ($1, 0, now() + $2 * interval '1 ms', 0)
     ON CONFLICT (verifier_key) DO UPDATE SET next_at = excluded.next_at WHERE w.next_at <= now()
     RETURNING known_size AS "knownSize", failures`,
    [verifierKey, forMs],
  );
  return rows[0] && { knownSize: Number(rows[0].knownSize), failures: rows[0].failures };
}

export async function endTurn(
  manager: EntityManager,
  verifierKey: string,
  { knownSize, problem, pauseMs }: { knownSize: number; problem: string | null; pauseMs: number },
): Promise<void> {
  await manager.query(
    `UPDATE ops.witness SET known_size = $2, problem = $3, next_at = now() + $4 * interval '1 ms',
       failures = CASE WHEN $3::text IS NULL THEN 0 ELSE failures + 1 END,
       failing_since = CASE WHEN $3::text IS NULL THEN NULL ELSE coalesce(failing_since, now()) END
     WHERE verifier_key = $1`,
    [verifierKey, knownSize, problem, pauseMs],
  );
}

/** Gives the turn back as it was taken. */
export async function giveTurnBack(manager: EntityManager, verifierKey: string): Promise<void> {
  await manager.query(`UPDATE ops.witness SET next_at = now() WHERE verifier_key = $1`, [verifierKey]);
}

export const readStates = (manager: EntityManager, verifierKeys: readonly string[]): Promise<WitnessState[]> =>
  manager.query(
    `SELECT verifier_key AS "verifierKey", failing_since AS "failingSince", problem FROM ops.witness
     WHERE verifier_key = ANY ($1) ORDER BY verifier_key`,
    [verifierKeys],
  );
