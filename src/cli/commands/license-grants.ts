/** `muniment license grant`, `accept`, `decline`, `suspend`, `resume`, `terminate` and `list`: licenses given to one party. */
import type { Command } from 'commander';
import type { GrantAct } from '../../core/licensing/grant-states.ts';
import type { Context } from '../context.ts';
import type { GrantFacts } from '../grants.ts';
import { instantOf, wholeNumberOf } from '../parse.ts';
import { columns, fields } from '../table.ts';
import type { GrantView } from '../views.ts';

export function defineGrants(license: Command, context: Context): void {
  license
    .command('grant')
    .description('Offer one party a license on a model that you own, or a part of what was granted to you.')
    .option('--to <party>', 'the licensee, by id or name')
    .option('--license <license>', 'under this license, by id: what is not stated is as it says')
    .option('--under <grant>', 'pass on a part of this grant of yours: a sub-license')
    .option('--renews <grant>', 'go on from this grant, from its end')
    .option('--model <model>', 'the model that you own, by the id of its registration, a digest, or its file')
    .option('--action <action...>', 'infer, fine-tune, distill, redistribute, host')
    .option('--commercial', 'also for commercial use')
    .option('--territory <country...>', 'two-letter country codes; everywhere where none is given')
    .option('--field-of-use <text>', 'for this purpose only')
    .option('--max-calls <n>', 'at most so many uses', wholeNumberOf)
    .option('--seats <n>', 'at most so many holders at one time', wholeNumberOf)
    .option('--sublicensing', 'the licensee may pass parts of it on')
    .option('--terms <file>', 'the agreed terms; their digest goes on record')
    .option('--from <when>', 'when it begins; now where none is given')
    .option('--until <when>', 'when it ends')
    .option('--accept-within <days>', 'the offer lapses after so many', wholeNumberOf, 30)
    .addHelpText(
      'after',
      [
        '\nExample:',
        '  $ muniment license grant --license license_0123… --to "Beta Corp"',
        '  $ muniment license grant --model model.safetensors --to "Beta Corp" --action infer host --until 2027-12-31T00:00:00Z',
        '  $ muniment license grant --under grant_0123… --to "Gamma GmbH" --action infer',
        '  $ muniment license grant --renews grant_0123… --until 2028-12-31T00:00:00Z',
      ].join('\n'),
    )
    .action(async (options: GrantFacts) => {
      const { offerGrant } = await import('../grants.ts');
      const { body, receipt } = await offerGrant(context, options);
      context.print({ id: receipt.id, ...body, receipt }, () =>
        fields([
          ['grant', receipt.id],
          ['model', body.registration],
          ['under', body.license],
          ['part of', body.parent],
          ['renews', body.renews],
          ['licensee', body.licensee],
          ['may', body.actions.join(', ')],
          ['until', body.expiresAt ?? 'terminated'],
          ['offered until', body.acceptBy],
          ['on record', `entry ${receipt.index}`],
        ]),
      );
    });

  const act = (
    name: GrantAct,
    description: string,
    told: string,
    example = `muniment license ${name} grant_0123…`,
  ): Command =>
    license
      .command(name)
      .description(description)
      .argument('<grant>', 'its id')
      .option('--reason <text>', 'why; it goes on record', '')
      .addHelpText('after', `\nExample:\n  $ ${example}`)
      .action(async (id: string, { reason, on }: { reason: string; on?: string }) => {
        const { actOnGrant } = await import('../grants.ts');
        const receipt = await actOnGrant(context, id, name, { reason, effectiveAt: on ?? null });
        context.print(receipt, () => `The license ${id} is ${told}, on record as entry ${receipt.index}.\n`);
      });

  act('accept', 'Accept a license that was offered to you: from then on tokens are issued under it.', 'accepted');
  act('decline', 'Decline a license that was offered to you.', 'declined');
  act(
    'suspend',
    'Suspend a license that you gave: its tokens are refused until you resume it.',
    'suspended',
    'muniment license suspend grant_0123… --reason "invoice 17 is open"',
  );
  act('resume', 'Let a suspended license go on.', 'in force again');
  act(
    'terminate',
    'End a license that you gave or got: every token under it, and every sub-license, is refused from then on.',
    'terminated',
    'muniment license terminate grant_0123… --reason "contract ended" --on 2027-03-31T00:00:00Z',
  )
    .alias('revoke')
    .option('--on <when>', 'when it ends, for a termination with notice; at once where none is given', instantOf);

  license
    .command('list')
    .description('Show the grants that you gave or got.')
    .addHelpText('after', '\nExample:\n  $ muniment license list')
    .action(async () => {
      const { client } = await context.session();
      const found = await client.get<GrantView[]>('/v1/grants');
      context.print(found, () =>
        columns(
          ['grant', 'licensee', 'may', 'state', 'until'],
          found.map(({ id, licensee, actions, state, expiresAt, endsAt }) => [
            id,
            licensee,
            actions.join(', '),
            state.replaceAll('-', ' '),
            endsAt ?? expiresAt ?? 'terminated',
          ]),
        ),
      );
    });
}
