/** `muniment title accept`, `reject`, `withdraw`, `consent`, `record` and `release`: what is done about an instrument. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { fields } from '../table.ts';
import type { PartyAct } from '../titles.ts';

const ACTS: readonly (readonly [act: PartyAct, description: string, doing: string])[] = [
  ['accept', 'Accept what another party offers you.', 'You accept'],
  ['reject', 'Reject what another party offers you, for good.', 'You reject'],
  ['withdraw', 'Withdraw an offer of yours that is not in force yet.', 'You withdraw'],
  ['consent', 'Consent, as another owner or as holder of an interest, to what is offered.', 'You consent to this'],
  ['record', 'Put in force what waits for nothing any more.', 'You put in force'],
  ['release', 'Release what you hold: a lien, an option, a hold or an exclusive license.', 'You release'],
];

export function defineTitleActs(title: Command, context: Context): void {
  for (const [act, description, doing] of ACTS) {
    title
      .command(act)
      .description(description)
      .argument('<instrument>', 'its id, as "muniment title offers" shows it')
      .option('--document <file>', 'the document that you hold; refused when it is not the one on record')
      .option('--reason <text>', 'why; it goes on record')
      .addHelpText('after', `\nExample:\n  $ muniment title ${act} instrument_0123… --document agreement.pdf`)
      .action(async (id: string, options: { document?: string; reason?: string }) => {
        const [{ actOn }, { namesOf, sentenceOf }] = await Promise.all([
          import('../titles.ts'),
          import('../describe-title.ts'),
        ]);
        const { state, receipt } = await actOn(context, act, id, options, async (offer) => {
          const { client } = await context.session();
          const name = await namesOf(client, [offer.maker, ...offer.counterparties]);
          context.note(`${doing}: ${sentenceOf(offer, name)}, from ${offer.effectiveFrom}.`);
          if (offer.documentDigest !== null && options.document === undefined) {
            context.note(`It is about a document that was not checked: ${offer.documentDigest} (--document FILE).`);
          }
        });
        context.print({ instrument: id, act, state, receipt }, () =>
          fields([
            ['instrument', id],
            ['state', state === 'recorded' ? 'in force' : state],
            ['waits for', ['offered', 'accepted'].includes(state) ? 'see "muniment title offers"' : undefined],
            ['on record', `entry ${receipt.index}`],
          ]),
        );
      });
  }
}
