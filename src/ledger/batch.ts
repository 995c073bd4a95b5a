/** One batch of writes, judged in their order upon the head of the log. Reads the database, writes nothing. */
import type { EntityManager } from 'typeorm';
import { RegistryError } from '../core/errors.ts';
import type { Disclosure } from '../core/registry/commitment.ts';
import { judge, readsOf } from '../core/registry/index.ts';
import type { Spoken } from '../core/registry/kind.ts';
import type { RowChange, Tables } from '../core/registry/tables.ts';
import type { Signed } from '../core/statement/dsse.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Head } from './anchor.ts';
import { erasedBy } from './erasure.store.ts';
import * as store from './log.store.ts';
import { LoadedRows } from './projection.store.ts';

/** A write whose form and signature have been checked; what is left to judge depends on its place in the log. */
export interface Submission {
  readonly spoken: Spoken;
  readonly signed: Signed;
  readonly disclosures: readonly (Disclosure & { commitment: string })[];
  readonly idempotency?: {
    readonly partyId: string;
    readonly key: string;
    readonly requestDigest: string;
    /** The key of the request, where this write is one of several in it: it stands for that one request, too. */
    readonly within?: string;
  };
  /** More to write in the same transaction; what it throws refuses this write alone. */
  alongside?(manager: EntityManager, index: number): Promise<void>;
}

export interface Waiting {
  readonly submission: Submission;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/** Recorded now, or by an earlier request with the same idempotency key. */
export type Outcome = { readonly receipt: Receipt } | { readonly earlierIndex: number };

export type LogHead = Head & { readonly origin: string };

/** What the judgements look at. */
export interface Known {
  readonly rows: LoadedRows;
  /** Requests with an idempotency key, by party and key */
  readonly earlier: Map<string, store.Remembered>;
}

/** Loads what a batch asks for; some judgements know what to ask for only when they saw what they asked for first. */
export async function load(manager: EntityManager, batch: readonly Waiting[]): Promise<Known> {
  const rows = new LoadedRows();
  const statements = batch.map(({ submission }) => ['statement', submission.spoken.payloadDigest] as const);
  const reads = () => batch.flatMap(({ submission }) => readsOf(submission.spoken, rows));
  const loaded = async () => {
    await rows.load(manager, [...statements, ...reads()]);
    while ((await rows.load(manager, reads())) > 0);
  };
  const [earlier] = await Promise.all([earlierRequests(manager, batch), loaded()]);
  return { rows, earlier };
}

export interface Judged {
  /** The head that they were judged upon */
  readonly head: LogHead;
  readonly rows: LoadedRows;
  readonly accepted: readonly { readonly waiting: Waiting; readonly index: number }[];
  readonly changes: readonly RowChange[];
  readonly remembered: readonly store.Remembered[];
  /** Answers of those that need no write: refused, or recorded by an earlier request */
  readonly settled: readonly (() => void)[];
  readonly erased: readonly Tables['commitment'][];
}

/** Judges the writes one after the other, each upon what those before it changed. */
export async function judgeBatch(
  manager: EntityManager,
  head: LogHead,
  batch: readonly Waiting[],
  { rows, earlier }: Known,
): Promise<Judged> {
  const settled: (() => void)[] = [];
  const accepted: { waiting: Waiting; index: number }[] = [];
  const changes: RowChange[] = [];
  const remembered: store.Remembered[] = [];
  const before = (partyId: string, key: string) => earlier.get(nameOf({ partyId, key }));
  const remember = (row: store.Remembered) => {
    earlier.set(nameOf(row), row);
    remembered.push(row);
  };
  for (const waiting of batch) {
    const { spoken, idempotency } = waiting.submission;
    const index = head.size + accepted.length;
    try {
      if (idempotency) {
        const { partyId, key, within, requestDigest } = idempotency;
        for (const name of within === undefined ? [key] : [within, key]) {
          requireSameRequest(before(partyId, name)?.requestDigest, requestDigest);
        }
        const done = before(partyId, key);
        if (done !== undefined) {
          settled.push(() => waiting.resolve({ earlierIndex: done.statementIndex }));
          continue;
        }
      }
      requireUnrecorded(rows, spoken);
      // What a write before it in this batch made may lead to rows that nobody asked for yet.
      while ((await rows.load(manager, readsOf(spoken, rows))) > 0);
      const changed = judge(spoken, rows, index, head.origin);
      for (const change of changed) rows.apply(change);
      changes.push(...changed);
      rows.setStatement(spoken.payloadDigest, index);
      if (idempotency) {
        const { partyId, key, within, requestDigest } = idempotency;
        remember({ partyId, key, requestDigest, statementIndex: index });
        if (within !== undefined && before(partyId, within) === undefined) {
          remember({ partyId, key: within, requestDigest, statementIndex: index });
        }
      }
      accepted.push({ waiting, index });
    } catch (error) {
      settled.push(() => waiting.reject(error));
    }
  }
  return { head, rows, accepted, changes, remembered, settled, erased: erasedBy(changes) };
}

/** Whether more is written than one query can hold. */
export const writesMore = ({ accepted, erased }: Judged): boolean =>
  erased.length > 0 || accepted.some(({ waiting }) => waiting.submission.alongside !== undefined);

const nameOf = ({ partyId, key }: Pick<store.Remembered, 'key' | 'partyId'>): string => `${partyId} ${key}`;

async function earlierRequests(
  manager: EntityManager,
  batch: readonly Waiting[],
): Promise<Map<string, store.Remembered>> {
  const keys = batch.flatMap(({ submission: { idempotency } }) => {
    if (idempotency === undefined) return [];
    const { partyId, key, within } = idempotency;
    return [{ partyId, key }, ...(within === undefined ? [] : [{ partyId, key: within }])];
  });
  const known = await store.readIdempotency(manager, keys);
  return new Map(known.map((row) => [nameOf(row), row]));
}

function requireSameRequest(before: string | undefined, now: string): void {
  if (before === undefined || before === now) return;
  throw new RegistryError('idempotency_key_reused', 'The idempotency key was used for another request.', {
    field: 'Idempotency-Key',
    fix: 'Use a new key for a new request.',
  });
}

function requireUnrecorded(rows: LoadedRows, { payloadDigest }: Spoken): void {
  const index = rows.statementIndex(payloadDigest);
  if (index === undefined) return;
  throw new RegistryError('already_recorded', `The statement is on record already, at index ${index}.`, {
    fix: `Fetch its receipt: GET /v1/receipts/${payloadDigest}.`,
  });
}
