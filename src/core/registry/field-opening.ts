/**
 * Openings of a sealed title, a field at a time. Each reveals fields with their salts and the proofs that they are part of
 * what was sealed; what it does not reveal stays sealed, and a field opens once.
 *
 * As with any opening, it is evidence and moves no title: a digest that it reveals was known to its maker before the
 * sealed entry, and the other fields are what its maker stated by then. That they were true, nobody has looked at.
 */
import { z } from 'zod';
import { canonicalize } from '../canonical-json.ts';
import { fromUtf8 } from '../bytes.ts';
import type { Digest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { digest, form, id, urn } from '../statement/statement.ts';
import { kind } from './kind.ts';
import { requireCommitment, requireSealed, salt } from './sealed.ts';
import type { OpenedField } from './sealed-title.ts';
import {
  commitmentOf,
  KNOWN_BY,
  requireMeaning,
  TITLE_FIELDS,
  TITLE_PROOF_LENGTH,
  TITLE_SHAPE,
} from './sealed-title.ts';
import type { RowKey } from './row-keys.ts';
import { put } from './tables.ts';

const [firstField, ...otherFields] = TITLE_FIELDS.map((field) =>
  z.strictObject({
    field: z.literal(field),
    salt,
    value: z.nullable(TITLE_SHAPE[field]).describe('Null where nothing was said'),
    proof: z
      .array(z.base64().length(44))
      .length(TITLE_PROOF_LENGTH)
      .describe("Hashes from the field's leaf to the commitment, leaf sibling first, base64"),
  }),
);
const openedField = z.discriminatedUnion('field', [firstField!, ...otherFields], {
  error: ({ code }) => (code === 'invalid_union' ? `must be one of ${TITLE_FIELDS.join(', ')}` : undefined),
}) as unknown as z.ZodType<OpenedField>;

const fieldOpeningForm = form(
  'field-opening',
  {
    sealed: id('sealed'),
    commitment: digest.describe("The sealed statement's"),
    fields: z
      .array(openedField)
      .min(1)
      .refine(
        (all) => all.every(({ field }, i) => i === 0 || placeOf(all[i - 1]!.field) < placeOf(field)),
        'must stand in the order of the fields, each once',
      ),
  },
  (_, { sealed, fields }) => [
    urn(sealed),
    ...knownIn(fields).map(({ field, value }) => ({ name: field, digest: value })),
  ],
);
export type FieldOpeningBody = z.infer<typeof fieldOpeningForm.body>;

export const fieldOpening = kind(fieldOpeningForm, {
  names: ({ fields }) => [...new Set(knownIn(fields).map(({ value }) => value))],
  reads: ({ common: { maker }, body: { sealed, fields } }): RowKey[] => [
    ['sealed', maker, sealed],
    ...fields.map(({ field }): RowKey => ['sealed_field', maker, sealed, field]),
    ...knownIn(fields).map(({ value }): RowKey => ['possession', value, maker, sealed]),
  ],
  coheres(sha256, { commitment, fields }, common) {
    for (const [i, opened] of fields.entries()) {
      if (commitmentOf(sha256, common, opened) !== commitment) {
        throw new RegistryError(
          'proof_invalid',
          `Value, salt and proof of the field "${opened.field}" do not lead to the commitment.`,
          { field: `fields.${i}`, fix: 'Open it with the file that was written when it was sealed.' },
        );
      }
      if (opened.value !== null) requireMeaning({ [opened.field]: opened.value }, `fields.${i}.value`);
    }
  },
  judge(spoken, rows, place) {
    const { body } = spoken;
    const row = requireSealed(spoken, rows);
    requireCommitment(row, { ...body, subject: 'title' });
    const { maker, id: sealedId, subject, recordedIndex: sealedIndex } = row;
    for (const [i, { field }] of body.fields.entries()) {
      if (rows.get('sealed_field', maker, sealedId, field) !== undefined) {
        throw new RegistryError('state_conflict', `The field "${field}" of ${sealedId} is open already.`, {
          field: `fields.${i}.field`,
        });
      }
    }
    const known = new Set(knownIn(body.fields).map(({ value }) => value));
    for (const digest of known) {
      if (rows.get('possession', digest, maker, sealedId) !== undefined) {
        throw new RegistryError('state_conflict', `Another field of ${sealedId} has revealed ${digest} already.`, {
          field: 'fields',
        });
      }
    }
    return [
      ...(row.openedIndex === null ? [put('sealed', { ...row, openedIndex: place.recordedIndex })] : []),
      ...body.fields.map(({ field, value }) =>
        put('sealed_field', { maker, sealedId, field, value: fromUtf8(canonicalize(value)), ...place }),
      ),
      ...[...known].map((digest) => put('possession', { digest, maker, sealedId, subject, sealedIndex, ...place })),
    ];
  },
});

const placeOf = (field: OpenedField['field']): number => TITLE_FIELDS.indexOf(field);

/** The opened digests, by which a look-up finds the title. */
export function knownIn(fields: readonly OpenedField[]): { field: string; value: Digest }[] {
  return fields.flatMap(({ field, value }) =>
    (KNOWN_BY as readonly string[]).includes(field) && value !== null ? [{ field, value: value as Digest }] : [],
  );
}
