/**
 * Parties: people and organisations. A name is personal data, so the log holds only a salted commitment to it; value
 * and salt live in a table that can be erased while every proof still holds.
 */
import { z } from 'zod';
import { concat, fromHex, utf8 } from '../bytes.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { formatDigest } from '../digest.ts';
import { digest, form, urn } from '../statement/statement.ts';
import { kind, requireNew } from './kind.ts';
import { requireRegistry } from './authority.ts';
import { put } from './tables.ts';

/** `SHA256(salt ‖ UTF-8 value)` with 16 random bytes of salt, given in hex. */
export const commit = (sha256: Sha256, salt: string, value: string): Digest =>
  formatDigest(sha256(concat(fromHex(salt), utf8(value))));

/** What opens a commitment; travels beside the statement, never inside it. */
export const disclosureSchema = z.strictObject({
  value: z
    .string()
    .min(1)
    .max(200)
    .refine((value) => !value.includes('\0') && value.isWellFormed(), 'must not hold U+0000 or a lone surrogate'),
  salt: z.string().regex(/^[0-9a-f]{32}$/, 'must be 128 random bits in hex'),
});
export type Disclosure = z.infer<typeof disclosureSchema>;

const shape = {
  kind: z.enum(['organization', 'person']),
  roles: z.array(z.enum(['auditor'])).max(1),
  nameCommitment: digest,
};

export const party = kind(
  form('party', shape, ({ id }) => [urn(id)]),
  {
    reads: ({ common }) => [['party', common.id]],
    commitments: ({ nameCommitment }) => [nameCommitment],
    judge(spoken, rows, place) {
      const { common, body } = spoken;
      requireRegistry(spoken, rows);
      requireNew(rows, 'party', common.id);
      return [put('party', { id: common.id, ...body, keyed: false, ...place })];
    },
  },
);
