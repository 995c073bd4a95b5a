/**
 * Follows a log entry by entry. Each stretch of new entries is appended to the edge of the tree before it, and the
 * outcome must lie in the tree of the checkpoint: so one proof a stretch shows that every leaf is the one downloaded,
 * however long the log is. Of each public entry the statement is read and held against it.
 *
 * The server may leave entries out, show others, or list statements that the log never took: each is refused.
 */
import { RegistryError } from '../core/errors.ts';
import { appendLeaves, nextEdge } from '../core/merkle/append.ts';
import { proveConsistency, readTiles } from '../core/merkle/proof.ts';
import { edgeTiles, TILE_WIDTH } from '../core/merkle/tile.ts';
import { leafHash, verifyConsistency } from '../core/merkle/tree.ts';
import type { Matched, Wanted } from '../core/registry/mentions.ts';
import { matchOf, mentionsOf, outlineOf } from '../core/registry/mentions.ts';
import type { ListedStatement, ReadListed } from '../core/statement/listing.ts';
import { holdListed, statementListSchema } from '../core/statement/listing.ts';
import { zodProblem } from '../core/statement/zod-problem.ts';
import { formatDigest } from '../core/digest.ts';
import { sha256, verifyP256 } from '../platform/crypto.ts';
import type { JudgedCheckpoint } from '../core/trust/index.ts';
import type { Client } from './client.ts';
import { readEntries, tileReader } from './tiles.ts';

export interface FoundEntry {
  index: number;
  statement: string;
  /** Its predicate type where this version does not know the kind */
  kind: string;
  id: string | null;
  maker: string | null;
  matched: Matched;
}

export interface Stretch {
  from: number;
  to: number;
  found: FoundEntry[];
  /** Statements that not everybody may read; of these nothing is told but that they are there. */
  hidden: number;
}

/**
 * The entries `from` ≤ index < size, a bundle of them at a time.
 * @throws RegistryError `proof_invalid` when what the server shows is not what the checkpoint commits to
 */
export async function* followLog(
  client: Client,
  judged: JudgedCheckpoint,
  from: number,
  wanted: Wanted,
): AsyncGenerator<Stretch> {
  const { size, root } = judged;
  const reader = tileReader(client, size);
  let edge: ReadonlyMap<string, Uint8Array> = await readTiles(reader, edgeTiles(Math.min(from, size)));
  for (let at = from; at < size;) {
    const to = Math.min(size, (Math.floor(at / TILE_WIDTH) + 1) * TILE_WIDTH);
    const entries = await readEntries(client, at, to, size);
    const appended = appendLeaves(
      sha256,
      at,
      edge,
      entries.map((entry) => leafHash(sha256, entry)),
    );
    const proof = to === size ? [] : await proveConsistency(sha256, to, size, reader);
    verifyConsistency(sha256, { firstSize: to, firstRoot: appended.root, secondSize: size, secondRoot: root, proof });
    edge = nextEdge(edge, appended);
    yield await judgeStretch(judged.origin, at, entries, await listed(client, at, to), wanted);
    at = to;
  }
}

async function listed(client: Client, from: number, to: number): Promise<ListedStatement[]> {
  const answer = await client.get<unknown>(`/v1/statements?from=${from}&limit=${to - from}`);
  const read = statementListSchema.safeParse(answer);
  if (!read.success) throw zodProblem(read.error, 'malformed_proof');
  const { statements } = read.data;
  if (statements.length === to - from) return statements;
  throw new RegistryError('unreachable', `The server lists ${statements.length} of ${to - from} statements.`, {
    fix: 'Try again in a moment; another replica may be ahead.',
  });
}

async function judgeStretch(
  origin: string,
  from: number,
  entries: readonly Uint8Array[],
  statements: readonly ListedStatement[],
  wanted: Wanted,
): Promise<Stretch> {
  const everything = wanted.digests.length === 0 && wanted.parties.length === 0;
  const found: FoundEntry[] = [];
  let hidden = 0;
  for (const [i, entry] of entries.entries()) {
    const index = from + i;
    const held = holdListed({ sha256, verifyP256 }, statements[i]!, { index, entry, origin });
    if (held === undefined) {
      hidden++;
      continue;
    }
    const { payload } = held.signed;
    const kind = await kindOf(held.read);
    const matched = matchOf(mentionsOf(sha256, payload), wanted);
    if (!everything && matched.digests.length === 0 && matched.parties.length === 0) continue;
    const { predicateType, id, maker } = outlineOf(payload);
    found.push({
      index,
      statement: formatDigest(sha256(payload)),
      kind: kind ?? predicateType,
      id,
      maker,
      matched,
    });
  }
  return { from, to: from + entries.length, found, hidden };
}

/** A newer registry may record kinds that this version does not know: the log vouches for their bytes all the same. */
async function kindOf(read: ReadListed): Promise<string | undefined> {
  try {
    return (await read()).kind.kind;
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'malformed_statement' && error.field === 'predicateType') {
      return undefined;
    }
    throw error;
  }
}
