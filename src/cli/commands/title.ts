/** `muniment title`: who owns what, since when, by which instrument, and the instruments that change it. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { dayOf } from '../parse.ts';
import { columns } from '../table.ts';
import { defineTitleAbstract } from './title-abstract.ts';
import { defineTitleActs } from './title-acts.ts';
import { defineTitleClaims } from './title-claim.ts';
import { defineTitleTimestamps } from './title-timestamp.ts';
import { ASSET, defineTitleOffers } from './title-offers.ts';
import { defineTitleSuccessions } from './title-succession.ts';

interface Moment {
  on?: string;
  known?: string;
}

export function define(program: Command, context: Context): void {
  const title = program
    .command('title')
    .description('Who owns a model or dataset, since when, by which instrument; and instruments that change it.');

  title
    .command('show')
    .description('Show owners with their shares, and what rests on the title, on any day as known at any time.')
    .argument('<asset>', ASSET)
    .option('--on <day>', 'whose title on this day; today where none is given', dayOf)
    .option('--known <size|time>', 'as was known with so many entries, or by that time')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment title show model.safetensors --on 2026-03-01 --known 2026-04-01\n\n' +
        'This is what the registry tells; "muniment title abstract" proves it.',
    )
    .action(async (asset: string, moment: Moment) => {
      const [{ findTitle }, { describeTitle, namesOf }] = await loadShown();
      const found = await findTitle(context, asset, moment);
      const parties = found.interests.flatMap(({ grantor, holder }) => [grantor, holder]);
      const name = context.json ? String : await namesOf(await context.client(), parties, found.owners);
      context.print(found, () => describeTitle(found, name));
    });

  title
    .command('portfolio')
    .description('Show what a party owned and had a right in, on any day as known at any time.')
    .argument('[party]', 'by id or name; you where none is given')
    .option('--on <day>', 'on this day; today where none is given', dayOf)
    .option('--known <size|time>', 'as was known with so many entries, or by that time')
    .addHelpText('after', '\nExample:\n  $ muniment title portfolio "Acme Labs" --on 2026-03-01')
    .action(async (party: string | undefined, moment: Moment) => {
      const [{ portfolioOf }, { describePortfolio }] = await loadShown();
      const found = await portfolioOf(context, party, moment);
      context.print(found, () => describePortfolio(found));
    });

  defineTitleOffers(title, context);

  title
    .command('offers')
    .description('Show open offers that wait for you or that you made, and what each waits for.')
    .option('--party <party>', 'those of another party, by id or name')
    .addHelpText('after', '\nExample:\n  $ muniment title offers')
    .action(async ({ party }: { party?: string }) => {
      const [{ openOffers }, { awaitedText, namesOf, sentenceOf }] = await loadShown();
      const open = await openOffers(context, party);
      const { client } = await context.session();
      const parties = open.flatMap(({ instrument, awaited }) => [
        instrument.maker,
        ...instrument.counterparties,
        ...awaited.owners,
        ...awaited.holders,
      ]);
      const name = context.json ? String : await namesOf(client, parties);
      context.print(open, () =>
        columns(
          ['offer', 'yours to answer', 'what, and what it waits for'],
          open.map(({ instrument, awaited, yours }) => [
            instrument.id,
            yours ? 'yes' : 'no',
            `${sentenceOf(instrument, name)}: waits for ${awaitedText(awaited, name).replaceAll('\n', '; ')}`,
          ]),
        ),
      );
    });

  title
    .command('instrument')
    .description('Show an instrument as its maker signed it, and what was done about it.')
    .argument('<instrument>', 'its id')
    .addHelpText('after', '\nExample:\n  $ muniment title instrument instrument_0123…')
    .action(async (id: string) => {
      const [{ instrumentOnRecord }, { describeInstrument, namesOf }] = await loadShown();
      const client = await context.client();
      const found = await instrumentOnRecord(context, client, id);
      const parties = [found.maker, ...found.counterparties, ...found.acts.map(({ maker }) => maker)];
      const name = context.json ? String : await namesOf(client, parties);
      context.print(found, () => describeInstrument(found, name));
    });

  defineTitleActs(title, context);
  defineTitleAbstract(title, context);
  defineTitleClaims(title, context);
  defineTitleSuccessions(title, context);
  defineTitleTimestamps(title, context);
}

const loadShown = () => Promise.all([import('../titles.ts'), import('../describe-title.ts')]);
