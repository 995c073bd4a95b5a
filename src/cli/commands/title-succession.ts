/**
 * `muniment title merge`, `split`, `succession`, `successions`, `succession-accept`, `-reject`, `-withdraw` and `transmit`:
 * companies that merge and split, and what passes by that.
 */
import type { Command } from 'commander';
import type { TransmissionTerms } from '../../core/title/terms.ts';
import type { Context } from '../context.ts';
import type { SuccessionAct, SuccessionFacts } from '../party-succession.ts';
import { dayOf } from '../parse.ts';
import { columns, fields } from '../table.ts';
import { ASSET } from './title-offers.ts';

export function defineTitleSuccessions(title: Command, context: Context): void {
  for (const [command, type, description, into, what, example] of TYPES) {
    title
      .command(command)
      .description(description)
      .requiredOption(`--into ${into}`, what)
      .requiredOption('--document <file>', "the plan, or the company register's extract; its digest goes on record")
      .requiredOption('--jurisdiction <country>', 'under whose law, a two-letter code, or EU')
      .option('--effective <day>', 'from when it counts; today where none is given', dayOf)
      .option('--predecessor <party>', 'who ends, by id or name (registrar); you where none is given')
      .addHelpText(
        'after',
        `\nExample:\n  $ muniment title ${command} --into ${example} --document plan.pdf --jurisdiction DE\n\n` +
          'In force when every successor accepts; then the predecessor does nothing about title any more.',
      )
      .action(async ({ into, ...facts }: SuccessionFacts & { into: string | string[] }) => {
        const { stateSuccession } = await import('../party-succession.ts');
        const { body, receipt } = await stateSuccession(context, type, [into].flat(), facts);
        context.print({ id: receipt.id, ...body, receipt }, () =>
          fields([
            ['succession', receipt.id],
            ['document', body.documentDigest],
            ['counts from', body.effectiveFrom],
            ['waits for', `muniment title succession-accept ${receipt.id}`],
            ['on record', `entry ${receipt.index}`],
          ]),
        );
      });
  }

  title
    .command('succession')
    .description('Show a merger or split as it was signed, and what was done about it.')
    .argument('<succession>', 'its id')
    .addHelpText('after', '\nExample:\n  $ muniment title succession succession_0123…')
    .action(async (id: string) => {
      const [{ successionOnRecord }, { describeSuccession, namesOf }] = await loadShown();
      const client = await context.client();
      const found = await successionOnRecord(context, client, id);
      const parties = [found.predecessor, found.maker, ...found.successors.map(({ party }) => party)];
      const name = context.json ? String : await namesOf(client, parties);
      context.print(found, () => describeSuccession(found, name));
    });

  title
    .command('successions')
    .description('Show mergers and splits, the newest first.')
    .argument('[party]', 'those of one party, by id or name')
    .addHelpText('after', '\nExample:\n  $ muniment title successions "Acme Labs"')
    .action(async (party: string | undefined) => {
      const [{ listSuccessions }, { namesOf, successionText }] = await loadShown();
      const found = await listSuccessions(context, party);
      const parties = found.flatMap((each) => [each.predecessor, ...each.successors.map((one) => one.party)]);
      const name = context.json ? String : await namesOf(await context.client(), parties);
      context.print(found, () =>
        columns(
          ['succession', 'state', 'what', 'entry'],
          found.map((each) => [
            each.id,
            each.state === 'recorded' ? 'in force' : each.state,
            successionText(each, name),
            String(each.recordedIndex),
          ]),
        ),
      );
    });

  for (const [act, description, doing] of ACTS) {
    title
      .command(`succession-${act}`)
      .description(description)
      .argument('<succession>', 'its id')
      .option('--document <file>', 'the document that you hold; refused when it is not the one on record')
      .option('--reason <text>', 'why; it goes on record')
      .addHelpText('after', `\nExample:\n  $ muniment title succession-${act} succession_0123… --document plan.pdf`)
      .action(async (id: string, options: { document?: string; reason?: string }) => {
        const [{ actOnSuccession }, { namesOf, successionText }] = await loadShown();
        const { state, receipt } = await actOnSuccession(context, act, id, options, async (stated) => {
          const { client } = await context.session();
          const parties = [stated.predecessor, ...stated.successors.map(({ party }) => party)];
          const name = await namesOf(client, parties);
          context.note(`${doing}: ${successionText(stated, name)}, from ${stated.effectiveFrom}.`);
          if (options.document === undefined) {
            context.note(`It is about a document that was not checked: ${stated.documentDigest} (--document FILE).`);
          }
        });
        context.print({ succession: id, act, state, receipt }, () =>
          fields([
            ['succession', id],
            ['state', state === 'recorded' ? 'in force' : state],
            ['next', state === 'recorded' ? `muniment title transmit --succession ${id}` : undefined],
            ['on record', `entry ${receipt.index}`],
          ]),
        );
      });
  }

  title
    .command('transmit')
    .description('As a successor, put on record what has passed by a merger or split. Nobody has to accept it.')
    .argument('[asset]', `${ASSET}; everything that the predecessor has where none is given`)
    .requiredOption('--succession <succession>', 'its id')
    .addHelpText('after', '\nExample:\n  $ muniment title transmit model.safetensors --succession succession_0123…')
    .action(async (asset: string | undefined, { succession }: { succession: string }) => {
      const { transmit } = await import('../party-succession.ts');
      const done = await transmit(context, succession, asset);
      if (done.some(({ refused }) => refused !== undefined)) context.refuse();
      const shown = done.map(({ refused, ...each }) => ({ ...each, refused: refused?.toProblem() ?? null }));
      context.print(shown, () =>
        columns(
          ['asset', 'passed', 'instrument'],
          done.flatMap(({ asset: of, transmissions, refused }) =>
            refused === undefined
              ? transmissions.map(({ id, terms }) => [of, passedText(terms), id])
              : [[of, `nothing: ${refused.message}`, '']],
          ),
        ),
      );
    });
}

function passedText({ shares, interests }: TransmissionTerms): string {
  const rights = interests.length === 0 ? [] : [`${interests.length} ${interests.length === 1 ? 'right' : 'rights'}`];
  return [...shares.map(({ share }) => share), ...rights].join(', ');
}

const TYPES = [
  [
    'merge',
    'merger',
    'State that your company merges into another one, and ends by that.',
    '<party>',
    'who takes everything, by id or name',
    '"Acme Holding"',
  ],
  [
    'split',
    'split',
    'State that your company is split among several, and ends by that.',
    '<party=n/d...>',
    'who takes which portion; the first named takes what cannot be divided',
    '"Acme North=1/2" "Acme South=1/2"',
  ],
] as const;

const ACTS: readonly (readonly [act: SuccessionAct, description: string, doing: string])[] = [
  ['accept', 'Accept, as a successor, to take the place of a party that ends.', 'You accept'],
  ['reject', 'Reject, as a successor, a merger or split for good.', 'You reject'],
  ['withdraw', 'Withdraw a merger or split that you stated and that is not in force yet.', 'You withdraw'],
];

const loadShown = () => Promise.all([import('../party-succession.ts'), import('../describe-title.ts')]);
