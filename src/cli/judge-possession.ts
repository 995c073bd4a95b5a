/**
 * Possessions in the answer of a look-up, judged before anybody believes them: the sealed statement and its opening, each
 * proved to stand in the log, by one maker, the one opening the other, and revealing the digest that was asked for.
 */
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { OpeningBody, SealedBody } from '../core/registry/sealed.ts';
import type { Spoken } from '../core/registry/kind.ts';
import type { Context } from './context.ts';
import { checkReceipts } from './verify.ts';
import type { Possession } from './views.ts';

/** Its maker knew the digest before `sealedIndex`. */
export type JudgedPossession = Possession;

/** @throws RegistryError `proof_invalid`, and as a receipt that does not hold */
export async function judgePossession(
  context: Context,
  digest: Digest,
  checkpoint: string,
  told: Possession,
): Promise<JudgedPossession> {
  const { receipts } = told;
  if ([receipts.sealed, receipts.opening].some((receipt) => receipt.checkpoint !== checkpoint)) {
    throw invalid('A receipt belongs to another checkpoint than the answer.');
  }
  const [sealed, opening] = (await checkReceipts(context, [receipts.sealed, receipts.opening])) as [
    Spoken<SealedBody>,
    Spoken<OpeningBody>,
  ];
  if (sealed.kind.kind !== 'sealed' || opening.kind.kind !== 'opening') throw invalid('This is no opening.');
  // That salt and digests lead to the commitment was judged when the opening was read.
  const opens =
    opening.body.sealed === sealed.common.id &&
    opening.body.commitment === sealed.body.commitment &&
    opening.body.subject === sealed.body.subject &&
    opening.common.maker === sealed.common.maker &&
    receipts.sealed.index < receipts.opening.index;
  if (!opens) throw invalid('The opening is not one of the sealed record beside it.');
  if (!opening.body.digests.includes(digest)) throw invalid('The opening reveals another digest than was asked for.');
  return {
    sealed: sealed.common.id,
    maker: sealed.common.maker,
    subject: sealed.body.subject,
    sealedIndex: receipts.sealed.index,
    openedIndex: receipts.opening.index,
    receipts,
  };
}

const invalid = (sentence: string): RegistryError =>
  new RegistryError('proof_invalid', sentence, { fix: 'Do not rely on this answer; keep it as evidence.' });
