/** What the ledger is handed: a statement that its maker signed, or the plain members of one that the registry signs for it. */
import { z } from 'zod';
import type { Digest } from '../core/digest.ts';
import type { Disclosure } from '../core/registry/commitment.ts';
import { disclosureSchema } from '../core/registry/commitment.ts';
import type { Kind } from '../core/registry/kind.ts';
import { envelopeSchema } from '../core/statement/dsse.ts';
import { commonShape } from '../core/statement/statement.ts';
import type { Submission } from './writer.ts';

/** A statement that its maker signed, with the openings of the commitments in it. */
export const signedWriteSchema = z
  .strictObject({ ...envelopeSchema.shape, disclosures: z.array(disclosureSchema).max(10).optional() })
  .meta({ id: 'SignedWrite', description: 'A statement signed by its maker (DSSE), with the values it commits to' });
export type SignedWrite = z.infer<typeof signedWriteSchema>;

/** What a write route takes. */
export type Write<Body> = SignedWrite | (Body & { id?: string | undefined });

export const writeSchema = <Body>(kind: Kind<Body>): z.ZodType<Write<Body>> => {
  const plain = (kind.body as unknown as z.ZodObject).extend({ id: commonShape.id.optional() });
  return z.union([signedWriteSchema, plain]) as unknown as z.ZodType<Write<Body>>;
};

export interface WriteOptions<Body = never> {
  /** The client's `Idempotency-Key`, the request that it stands for, and which of several writes in that this one is. */
  idempotency?: { key: string; requestDigest: Digest; position?: number } | undefined;
  alongside?: Submission['alongside'];
  /** What the address of the request says: members of the body that must say the same. */
  speaksOf?: Readonly<Record<string, unknown>>;
  /** Looks at what was said before it is judged, and throws where it goes no further; no part of the judgement, which has rows alone. */
  admit?: (body: Body) => Promise<void>;
}

export interface Attested<Body> {
  readonly maker: string;
  readonly id?: string | undefined;
  readonly body: Body;
  readonly disclosures?: readonly Disclosure[];
}
