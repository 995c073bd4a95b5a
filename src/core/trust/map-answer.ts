/**
 * Judging what a registry answers about a digest (`core/map/answer`): that the log the reader believes holds the root of
 * a map, that the map holds these places for the digest and no others, and how old the map is.
 *
 * Whoever answers may give another digest's proof, a shortened list, the root of a map that is in no log, or an old map
 * from before somebody registered. The first three fail here; the last is told by its age, and by the newest map that
 * the reader has seen.
 */
import { parseDigest } from '../digest.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import type { MapAnswer } from '../map/answer.ts';
import { mapAnswerSchema, parseClaim } from '../map/answer.ts';
import { verifyMapProof } from '../map/map.ts';
import type { Ed25519Verify } from '../note/note.ts';
import type { mapAudit, mapRoot } from '../registry/index.ts';
import type { Kind, Spoken } from '../registry/kind.ts';
import type { VerifyP256 } from '../registry/spoken.ts';
import type { Receipt } from '../statement/receipt.ts';
import { zodProblem } from '../statement/zod-problem.ts';
import type { Trust } from './trust-file.ts';
import type { JudgedCheckpoint } from './verdict.ts';
import { verifyReceiptAgainst } from './verdict.ts';

type BodyOf<K> = K extends Kind<infer Body> ? Body : never;
export type MapRootBody = BodyOf<typeof mapRoot>;
export type MapAuditBody = BodyOf<typeof mapAudit>;

export interface JudgedAudit {
  readonly auditor: string;
  /** As the registry tells it */
  readonly name: string | null;
  /** Index of the statement */
  readonly index: number;
  /** Entries that were read */
  readonly size: number;
  readonly root: Digest;
  readonly verdict: 'confirmed' | 'contradicted';
  readonly statedAt: string;
}

export interface JudgedMap {
  readonly digest: Digest;
  /** All places below `asOf` */
  readonly entries: readonly number[];
  readonly asOf: number;
  readonly root: Digest;
  readonly keys: number;
  /** Index of the statement that holds the root */
  readonly index: number;
  /** By the registry's clock */
  readonly statedAt: string;
  readonly audit: JudgedAudit | null;
  readonly checkpoint: JudgedCheckpoint;
}

/**
 * @throws RegistryError `malformed_proof`, `proof_invalid`, and as `verifyReceiptAgainst`
 */
export async function verifyMapAnswer(
  crypto: { sha256: Sha256; verifyEd25519: Ed25519Verify; verifyP256: VerifyP256 },
  answer: MapAnswer,
  digest: Digest,
  trust: Trust,
): Promise<JudgedMap> {
  const read = mapAnswerSchema.safeParse(answer);
  if (!read.success) throw zodProblem(read.error, 'malformed_proof');
  const { receipt, audit, asOf, keys, entries } = read.data;
  if (read.data.digest !== digest) throw invalid('The answer is about another digest than the one that was asked for.');
  const { spoken, checkpoint } = await verifyReceiptAgainst(crypto, receipt, trust);
  if (spoken.kind.kind !== 'map-root') throw invalid('The statement in the answer is not the root of a map.');
  const { common, body } = spoken as Spoken<MapRootBody>;
  if (body.size !== asOf || body.keys !== keys) throw invalid('The answer tells of another map than its statement.');
  if (receipt.index < asOf) throw invalid('The map covers entries that came after its root.');
  if (entries.some((index) => index >= asOf)) throw invalid('The answer names entries that the map does not cover.');
  verifyMapProof(crypto.sha256, { ...parseClaim(read.data), root: parseDigest(body.root) });
  return {
    digest,
    entries,
    asOf,
    root: body.root,
    keys,
    index: receipt.index,
    statedAt: common.statedAt,
    audit: audit === null ? null : await judgeAudit(crypto, audit, checkpoint, common.maker, trust),
    checkpoint,
  };
}

/**
 * A map may be old where nothing came after it; one that is older than the reader allows while the log went on may hide
 * what was registered since.
 * @param seen index of the newest map that the reader has seen of this log
 * @throws RegistryError `checkpoint_rolled_back`, `proof_invalid`
 */
export function judgeMapAge(
  { index, asOf, statedAt, checkpoint }: JudgedMap,
  { seen, maxAgeSeconds, now }: { seen: number | undefined; maxAgeSeconds: number | undefined; now: Date },
): void {
  if (seen !== undefined && index < seen) {
    throw new RegistryError(
      'checkpoint_rolled_back',
      `The registry shows the map of entry ${index}; you have seen the newer one of entry ${seen}.`,
      { fix: 'Keep the answer as evidence and ask the registrar.' },
    );
  }
  if (maxAgeSeconds === undefined || checkpoint.size === index + 1) return;
  const age = Math.floor((now.getTime() - Date.parse(statedAt)) / 1000);
  if (age <= maxAgeSeconds) return;
  throw invalid(
    `The map ends at entry ${asOf} and is ${age} seconds old; your trust file allows ${maxAgeSeconds} while the log goes on.`,
  );
}

async function judgeAudit(
  crypto: Parameters<typeof verifyMapAnswer>[0],
  { auditor: name, receipt }: { auditor: string | null; receipt: Receipt },
  checkpoint: JudgedCheckpoint,
  registry: string,
  trust: Trust,
): Promise<JudgedAudit> {
  if (receipt.checkpoint !== checkpoint.note) throw invalid('The audit belongs to another checkpoint than the answer.');
  const { spoken } = await verifyReceiptAgainst(crypto, receipt, trust);
  if (spoken.kind.kind !== 'map-audit') throw invalid('The statement of the auditor is not an audit.');
  const { common, body } = spoken as Spoken<MapAuditBody>;
  if (common.maker === registry) throw invalid('The registry audits itself.');
  return {
    auditor: common.maker,
    name,
    index: receipt.index,
    size: body.size,
    root: body.root,
    verdict: body.found === body.root ? 'confirmed' : 'contradicted',
    statedAt: common.statedAt,
  };
}

const invalid = (sentence: string): RegistryError =>
  new RegistryError('proof_invalid', sentence, { fix: 'Do not rely on this answer; keep it as evidence.' });
