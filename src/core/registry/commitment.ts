/**
 * Personal values. What is in the log stays for ever, so a person's name never is: the statement holds a salted
 * commitment, value and salt lie in a table whose rows are erased when they must be. A statement that says so, an
 * `erasure`, stands in the log, and every proof holds as before: nothing that was signed has changed.
 *
 * The salt keeps a name from being guessed. A commitment that was copied from another statement would put its value under
 * somebody else's hand, so each is made once, and only the party whose value it is, or the registrar, erases it.
 */
import { z } from 'zod';
import { concat, fromHex, utf8 } from '../bytes.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { formatDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { digest, form, urn } from '../statement/statement.ts';
import { isRegistry } from './authority.ts';
import type { Place, Rows, Spoken } from './kind.ts';
import { kind, need, requireBasis } from './kind.ts';
import type { RowKey } from './row-keys.ts';
import type { RowChange, Tables } from './tables.ts';
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

/** A commitment that a statement makes, and the party that may have its value erased. */
export interface Commitment {
  readonly commitment: Digest;
  readonly partyId: string;
}

/** Commitments that the statement makes, each of which is opened beside it. */
export const commitmentsOf = ({ kind, common, body }: Spoken): readonly Commitment[] =>
  kind.commitments?.(common, body) ?? [];

export const commitmentReads = (spoken: Spoken): readonly RowKey[] =>
  commitmentsOf(spoken).map(({ commitment }): RowKey => ['commitment', commitment]);

/** @throws RegistryError `already_exists` for a commitment of an earlier statement */
export function makeCommitments(spoken: Spoken, rows: Rows, place: Place): readonly RowChange[] {
  return commitmentsOf(spoken).map(({ commitment, partyId }) => {
    if (rows.get('commitment', commitment) !== undefined) {
      throw new RegistryError('already_exists', `The commitment ${commitment} is on record already.`, {
        fix: 'Draw a new salt.',
      });
    }
    return put('commitment', { commitment, partyId, erasedIndex: null, ...place });
  });
}

/** Why a value is erased; words of one's own could be personal again, and would stay. */
export const ERASURE_REASONS = [
  'asked-by-subject',
  'consent-withdrawn',
  'legal-order',
  'no-longer-needed',
  'recorded-by-mistake',
] as const;

const erasureShape = {
  commitments: z
    .array(digest)
    .min(1)
    .max(50)
    .refine((all) => new Set(all).size === all.length, 'each commitment is named once')
    .describe('Whose values and salts are erased'),
  reason: z.enum(ERASURE_REASONS),
};

const erasureForm = form('erasure', erasureShape, ({ id }) => [urn(id)]);
export type ErasureBody = z.infer<typeof erasureForm.body>;

export const erasure = kind(erasureForm, {
  reads: ({ body }) => body.commitments.map((commitment): RowKey => ['commitment', commitment]),
  judge(spoken, rows, { recordedIndex }) {
    return spoken.body.commitments.map((commitment, i) => {
      const row = requireErasable(spoken, rows, commitment, `commitments.${i}`);
      requireBasis(spoken, row);
      if (row.erasedIndex !== null) {
        throw new RegistryError('state_conflict', `The value of ${commitment} is erased already.`, {
          field: `commitments.${i}`,
        });
      }
      return put('commitment', { ...row, erasedIndex: recordedIndex });
    });
  },
});

/** Another party's commitment answers like one that is not there. */
function requireErasable(spoken: Spoken, rows: Rows, commitment: Digest, field: string): Tables['commitment'] {
  const row = rows.get('commitment', commitment);
  const maker = need(rows, 'party', spoken.common.maker, 'maker');
  if (row !== undefined && (row.partyId === maker.id || isRegistry(maker))) return row;
  throw new RegistryError('not_found', `There is no value under ${commitment} that you may erase.`, { field });
}
