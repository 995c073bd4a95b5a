/**
 * Disclosures as their reader takes them: every statement that one cites is fetched with its receipt and verified, and
 * must be what it is cited as and speak of this model or its data. How the registry put a statement into words is then
 * held against the statement by whoever doubts it; a registry cannot cite what nobody signed.
 */
import type { Citation, DisclosureDocument } from '../core/disclosure.ts';
import { citationsOf, disclosureDocument } from '../core/disclosure.ts';
import { RegistryError } from '../core/errors.ts';
import type { Spoken } from '../core/registry/kind.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Context } from './context.ts';
import { findAnyModel } from './find-model.ts';
import { checkReceipts } from './verify.ts';
import type { RegistrationBody } from './views.ts';

export interface Disclosed {
  disclosure: DisclosureDocument;
  /** How many statements it rests on */
  statements: number;
  /** The questions that nobody answered, wholly or of some datasets */
  open: string[];
}

/** @throws RegistryError `proof_invalid`, `signature_invalid` for a disclosure that rests on something else */
export async function discloseModel(context: Context, model: string, form: string): Promise<Disclosed> {
  const id = await findAnyModel(context, model);
  const client = await context.client();
  const answer = disclosureDocument.safeParse(await client.get(`/v1/models/${id}/disclosures/${form}?format=json`));
  if (!answer.success) throw new RegistryError('proof_invalid', 'The registry answered with something else.');
  const disclosure = answer.data;

  const cited = citationsOf(disclosure);
  const receipts: Receipt[] = [];
  for (const { statement } of cited) receipts.push(await client.get<Receipt>(`/v1/receipts/${statement}`));
  const spoken = await checkReceipts(context, receipts);
  for (const [i, citation] of cited.entries()) requireCited(citation, spoken[i], receipts[i]!);
  requireAbout(id, disclosure, spoken);

  const open = disclosure.sections.flatMap(({ number, title, questions }) =>
    questions
      .filter(({ stated }) => stated !== 'all')
      .map(
        ({ question, stated }) => `${number} ${title}: ${question}${stated === 'part' ? ' (of some datasets)' : ''}`,
      ),
  );
  return { disclosure, statements: cited.length, open };
}

function requireCited({ kind, statement, index, maker }: Citation, spoken: Spoken | undefined, receipt: Receipt): void {
  const is =
    spoken?.payloadDigest === statement &&
    spoken.kind.kind === kind &&
    spoken.common.maker === maker &&
    receipt.index === index;
  if (!is) throw new RegistryError('proof_invalid', `The statement ${statement} is not what it is cited as.`);
}

/** The registration is the one that was asked for, and all else is about it or the data that it names. */
function requireAbout(id: string, { model }: DisclosureDocument, spoken: readonly Spoken[]): void {
  const registration = spoken.find(({ payloadDigest }) => payloadDigest === model.statement);
  if (registration?.kind.kind !== 'registration' || registration.common.id !== id) {
    throw new RegistryError('proof_invalid', `The disclosure is not about ${id}.`);
  }
  const known = new Set([id, ...(registration.body as RegistrationBody).datasets]);
  for (const { body, common, kind, payloadDigest } of spoken) {
    const { registration: of, dataset } = body as { registration?: string; dataset?: string };
    if (known.has(of ?? dataset ?? common.id)) continue;
    throw new RegistryError('proof_invalid', `The ${kind.kind} ${payloadDigest} is about something else.`);
  }
}
