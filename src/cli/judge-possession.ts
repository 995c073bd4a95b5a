/**
 * What was sealed and opened since, judged before anybody believes it: the sealed statement and its openings, each proved
 * to stand in the log, by one maker, the ones opening the other. In the answer of a look-up, the opening must reveal the
 * digest that was asked for. All of it is read from the receipts; what is told beside them counts for nothing.
 */
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { FieldOpeningBody } from '../core/registry/field-opening.ts';
import { fieldOpening, knownIn } from '../core/registry/field-opening.ts';
import type { Spoken } from '../core/registry/kind.ts';
import type { OpeningBody, SealedBody } from '../core/registry/sealed.ts';
import { opening, sealed } from '../core/registry/sealed.ts';
import type { Context } from './context.ts';
import { checkReceipts } from './verify.ts';
import type { Possession, Stated } from './views.ts';

/** Its maker knew the digests, and stated what is stated, before `sealedIndex`. */
export interface JudgedPossession extends Possession {
  /** By which a look-up finds it: those that the first of the openings revealed. */
  digests: Digest[];
}

/** @throws RegistryError `proof_invalid`, and as a receipt that does not hold */
export async function judgePossession(
  context: Context,
  digest: Digest,
  checkpoint: string,
  { receipts: { sealed, opening, others: told } }: Possession,
): Promise<JudgedPossession> {
  const others = Array.isArray(told) ? told : [];
  const all = [sealed, opening, ...others];
  if (all.some((receipt) => receipt.checkpoint !== checkpoint)) {
    throw invalid('A receipt belongs to another checkpoint than the answer.');
  }
  const judged = judgeOpening({ sealed, opening, others }, await checkReceipts(context, all));
  if (!judged.digests.includes(digest)) throw invalid('The opening reveals another digest than was asked for.');
  return judged;
}

/**
 * @param spoken the statements of the receipts, which hold, in their order; that salts and values lead to the commitment
 * that an opening names was judged when it was read
 * @throws RegistryError `proof_invalid` when they do not belong together
 */
export function judgeOpening(receipts: Possession['receipts'], spoken: readonly Spoken[]): JudgedPossession {
  const [first, ...openings] = spoken as [Spoken<SealedBody>, ...Spoken<FieldOpeningBody | OpeningBody>[]];
  if (first.kind.kind !== sealed.kind) throw invalid('This is no sealed record.');
  const indexes = [receipts.opening, ...receipts.others].map(({ index }) => index);
  for (const [i, each] of openings.entries()) requireOpens(first, receipts.sealed.index, each, indexes[i]!);
  return {
    sealed: first.common.id,
    maker: first.common.maker,
    subject: first.body.subject,
    sealedIndex: receipts.sealed.index,
    openedIndex: receipts.opening.index,
    digests: digestsIn(openings[0]!.body),
    stated: openings
      .flatMap(({ body }, i) => statedIn(body, indexes[i]!))
      .sort((a, b) => a.openedIndex - b.openedIndex),
    receipts,
  };
}

function requireOpens(
  { body, common }: Spoken<SealedBody>,
  sealedIndex: number,
  { kind, body: opened, common: { origin, maker } }: Spoken<FieldOpeningBody | OpeningBody>,
  index: number,
): void {
  if (kind.kind !== opening.kind && kind.kind !== fieldOpening.kind) throw invalid('This is no opening.');
  const subject = 'subject' in opened ? opened.subject : 'title';
  const opens =
    opened.sealed === common.id &&
    opened.commitment === body.commitment &&
    subject === body.subject &&
    origin === common.origin &&
    maker === common.maker &&
    sealedIndex < index;
  if (!opens) throw invalid('The opening is not one of the sealed record beside it.');
}

const digestsIn = (body: FieldOpeningBody | OpeningBody): Digest[] =>
  'digests' in body ? body.digests : knownIn(body.fields).map(({ value }) => value);

const statedIn = (body: FieldOpeningBody | OpeningBody, openedIndex: number): Stated[] =>
  'fields' in body ? body.fields.map(({ field, value }) => ({ field, value, openedIndex }) as Stated) : [];

const invalid = (sentence: string): RegistryError =>
  new RegistryError('proof_invalid', sentence, { fix: 'Do not rely on this answer; keep it as evidence.' });
