/**
 * Sealed registration: that somebody had a model, a dataset or a piece of evidence before a place in the log is proved
 * later, and until then nobody learns what it was. The statement holds a salted commitment to the digests; its maker
 * alone reads even that. An `opening` reveals salt and digests, and then anybody can tell that the maker knew them before
 * the sealed entry.
 *
 * An opening moves nobody's title and changes no order: it is evidence. Log and maker are part of what is committed to, or
 * whoever gets to see a sealed statement (an operator, say) could copy the commitment and open it as their own.
 */
import { z } from 'zod';
import { canonicalize } from '../canonical-json.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { formatDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { digest, form, id, urn } from '../statement/statement.ts';
import type { Rows, Spoken } from './kind.ts';
import { kind, requireBasis } from './kind.ts';
import type { RowKey } from './row-keys.ts';
import type { Tables } from './tables.ts';
import { put } from './tables.ts';

/** Of a `title` the commitment is over fields that open one at a time (`sealed-title.ts`); of the others, over digests. */
export const SEALED_SUBJECTS = ['model', 'dataset', 'evidence', 'title'] as const;
export type SealedSubject = (typeof SEALED_SUBJECTS)[number];
export const DIGEST_SUBJECTS = ['model', 'dataset', 'evidence'] as const satisfies readonly SealedSubject[];
export type DigestSubject = (typeof DIGEST_SUBJECTS)[number];

export interface SealedSecret {
  readonly subject: DigestSubject;
  /** 16 random bytes, hex */
  readonly salt: string;
  /** Sorted, each once: of a model its file, weight and nameless digest, of a dataset its manifest's */
  readonly digests: readonly Digest[];
}

/** SHA-256 of the canonical JSON `{digests, maker, origin, salt, subject, type}`. */
export const sealCommitment = (
  sha256: Sha256,
  { origin, maker }: { origin: string; maker: string },
  { subject, salt, digests }: SealedSecret,
): Digest => formatDigest(sha256(canonicalize({ type: 'muniment sealed v1', origin, maker, subject, salt, digests })));

/** Keeps a commitment from being guessed. */
export const salt = z.string().regex(/^[0-9a-f]{32}$/, 'must be 128 random bits in hex');

const sealedForm = form('sealed', { subject: z.enum(SEALED_SUBJECTS), commitment: digest }, ({ id }) => [urn(id)]);
export type SealedBody = z.infer<typeof sealedForm.body>;

export const sealed = kind(sealedForm, {
  sealed: true,
  reads: ({ common }) => [['sealed', common.maker, common.id]],
  judge({ common, body }, rows, place) {
    if (rows.get('sealed', common.maker, common.id) !== undefined) {
      throw new RegistryError('already_exists', `You have sealed something as ${common.id} already.`, {
        field: 'id',
        fix: 'Make a new random id.',
      });
    }
    return [put('sealed', { maker: common.maker, id: common.id, ...body, openedIndex: null, ...place })];
  },
});

/** What opens a sealed statement, beside its name. */
export const secretShape = {
  subject: z.enum(DIGEST_SUBJECTS),
  salt,
  digests: z
    .array(digest)
    .min(1)
    .max(100)
    .refine((all) => all.every((each, i) => i === 0 || all[i - 1]! < each), 'must be sorted, each digest once'),
};

const openingShape = {
  sealed: id('sealed'),
  commitment: digest.describe("The sealed statement's"),
  ...secretShape,
};

const openingForm = form('opening', openingShape, (_, { sealed, subject, digests }) => [
  urn(sealed),
  ...digests.map((digest) => ({ name: subject, digest })),
]);
export type OpeningBody = z.infer<typeof openingForm.body>;

export const opening = kind(openingForm, {
  names: ({ digests }) => digests,
  reads: ({ common, body }): RowKey[] => [['sealed', common.maker, body.sealed]],
  coheres(sha256, { commitment, ...secret }, common) {
    if (sealCommitment(sha256, common, secret) === commitment) return;
    throw new RegistryError('digest_mismatch', 'Salt and digests are not the ones that the commitment was made from.', {
      field: 'commitment',
    });
  },
  judge(spoken, rows, place) {
    const { body } = spoken;
    const row = requireSealed(spoken, rows);
    if (row.openedIndex !== null) {
      throw new RegistryError('state_conflict', `${row.id} is open already.`, { field: 'sealed' });
    }
    requireCommitment(row, body);
    return [
      put('sealed', { ...row, openedIndex: place.recordedIndex }),
      ...body.digests.map((digest) =>
        put('possession', {
          digest,
          maker: row.maker,
          sealedId: row.id,
          subject: row.subject,
          sealedIndex: row.recordedIndex,
          ...place,
        }),
      ),
    ];
  },
});

/**
 * The sealed record that an opening names. What another party sealed is not looked for, so it cannot be told from what is
 * not there.
 * @throws RegistryError `not_found`, `basis_stale`
 */
export function requireSealed(spoken: Spoken<{ sealed: string }>, rows: Rows): Tables['sealed'] {
  const { common, body } = spoken;
  const row = rows.get('sealed', common.maker, body.sealed);
  if (row === undefined) {
    throw new RegistryError('not_found', `You have sealed nothing as ${body.sealed}.`, { field: 'sealed' });
  }
  requireBasis(spoken, row);
  return row;
}

/** @throws RegistryError `digest_mismatch` */
export function requireCommitment(
  row: Tables['sealed'],
  { commitment, subject }: { commitment: Digest; subject: SealedSubject },
): void {
  if (row.commitment === commitment && row.subject === subject) return;
  throw new RegistryError('digest_mismatch', `The commitment is not the one that ${row.id} holds.`, {
    field: 'commitment',
  });
}
