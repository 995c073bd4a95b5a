/**
 * One page of statements: each row present, its payload read strictly, its columns what the payload says, its entry and
 * leaf hash recomputed from payload, signature and key; and the bundles of entries that outsiders read, byte by byte.
 */
import { equalBytes, fromBase64, toBase64 } from '../../core/bytes.ts';
import type { Digest, Sha256 } from '../../core/digest.ts';
import { formatDigest } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import { formatBundle, MAX_ENTRY_SIZE } from '../../core/merkle/bundle.ts';
import { TILE_WIDTH } from '../../core/merkle/tile.ts';
import { HASH_SIZE, leafHash } from '../../core/merkle/tree.ts';
import { innerSignaturesOf, visibilityOf } from '../../core/registry/index.ts';
import type { Spoken } from '../../core/registry/kind.ts';
import { readSpoken } from '../../core/registry/spoken.ts';
import { pae } from '../../core/statement/dsse.ts';
import { entryOf } from '../../core/statement/receipt.ts';
import { readInt8, readTuples } from './copy-out.ts';
import type { Findings } from './report.ts';

/** ECDSA P-256 with SHA-256, as in `core/registry/spoken`, but done by the thread that asks. */
export type VerifyP256 = (spki: string, message: Uint8Array, signature: Uint8Array) => boolean;

/** `ledger.statement`, in the order of the columns of `Snapshot.statements`. */
export interface StatementRow {
  readonly index: number;
  readonly payloadDigest: Uint8Array;
  readonly kind: string;
  readonly maker: string;
  readonly visibility: string;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  readonly spki: Uint8Array;
}

export interface ReadStatement {
  readonly index: number;
  /** Undefined when the row is missing or makes no entry */
  readonly leaf: Uint8Array | undefined;
  readonly entry: Uint8Array | undefined;
  /** Undefined when the payload is no statement */
  readonly spoken: Spoken | undefined;
  /** The row contradicts itself, so its leaf is not to be believed */
  readonly suspect: boolean;
}

/** What the tree needs of a page: 32 bytes a leaf, and how far each may be believed. */
export interface Leaves {
  readonly hashes: Uint8Array<ArrayBuffer>;
  readonly standing: Uint8Array<ArrayBuffer>;
}
export const [MISSING, SUSPECT, SOUND] = [0, 1, 2];

const TABLE = 'ledger.statement';

export class StatementReader {
  /** The key of the statement before: most are signed by few. */
  #key: { bytes: Uint8Array; spki: string; fingerprint: Digest } | undefined;

  /** @param verify when signatures are to be verified, too */
  constructor(
    private readonly sha256: Sha256,
    private readonly verify: VerifyP256 | undefined,
  ) {}

  /** The statements `from` ≤ index < `to`, each one there or named as missing. */
  read(tuples: Uint8Array, from: number, to: number, findings: Findings): ReadStatement[] {
    const read = new Array<ReadStatement | undefined>(to - from);
    const signed: [StatementRow, Spoken | undefined][] = [];
    for (const fields of readTuples(tuples)) {
      const row = readRow(fields);
      const statement = this.#read(row, findings);
      read[row.index - from] = statement;
      if (this.verify !== undefined) signed.push([row, statement.spoken]);
    }
    // One behind the other: with other work between them, a seventh of the time goes into filling the processor's caches.
    for (const [row, spoken] of signed) {
      verifySignatures(this.verify!, row, this.#keyOf(row.spki).spki, spoken, findings);
    }
    return Array.from(read, (statement, i) => {
      if (statement !== undefined) return statement;
      const index = from + i;
      findings.add('statement_missing', TABLE, String(index), `Statement ${index} is missing.`);
      return { index, leaf: undefined, entry: undefined, spoken: undefined, suspect: true };
    });
  }

  #read(row: StatementRow, findings: Findings): ReadStatement {
    const { sha256 } = this;
    const { index } = row;
    const key = this.#keyOf(row.spki);
    findings.checked.statements++;
    const entry = entryOf(sha256, row.payload, row.signature, row.spki);
    const found = { index, entry, leaf: leafHash(sha256, entry) };
    let spoken: Spoken | undefined;
    let suspect = true;
    try {
      spoken = readSpoken(sha256, row.payload, key.spki, key.fingerprint);
      suspect = judgeColumns(row, spoken, findings);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      const message = `The payload of statement ${index} is no statement: ${error.message}`;
      findings.add('statement_malformed', TABLE, String(index), message);
    }
    return { ...found, spoken, suspect };
  }

  #keyOf(bytes: Uint8Array): { spki: string; fingerprint: Digest } {
    if (this.#key === undefined || !equalBytes(this.#key.bytes, bytes)) {
      this.#key = {
        bytes: new Uint8Array(bytes),
        spki: toBase64(bytes),
        fingerprint: formatDigest(this.sha256(bytes)),
      };
    }
    return this.#key;
  }
}

export function leavesOf(statements: readonly ReadStatement[]): Leaves {
  const hashes = new Uint8Array(statements.length * HASH_SIZE);
  const standing = new Uint8Array(statements.length);
  for (const [i, { leaf, suspect }] of statements.entries()) {
    if (leaf === undefined) continue;
    hashes.set(leaf, i * HASH_SIZE);
    standing[i] = suspect ? SUSPECT : SOUND;
  }
  return { hashes, standing };
}

/** @param tuples of the full bundles of the page: index and entries */
export function checkBundles(statements: readonly ReadStatement[], tuples: Uint8Array, findings: Findings): void {
  const bundles = new Map([...readTuples(tuples)].map(([index, entries]) => [readInt8(index!), entries ?? NOTHING]));
  for (let at = 0; at + TILE_WIDTH <= statements.length; at += TILE_WIDTH) {
    const index = statements[at]!.index / TILE_WIDTH;
    const stored = bundles.get(index);
    const report = (code: 'bundle_missing' | 'bundle_wrong', what: string) =>
      findings.add(code, 'ledger.entry_bundle', String(index), `The row ${index} of ledger.entry_bundle ${what}.`);
    findings.checked.bundles++;
    if (stored === undefined) {
      report('bundle_missing', 'is missing');
      continue;
    }
    const entries = statements.slice(at, at + TILE_WIDTH).flatMap(({ entry }) => (entry ? [entry] : []));
    if (entries.length < TILE_WIDTH || entries.some(({ length }) => length > MAX_ENTRY_SIZE)) continue;
    if (!equalBytes(formatBundle(entries), stored))
      report('bundle_wrong', 'does not hold the entries of its statements');
  }
}

/** @returns whether the row contradicts itself so that its leaf is not to be believed */
function judgeColumns(row: StatementRow, spoken: Spoken, findings: Findings): boolean {
  const digestFits = formatsAs(row.payloadDigest, spoken.payloadDigest);
  const wrong = [
    ...(digestFits ? [] : ['payload_digest']),
    ...(row.kind === spoken.kind.kind ? [] : ['kind']),
    ...(row.maker === spoken.common.maker ? [] : ['maker']),
    ...(row.visibility === visibilityOf(spoken.kind) ? [] : ['visibility']),
  ];
  if (wrong.length > 0) {
    const message = `Statement ${row.index}: ${wrong.join(', ')} and the payload do not agree.`;
    findings.add('statement_columns', TABLE, String(row.index), message);
  }
  return !digestFits;
}

const formatsAs = (hash: Uint8Array, digest: Digest): boolean =>
  hash.length === HASH_SIZE && formatDigest(hash) === digest;

/** The signature of the statement, and those inside it. */
function verifySignatures(
  verify: VerifyP256,
  { index, payload, signature }: StatementRow,
  spki: string,
  spoken: Spoken | undefined,
  findings: Findings,
): void {
  const inner = spoken === undefined ? [] : innerSignaturesOf(spoken);
  for (const one of [
    { spki, message: pae(payload), signature, field: 'the envelope' },
    ...inner.map((made) => ({ ...made, signature: decode(made.signature) })),
  ]) {
    findings.checked.signatures++;
    if (verifies(verify, one.spki, one.message, one.signature)) continue;
    const text = `The signature of statement ${index} in ${one.field} does not verify.`;
    findings.add('signature_invalid', TABLE, String(index), text);
  }
}

/** A key that is none, or not on the curve, verifies nothing. */
function verifies(verify: VerifyP256, spki: string, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(spki, message, signature);
  } catch (error) {
    if (error instanceof RegistryError) return false;
    throw error;
  }
}

function decode(base64: string): Uint8Array {
  try {
    return fromBase64(base64);
  } catch (error) {
    if (error instanceof RegistryError) return new Uint8Array(0);
    throw error;
  }
}

const NOTHING = Buffer.alloc(0);

function readRow([
  index,
  payloadDigest,
  kind,
  maker,
  visibility,
  payload,
  signature,
  spki,
]: (Buffer | null)[]): StatementRow {
  return {
    index: readInt8(index!),
    payloadDigest: payloadDigest ?? NOTHING,
    kind: text(kind),
    maker: text(maker),
    visibility: text(visibility),
    payload: payload ?? NOTHING,
    signature: signature ?? NOTHING,
    spki: spki ?? NOTHING,
  };
}

const text = (field: Buffer | null | undefined): string => field?.toString('utf8') ?? '';
