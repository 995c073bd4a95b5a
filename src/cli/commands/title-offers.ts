/** `muniment title assign`, `pledge`, `option`, `hold`, `license-exclusively` and `agree`: instruments that a party offers. */
import type { Command } from 'commander';
import type { Terms } from '../../core/title/terms.ts';
import type { Context } from '../context.ts';
import { actionOf, dayOf } from '../parse.ts';
import { fields } from '../table.ts';
import type { OfferFacts } from '../titles.ts';
import type { TitleView } from '../views.ts';

export const ASSET = 'a model by the id of its registration, a digest, or its file; or a dataset by its id';

interface Options extends Omit<OfferFacts, 'to'> {
  to: string;
}

export function defineTitleOffers(title: Command, context: Context): void {
  offer(title, 'assign', 'Offer a share of yours to another party; it passes when the other side accepts.')
    .requiredOption('--to <party>', 'who gets it, by id or name')
    .requiredOption('--share <n/d>', 'of the whole, an exact fraction')
    .option('--under <instrument>', 'the option or hold that it fulfils')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment title assign model.safetensors --to "Beta Corp" --share 1/3 --document sale.pdf --executed 2026-11-20 --jurisdiction DE',
    )
    .action(async (asset: string, { to, share, under, ...facts }: Options & { share: string; under?: string }) => {
      const { shareOf } = await import('../title-terms.ts');
      const terms: Terms = { type: 'assignment', share: shareOf(share), under: under ?? null };
      await offerTo(context, asset, to, facts, terms);
    });

  for (const [name, type, description, example] of RESTING) {
    offer(title, name, description)
      .requiredOption('--to <party>', 'who holds it, by id or name')
      .requiredOption('--share <n/d>', 'of the whole, an exact fraction')
      .option('--until <day>', 'the last day on which it stands; no end where none is given', dayOf)
      .addHelpText('after', `\nExample:\n  $ muniment title ${name} ${example}`)
      .action(async (asset: string, { to, share, until, ...facts }: Options & { share: string; until?: string }) => {
        const { shareOf } = await import('../title-terms.ts');
        await offerTo(context, asset, to, facts, { type, share: shareOf(share), until: until ?? null });
      });
  }

  offer(title, 'hold', 'Keep a share of yours for one party while a deal is made; it stands at once.')
    .requiredOption('--to <party>', 'for whom it is kept, by id or name')
    .requiredOption('--share <n/d>', 'of the whole, an exact fraction')
    .requiredOption('--until <day>', 'the last day on which it stands', dayOf)
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment title hold model.safetensors --to "Beta Corp" --share 1/3 --until 2027-01-31',
    )
    .action(async (asset: string, { to, share, until, ...facts }: Options & { share: string; until: string }) => {
      const { shareOf } = await import('../title-terms.ts');
      await offerTo(context, asset, to, facts, { type: 'priority-hold', share: shareOf(share), until });
    });

  offer(title, 'license-exclusively', 'Offer one party a license that nobody else gets; all owners must agree.')
    .requiredOption('--to <party>', 'the licensee, by id or name')
    .requiredOption('--action <action...>', 'infer, fine-tune, distill, redistribute, host')
    .option('--territory <country...>', 'two-letter country codes; everywhere where none is given')
    .option('--field-of-use <text>', 'for this purpose only')
    .option('--until <day>', 'the last day on which it stands; no end where none is given', dayOf)
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment title license-exclusively model.safetensors --to "Beta Corp" --action host --territory DE FR --until 2027-12-31',
    )
    .action(async (asset: string, { to, action, territory, fieldOfUse, until, ...facts }: ExclusiveOptions) => {
      await offerTo(context, asset, to, facts, {
        type: 'exclusive-license',
        actions: action.map(actionOf),
        territory: territory ?? null,
        fieldOfUse: fieldOfUse ?? null,
        until: until ?? null,
      });
    });

  offer(title, 'agree', 'Offer the other owners an agreement: whose consent it takes to dispose of a share.')
    .requiredOption('--quorum <type=n/d...>', 'what is done with a share, and which share of the owners must agree')
    .option('--with <party...>', 'by id or name; all the other owners where none is named')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment title agree model.safetensors --quorum assignment=2/3 pledge=1/2\n\n' +
        'The types are assignment, pledge, option, priority-hold and exclusive-license.',
    )
    .action(async (asset: string, { quorum, with: parties, ...facts }: AgreeOptions) => {
      const { quorumsOf } = await import('../title-terms.ts');
      await offerIt(context, asset, { ...facts, ...(parties === undefined ? {} : { to: parties }) }, ({ quorums }) => ({
        type: 'co-ownership',
        quorums: quorumsOf(quorum, quorums),
      }));
    });
}

interface ExclusiveOptions extends Options {
  action: string[];
  territory?: string[];
  fieldOfUse?: string;
  until?: string;
}

interface AgreeOptions extends Omit<OfferFacts, 'to'> {
  quorum: string[];
  with?: string[];
}

/** What rests on a share of its maker until the other side releases it or its day is over. */
const RESTING = [
  [
    'pledge',
    'pledge',
    'Offer a share of yours as security; it then passes only with the consent of who holds the lien.',
    'model.safetensors --to "First Bank" --share 1/2 --document loan.pdf',
  ],
  [
    'option',
    'option',
    'Offer one party the right to be assigned a share of yours.',
    'model.safetensors --to "Beta Corp" --share 1/3 --until 2027-06-30',
  ],
] as const;

/** What every instrument states. */
const offer = (title: Command, name: string, description: string): Command =>
  title
    .command(name)
    .description(description)
    .argument('<asset>', ASSET)
    .option('--document <file>', 'the signed document; its digest goes on record')
    .option('--executed <day>', 'when it was signed', dayOf)
    .option('--effective <day>', 'from when it counts; today where none is given', dayOf)
    .option('--jurisdiction <country>', 'whose law governs it, a two-letter code')
    .option('--lapses <when>', 'when the offer ends if it is not in force by then');

const offerTo = (context: Context, asset: string, to: string, facts: Omit<OfferFacts, 'to'>, terms: Terms) =>
  offerIt(context, asset, { ...facts, to: [to] }, () => terms);

async function offerIt(context: Context, asset: string, facts: OfferFacts, termsOf: (title: TitleView) => Terms) {
  const [{ offerInstrument }, { namesOf, sentenceOf }] = await Promise.all([
    import('../titles.ts'),
    import('../describe-title.ts'),
  ]);
  const { id, body, state, receipt } = await offerInstrument(context, asset, facts, termsOf);
  const { client, me } = await context.session();
  const name = context.json ? String : await namesOf(client, [me.party.id, ...body.counterparties]);
  context.print({ id, ...body, state, receipt }, () =>
    fields([
      [state === 'recorded' ? 'in force' : 'offered', id],
      ['what', sentenceOf({ ...body, maker: me.party.id }, name)],
      ['document', body.documentDigest ?? 'none is named'],
      ['counts from', body.effectiveFrom],
      ['waits for', state === 'recorded' ? undefined : `muniment title accept ${id}`],
      ['on record', `entry ${receipt.index}`],
    ]),
  );
}
