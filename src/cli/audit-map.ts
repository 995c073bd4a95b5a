/**
 * The audit of the map, as any outsider does it: every entry of the log is read through the public API and held against
 * the log's tree, the map is built anew from what the public statements say, and every root that the registry put on
 * record is compared with it. Nothing of it uses what the registry keeps of its map.
 *
 * A registry that left a public registration out, or counted one that is in no log, is found. What cannot be found from
 * outside is a statement that the registry shows to nobody and calls sealed: whoever holds its receipt proves that.
 */
import { fromBase64 } from '../core/bytes.ts';
import type { Digest } from '../core/digest.ts';
import { formatDigest, parseDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { MapVersion } from '../core/map/history.ts';
import { MapHistory } from '../core/map/history.ts';
import { mapKey } from '../core/map/map.ts';
import { CompactRange } from '../core/merkle/range.ts';
import { TILE_WIDTH } from '../core/merkle/tile.ts';
import { HASH_SIZE, leafHash, verifyConsistency } from '../core/merkle/tree.ts';
import { mapAudit, namedBy } from '../core/registry/index.ts';
import type { Spoken } from '../core/registry/kind.ts';
import { readSpoken } from '../core/registry/spoken.ts';
import type { MapRootBody } from '../core/trust/map-answer.ts';
import type { JudgedCheckpoint } from '../core/trust/index.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { holdListed } from '../core/statement/listing.ts';
import type { StatementList } from '../core/statement/listing.ts';
import { sha256, verifyP256 } from '../platform/crypto.ts';
import type { AuditState, ReadRoot } from './audit-state.ts';
import { NAMING_BYTES } from './audit-state.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { write } from './sign.ts';
import { readEntries } from './tiles.ts';

export interface AuditReport {
  origin: string;
  verdict: JudgedCheckpoint['verdict'];
  witnessed: JudgedCheckpoint['witnessed'];
  /** Entries of the log that were read, now and by the audits that this one went on from */
  entries: number;
  publicStatements: number;
  logRoot: Digest;
  /** Maps on record */
  maps: number;
  /** The newest of them, with the root that the statements make */
  newest: (ReadRoot & { found: Digest }) | null;
  /** Each map that is not the one that the log makes; a bounded number is listed */
  faults: { index: number; sentence: string }[];
  faultCount: number;
}

const LISTED = 50;

/** Reads the log on from `state` up to the judged checkpoint. @throws RegistryError `proof_invalid`, `unreachable` */
export async function readOn(
  client: Client,
  judged: JudgedCheckpoint,
  state: AuditState | undefined,
  onProgress: (index: number) => void,
): Promise<{ state: AuditState; logRoots: ReadonlyMap<number, Digest> }> {
  const { origin, size, root } = judged;
  if (state !== undefined && (state.origin !== origin || state.size > size)) {
    throw new RegistryError('usage', `The audit to go on from read ${state.size} entries of "${state.origin}".`, {
      field: 'from',
      fix: `"${origin}" has ${size} entries; audit it from the beginning.`,
    });
  }
  const range = new CompactRange(sha256, state?.size ?? 0, state?.subtrees ?? []);
  const roots = [...(state?.roots ?? [])];
  const namings = new Namings(state?.namings);
  let publicStatements = state?.publicStatements ?? 0;
  const leaves: Uint8Array[] = [];

  while (range.size < size) {
    const from = range.size;
    const to = Math.min(from - (from % TILE_WIDTH) + TILE_WIDTH, size);
    const [entries, listed] = await Promise.all([readEntries(client, from, to, size), readListed(client, from, to)]);
    for (const [i, entry] of entries.entries()) {
      const leaf = leafHash(sha256, entry);
      leaves.push(leaf);
      range.add(leaf);
      const held = holdListed({ sha256, verifyP256 }, listed[i]!, { index: from + i, entry, origin });
      if (held === undefined) continue;
      publicStatements++;
      const spoken = readSpoken(sha256, held.signed.payload, listed[i]!.publicKey!);
      for (const digest of namedBy(spoken)) namings.add(digest, from + i);
      if (spoken.kind.kind === 'map-root') roots.push(rootOf(spoken as Spoken<MapRootBody>, from + i));
    }
    onProgress(to);
  }
  if (formatDigest(range.root()) !== formatDigest(root)) {
    throw new RegistryError(
      'proof_invalid',
      'The entries that the server lists are not those that the log has signed.',
      {
        fix: 'Keep the checkpoint and the entries as evidence.',
      },
    );
  }
  const read: AuditState = {
    origin,
    size,
    subtrees: range.subtrees,
    publicStatements,
    roots,
    namings: namings.bytes(),
  };
  return { state: read, logRoots: await logRootsOf(client, judged, state, roots, leaves) };
}

/** Builds every map anew and compares. */
export function judgeMaps(
  judged: JudgedCheckpoint,
  state: AuditState,
  logRoots: ReadonlyMap<number, Digest>,
): AuditReport {
  const { roots, namings } = state;
  const sizes = [...new Set(roots.map(({ size }) => size))].sort((a, b) => a - b);
  const built = buildMaps(sizes, namings);
  const maps = new Map(sizes.map((size, i) => [size, built[i]!]));
  const faults: AuditReport['faults'] = [];
  let faultCount = 0;
  let before = 0;
  for (const { index, size, logRoot, root, keys } of roots) {
    const map = maps.get(size)!;
    const found = formatDigest(map.root);
    const wrong: string[] = [];
    if (size > index) wrong.push(`it covers ${size} entries and stands at ${index}`);
    if (size <= before) wrong.push(`it covers ${size} entries, and the map before it ${before}`);
    if (root !== found) wrong.push(`its root is ${root}, and the public statements make ${found}`);
    if (keys !== map.keys) wrong.push(`it counts ${keys} digests, and the public statements name ${map.keys}`);
    if (logRoot !== logRoots.get(size)) wrong.push(`it names another log of ${size} entries`);
    before = size;
    if (wrong.length === 0) continue;
    faultCount++;
    if (faults.length < LISTED)
      faults.push({ index, sentence: `The map of entry ${index} is wrong: ${wrong.join('; ')}.` });
  }
  const newest = roots.at(-1);
  return {
    origin: judged.origin,
    verdict: judged.verdict,
    witnessed: judged.witnessed,
    entries: state.size,
    publicStatements: state.publicStatements,
    logRoot: formatDigest(judged.root),
    maps: roots.length,
    newest: newest === undefined ? null : { ...newest, found: formatDigest(maps.get(newest.size)!.root) },
    faults,
    faultCount,
  };
}

/** Puts what was found on record, signed by the party's own key. @throws RegistryError `signature_required`, `not_found` */
export async function postAudit(context: Context, { newest, entries, logRoot }: AuditReport): Promise<Receipt> {
  if (newest === null) throw new RegistryError('not_found', 'There is no map on record whose audit could be posted.');
  const session = await context.session();
  if (session.key === undefined) {
    throw new RegistryError('signature_required', 'An audit is signed by the auditor itself.', {
      fix: 'Register a key: "muniment keygen --register".',
    });
  }
  const { root, found, statement } = newest;
  const body = { size: entries, logRoot, root, found };
  return write(context, session, { kind: mapAudit, path: '/v1/map/audits', body, basis: [statement] });
}

async function readListed(client: Client, from: number, to: number): Promise<StatementList['statements']> {
  const { statements } = await client.get<StatementList>(`/v1/statements?from=${from}&limit=${to - from}`);
  if (Array.isArray(statements) && statements.length === to - from) return statements;
  throw new RegistryError('proof_invalid', `The server does not list the statements ${from} to ${to - 1}.`);
}

const rootOf = ({ body, payloadDigest }: Spoken<MapRootBody>, index: number): ReadRoot => ({
  ...body,
  index,
  statement: payloadDigest,
});

/** The log's root at the size of each map: recomputed, or, of entries that an earlier audit read, proved by the log. */
async function logRootsOf(
  client: Client,
  { size: whole, root }: JudgedCheckpoint,
  state: AuditState | undefined,
  roots: readonly ReadRoot[],
  leaves: readonly Uint8Array[],
): Promise<Map<number, Digest>> {
  const found = new Map<number, Digest>();
  const wanted = new Set(roots.map(({ size }) => size));
  const range = new CompactRange(sha256, state?.size ?? 0, state?.subtrees ?? []);
  if (wanted.has(range.size)) found.set(range.size, formatDigest(range.root()));
  for (const leaf of leaves) {
    range.add(leaf);
    if (wanted.has(range.size)) found.set(range.size, formatDigest(range.root()));
  }
  for (const { size, logRoot } of roots) {
    if (found.has(size) || size > whole) continue;
    if (await isRootOf(client, { size, logRoot }, { size: whole, root })) found.set(size, logRoot);
  }
  return found;
}

async function isRootOf(
  client: Client,
  { size, logRoot }: Pick<ReadRoot, 'logRoot' | 'size'>,
  whole: { size: number; root: Uint8Array },
): Promise<boolean> {
  const path = `/v1/log/consistency?first=${size}&second=${whole.size}`;
  const { proof } = await client.get<{ proof: string[] }>(path);
  try {
    verifyConsistency(sha256, {
      firstSize: size,
      firstRoot: parseDigest(logRoot),
      secondSize: whole.size,
      secondRoot: whole.root,
      proof: proof.map(fromBase64),
    });
    return true;
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'proof_invalid') return false;
    throw error;
  }
}

function buildMaps(sizes: readonly number[], namings: Uint8Array): MapVersion[] {
  const bytes = Buffer.from(namings.buffer, namings.byteOffset, namings.byteLength);
  const at = (i: number) => bytes.subarray(i * NAMING_BYTES, (i + 1) * NAMING_BYTES);
  const order = Uint32Array.from({ length: bytes.length / NAMING_BYTES }, (_, i) => i).sort((a, b) =>
    bytes.compare(bytes, b * NAMING_BYTES, (b + 1) * NAMING_BYTES, a * NAMING_BYTES, (a + 1) * NAMING_BYTES),
  );
  const history = new MapHistory(sha256, sizes);
  let entries: number[] = [];
  for (const [k, i] of order.entries()) {
    const naming = at(i);
    entries.push(Number(naming.readBigUInt64BE(HASH_SIZE)));
    const next = order[k + 1];
    const key = naming.subarray(0, HASH_SIZE);
    if (next !== undefined && at(next).subarray(0, HASH_SIZE).equals(key)) continue;
    history.add(key, entries);
    entries = [];
  }
  return history.finish();
}

/** `key ‖ u64be index`, one after the other, in a buffer that grows. */
class Namings {
  #bytes: Uint8Array;
  #length: number;

  constructor(before: Uint8Array = new Uint8Array(0)) {
    this.#bytes = new Uint8Array(Math.max(2 * before.length, 1024 * NAMING_BYTES));
    this.#bytes.set(before);
    this.#length = before.length;
  }

  add(digest: Digest, index: number): void {
    if (this.#length === this.#bytes.length) {
      const wider = new Uint8Array(2 * this.#length);
      wider.set(this.#bytes);
      this.#bytes = wider;
    }
    this.#bytes.set(mapKey(sha256, digest), this.#length);
    new DataView(this.#bytes.buffer).setBigUint64(this.#length + HASH_SIZE, BigInt(index));
    this.#length += NAMING_BYTES;
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}
