/** Erasing a name: a statement of the party itself, or of the registrar, that stays; value and salt are gone with it. */
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { erasure as kind, ERASURE_REASONS } from '../core/registry/commitment.ts';
import type { ErasureBody } from '../core/registry/commitment.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Context } from './context.ts';
import { write } from './sign.ts';

export interface EraseOptions {
  reason: string;
  yes?: boolean;
}

/** @param made the statement that committed to the value */
export async function eraseValue(
  context: Context,
  commitment: Digest,
  made: Digest,
  { reason, yes }: EraseOptions,
): Promise<Receipt> {
  const body: ErasureBody = { commitments: [commitment], reason: reasonOf(reason) };
  if (yes !== true) {
    throw new RegistryError('usage', 'What is erased cannot be brought back.', {
      field: 'yes',
      fix: 'Repeat with --yes.',
    });
  }
  return write(context, await context.session(), { kind, path: '/v1/erasures', body, basis: [made] });
}

function reasonOf(text: string): ErasureBody['reason'] {
  const found = ERASURE_REASONS.find((reason) => reason === text);
  if (found !== undefined) return found;
  throw new RegistryError('usage', `"${text.slice(0, 80)}" is no reason that can go on record.`, {
    field: 'reason',
    fix: `Use one of ${ERASURE_REASONS.join(', ')}.`,
  });
}
