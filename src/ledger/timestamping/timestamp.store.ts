/** SQL of the table `ledger.timestamp`: what a timestamp authority said of checkpoints and of signatures. */
import type { EntityManager } from 'typeorm';

/** `checkpoint`: the number is the size of the tree; `signature`: the number is the entry's index. */
export type Attested = 'checkpoint' | 'signature';

export interface StampedCheckpoint {
  readonly size: number;
  /** The signed note, as published */
  readonly note: string;
  /** DER of the TimeStampResp */
  readonly reply: Uint8Array;
}

export async function insertTimestamp(
  manager: EntityManager,
  kind: Attested,
  number: number,
  reply: Uint8Array,
): Promise<void> {
  await manager.query(
    `INSERT INTO ledger.timestamp (kind, number, reply) VALUES ($1, $2, $3) ON CONFLICT (kind, number) DO NOTHING`,
    [kind, number, Buffer.from(reply)],
  );
}

/** The newest published checkpoint, if it has no timestamp and the newest timestamp is as old as the interval. */
export async function dueCheckpoint(
  manager: EntityManager,
  intervalSeconds: number,
): Promise<{ size: number; note: string } | undefined> {
  const rows: { size: string; note: string }[] = await manager.query(
    `SELECT c.size, c.note
     FROM (SELECT size, note FROM ledger.checkpoint ORDER BY size DESC LIMIT 1) c
     LEFT JOIN (SELECT number, stored_at FROM ledger.timestamp WHERE kind = 'checkpoint' ORDER BY number DESC LIMIT 1) t
       ON true
     WHERE t.number IS NULL OR (t.number < c.size AND t.stored_at <= now() - make_interval(secs => $1))`,
    [intervalSeconds],
  );
  return rows[0] && { size: Number(rows[0].size), note: rows[0].note };
}

const STAMPED = `
  SELECT t.number AS size, c.note, t.reply FROM ledger.timestamp t
  JOIN ledger.checkpoint c ON c.size = t.number WHERE t.kind = 'checkpoint'`;

/** The first checkpoint with a timestamp whose tree holds the entry at `index`. */
export function firstStamped(manager: EntityManager, index: number): Promise<StampedCheckpoint | undefined> {
  return one(manager, `${STAMPED} AND t.number > $1 ORDER BY t.number LIMIT 1`, [index]);
}

export function stampedOfSize(manager: EntityManager, size: number): Promise<StampedCheckpoint | undefined> {
  return one(manager, `${STAMPED} AND t.number = $1`, [size]);
}

export function newestStamped(manager: EntityManager): Promise<StampedCheckpoint | undefined> {
  return one(manager, `${STAMPED} ORDER BY t.number DESC LIMIT 1`, []);
}

/** When the first checkpoint was published that covers more than `size` entries; the database's own time. */
export async function publishedAfter(manager: EntityManager, size: number): Promise<Date | undefined> {
  const rows: { publishedAt: Date }[] = await manager.query(
    `SELECT published_at AS "publishedAt" FROM ledger.checkpoint WHERE size > $1 ORDER BY size LIMIT 1`,
    [size],
  );
  return rows[0]?.publishedAt;
}

/** The signature of the entry at `index`, with its timestamp where it has one. */
export async function readSignature(
  manager: EntityManager,
  index: number,
): Promise<{ signature: Uint8Array; reply: Uint8Array | null } | undefined> {
  const rows: { signature: Buffer; reply: Buffer | null }[] = await manager.query(
    `SELECT s.signature, t.reply FROM ledger.statement s
     LEFT JOIN ledger.timestamp t ON t.kind = 'signature' AND t.number = s.index WHERE s.index = $1`,
    [index],
  );
  return rows[0];
}

/** Runs `action` unless another process holds the lock. @returns undefined when one does */
export async function ifNobodyHolds<T>(
  manager: EntityManager,
  lock: number,
  action: (manager: EntityManager) => Promise<T>,
): Promise<T | undefined> {
  return manager.transaction(async (inside) => {
    const rows: { held: boolean }[] = await inside.query(`SELECT pg_try_advisory_xact_lock($1) AS held`, [lock]);
    return rows[0]?.held === true ? action(inside) : undefined;
  });
}

async function one(manager: EntityManager, sql: string, values: unknown[]): Promise<StampedCheckpoint | undefined> {
  const rows: (Omit<StampedCheckpoint, 'size'> & { size: string })[] = await manager.query(sql, values);
  return rows[0] && { ...rows[0], size: Number(rows[0].size) };
}
